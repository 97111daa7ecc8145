"""What a report says of a decided and, where done, simulated and synthesised design."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import hwgen
from hwgen.backend.yosys import Synthesis
from hwgen.boards import Resources as Cells
from hwgen.dataflow import Dataflow, Stream
from hwgen.dataflow.units import ArgMaxUnit, FifoUnit
from hwgen.emit.names import Names
from hwgen.flow.context import timelines, versions
from hwgen.flow.decide import Decision
from hwgen.flow.prove import Proof
from hwgen.ir import Node, ops, range_bits
from hwgen.report import schema as s
from hwgen.search import FrontPoint


@dataclass(frozen=True)
class Facts:
    """What is known beside the decision; None where a step was not run."""

    proof: Proof | None = None
    synthesis: Synthesis | None = None
    routed: s.Routed | None = None


def summarise(
    decision: Decision, facts: Facts, command: str, steps: tuple[s.Step, ...]
) -> s.Report:
    """Return the report of a design."""
    network, flow = decision.network, decision.dataflow
    speed, clock = decision.performance, decision.clock_mhz
    ties = tie_channels(decision)
    synth = facts.synthesis
    per_node = _synth_by_node(flow, synth) if synth is not None and synth.parts else {}
    return s.Report(
        hwgen=hwgen.__version__,
        command=command,
        model=s.Model(
            name=network.name,
            sha256=network.sha256,
            macs=network.macs,
            weight_bits=network.weight_bits,
        ),
        board=decision.board.name,
        part=decision.board.device.part,
        clock_mhz=clock,
        performance=s.Performance(
            fps=decision.fps,
            latency_cycles=speed.latency_cycles,
            latency_us=speed.latency_cycles / clock,
            ii_cycles=_whole(speed.ii_cycles),
            bottleneck=speed.bottleneck,
            fps_with_io=decision.fps_with_io,
            io_cycles=decision.io_cycles,
        ),
        resources=s.Resources(
            estimate=counts(decision.estimate.total),
            synth=counts(synth.resources) if synth is not None else None,
            available=counts(decision.board.available),
            budget=decision.request.budget,
            lut_error=decision.estimate.lut_error,
            logic_ns=None if synth is None else synth.logic_ns,
        ),
        layers=tuple(_layer(decision, node, ties, per_node) for node in _built(decision)),
        streams=streams(flow, speed.peaks),
        input=_tensor(flow.streams[flow.input]),
        output=_tensor(flow.streams[flow.output]),
        verification=None if facts.proof is None else facts.proof.verification,
        routed=facts.routed,
        steps=steps,
        timelines=timelines(decision),
        front=tuple(_front_point(point) for point in decision.front),
        versions=versions(),
    )


def _front_point(point: FrontPoint) -> s.FrontPoint:
    cost = counts(point.cost)
    return s.FrontPoint(
        interval=point.interval,
        fps=point.fps,
        lut=cost.lut,
        ff=cost.ff,
        bram36=cost.bram36,
        dsp=cost.dsp,
        bottleneck=point.bottleneck,
    )


def counts(cells: Cells) -> s.Counts:
    """Return resources as a report stores them."""
    return s.Counts.model_validate(cells.as_dict())


def tie_channels(decision: Decision) -> Mapping[str, int]:
    """Return how many channels of each layer of the file have exact ties."""
    found: defaultdict[str, set[int]] = defaultdict(set)
    for tie in decision.network.ties:
        found[tie.layer].add(tie.channel)
    return {layer: len(channels) for layer, channels in found.items()}


def streams(flow: Dataflow, peaks: Mapping[str, int]) -> tuple[s.Stream, ...]:
    """Return the streams between layers; FIFOs and converters belong to the layer behind them.

    peaks : transfers that each FIFO holds at most
    """
    found: list[s.Stream] = []
    for name, stream in flow.streams.items():
        source, sink = flow.source.get(name), flow.sink.get(name)
        start = source.node if source is not None else "input"
        stop = sink.node if sink is not None else "output"
        if start == stop:
            continue
        queue = sink if isinstance(sink, FifoUnit) else None
        found.append(
            s.Stream(
                source=start,
                target=stop,
                lanes=stream.codes,
                bits=stream.type.bits,
                depth=0 if queue is None else queue.depth or 0,
                peak=None if queue is None else peaks.get(queue.name),
            )
        )
    return tuple(found)


def _built(decision: Decision) -> list[Node]:
    units = {unit.node for unit in decision.dataflow.units}
    return [node for node in decision.graph.nodes if node.name in units]


def _layer(
    decision: Decision,
    node: Node,
    ties: Mapping[str, int],
    synth: Mapping[str, Cells],
) -> s.Layer:
    graph, op = decision.graph, node.op
    unit = decision.dataflow[node.name]
    given = decision.dataflow.streams[unit.outputs[0]]
    cost = decision.estimate.layers[node.name].as_dict()
    x, y = graph.types[node.inputs[0]], graph.types[node.name]
    product = op if isinstance(op, ops.Mvu | ops.Vvu | ops.GroupedMvu) else None
    return s.Layer(
        name=node.name,
        op=type(op).__name__,
        source=node.source,
        pe=unit.pe if isinstance(unit, ArgMaxUnit) else given.lanes,
        simd=getattr(unit, "simd", 1),
        m=given.m,
        style=getattr(unit, "style", None),
        memory=getattr(unit, "memory", None),
        cycles=decision.performance.layer_cycles[node.name],
        lut=int(cost["lut"]),
        ff=int(cost["ff"]),
        bram36=cost["bram36"],
        dsp=int(cost["dsp"]),
        weight_bits=None if product is None else _weight_bits(product),
        input_bits=x.bits,
        output_bits=y.bits,
        acc_bits=None if product is None else y.bits,
        acc_low=None if product is None else y.low,
        acc_high=None if product is None else y.high,
        weights=0 if product is None else product.weights.size,
        thresholds=op.thresholds.shape[1] if isinstance(op, ops.Threshold) else None,
        macs=0 if product is None else product.weights.size * y.pixels,
        fifo_depth=_depth_behind(decision, node.name),
        synth=counts(synth[node.name]) if node.name in synth else None,
        ties=ties.get(node.source, 0),
    )


def _weight_bits(op: ops.Mvu | ops.Vvu | ops.GroupedMvu) -> int:
    return 1 if op.bipolar else range_bits(int(op.weights.min()), int(op.weights.max()))


def _depth_behind(decision: Decision, node: str) -> int:
    found = streams(decision.dataflow, decision.performance.peaks)
    return max((stream.depth for stream in found if stream.source == node), default=0)


def _synth_by_node(flow: Dataflow, synth: Synthesis) -> dict[str, Cells]:
    """Add up the instances of each layer; the top names them as ``Names`` does."""
    names = Names()
    found: dict[str, Cells] = {}
    for unit in flow.units:
        part = synth.parts.get(names.take(unit.name), Cells())
        found[unit.node] = found.get(unit.node, Cells()) + part
    return found


def _tensor(stream: Stream) -> s.Tensor:
    kind = stream.type
    return s.Tensor(
        shape=kind.shape,
        low=kind.low,
        high=kind.high,
        bits=kind.bits,
        lanes=stream.codes,
        transfers=stream.transfers,
    )


def _whole(cycles: float) -> int | float:
    return int(cycles) if float(cycles).is_integer() else cycles
