"""Simulation of a design and comparison with ONNX execution: what ``verification.json`` holds."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hwgen import timing
from hwgen.dataflow import pack
from hwgen.emit import Design, tap_bits
from hwgen.errors import VerificationError
from hwgen.flow.progress import Progress
from hwgen.frontend import Network
from hwgen.ir import Graph
from hwgen.ir.ops import IntArray
from hwgen.report import schema as s
from hwgen.verify import Engine, Verification, affordable_frames, choose, verify
from hwgen.verify.locate import locate

if TYPE_CHECKING:
    from hwgen.frontend.certificate import Certificate

MEANING = (
    "The integer network equals the file in real arithmetic on the file's constants, for every "
    "input, by construction. Simulated hardware equals the integer network on the frames of each "
    "run, in every integer and every cycle. ONNX execution rounds in float32; a code that differs "
    "there is explained only if its real value lies within that element's own rounding error of a "
    "threshold."
)

_TAP_BYTES = 2**28  # of the recorded layers, in memory


@dataclass(frozen=True)
class Proof:
    """What was found, for the report and for ``verification.json``; the faults as sentences."""

    verification: s.Verification
    document: s.VerificationFile
    faults: tuple[str, ...]


@dataclass(frozen=True)
class Simulated:
    """One run, with its share of stalled cycles; ``layers`` if every layer was compared."""

    stall: float
    layers: bool
    found: Verification

    @property
    def fault(self) -> str | None:
        """What is wrong in a sentence, None where nothing is."""
        if self.layers and self.found.divergence is not None:
            return (
                f"the output agrees, but a layer's codes differ between the reference and "
                f"{self.found.engine}; first: {self.found.divergence}"
            )
        return fault_of(self.found)


def simulate(
    design: Design,
    graph: Graph,
    codes: IntArray,
    *,
    engine: str,
    stalls: Sequence[float],
    layers: bool,
    folder: Path,
    ii_cycles: float,
    progress: Progress,
) -> tuple[Simulated, ...]:
    """Run ``codes`` through ``design`` once for each share of stalled cycles; return these runs.

    engine : name or ``auto``; where only a slow one is here, fewer frames run, and a note says so
    layers : run once more and compare every layer's codes, not the output alone
    """
    chosen, reason = choose(engine)
    frames = affordable_frames(chosen, ii_cycles, len(codes))
    if reason:
        progress.note(reason)
    if frames < len(codes):
        progress.note(f"{frames} of {len(codes)} frames are simulated on {chosen.name}")
    runs: list[Simulated] = []
    for share in stalls:
        found = verify(
            design,
            graph,
            codes[:frames],
            engine=chosen,
            folder=folder,
            stalls=(share,),
            notice=progress.note,
        )
        runs.append(Simulated(share, False, found))
    if layers and all(run.found.good for run in runs):
        runs.append(Simulated(0.0, True, _layers(design, graph, codes[:frames], chosen, folder)))
    return tuple(runs)


def _layers(
    design: Design, graph: Graph, codes: IntArray, engine: Engine, folder: Path
) -> Verification:
    """Run as many of the frames as memory allows once more, and compare every layer."""
    flow = design.dataflow
    taps = flow.observable()
    per_cycle = tap_bits(flow, taps) // 8 + 4
    times = timing.solve(flow.network, len(codes))
    ends = [times.last_output(frame) + 1 for frame in range(len(codes))]
    frames = max(1, sum(end * per_cycle <= _TAP_BYTES for end in ends))
    codes = codes[:frames]
    words = pack(codes, flow.streams[flow.input])
    started = time.perf_counter()
    first, _ = locate(
        design,
        graph,
        codes,
        words,
        engine=engine,
        folder=folder,
        stalls=None,
        cycles=ends[frames - 1],
    )
    values = frames * sum(flow.streams[name].type.size for name in taps)
    return Verification(
        engine=engine.name,
        frames=frames,
        values=values,
        mismatches=int(first is not None),
        cycles_predicted=ends[frames - 1],
        cycles_simulated=ends[frames - 1],
        divergence=first,
        late=None,
        hung=(),
        seconds=time.perf_counter() - started,
    )


def prove(
    network: Network,
    runs: Sequence[Simulated],
    certificate: Certificate,
) -> Proof:
    """Put simulations and the comparison with ONNX execution together."""
    ties = _ties(network)
    compared = _compared(certificate)
    documents = tuple(_run(run) for run in runs)
    free = next((run for run in documents if not run.stall), documents[0])
    verification = s.Verification(
        engine=free.engine,
        frames=sum(run.frames for run in documents),
        values=sum(run.values for run in documents),
        mismatches=sum(run.mismatches for run in documents),
        cycles_predicted=free.cycles_predicted,
        cycles_simulated=free.cycles_simulated,
        ties=sum(len(layer.channels) for layer in ties),
        onnx_frames=certificate.frames,
        onnx_explained=sum(layer.explained for layer in compared),
        onnx_unexplained=certificate.unexplained,
    )
    document = s.VerificationFile(
        meaning=MEANING, runs=documents, ties=ties, onnx_frames=certificate.frames, onnx=compared
    )
    faults = [run.fault for run in documents if run.fault is not None]
    if certificate.first is not None:
        faults.append(
            f"{certificate.unexplained} of {certificate.values} values differ from ONNX execution "
            f"by more than float32 rounding explains; first: {certificate.first}"
        )
    return Proof(verification, document, tuple(faults))


def _compared(certificate: Certificate) -> tuple[s.Compared, ...]:
    return tuple(
        s.Compared(
            layer=layer.name,
            values=layer.values,
            differing=layer.differing,
            explained=layer.explained,
            unexplained=layer.differing - layer.explained,
            first=str(layer.unexplained[0]) if layer.unexplained else None,
        )
        for layer in certificate.layers
    )


def _run(run: Simulated) -> s.Run:
    found, seen = run.found, run.found.divergence
    return s.Run(
        engine=found.engine,
        layers=run.layers,
        stall=run.stall,
        frames=found.frames,
        values=found.values,
        mismatches=found.mismatches,
        cycles_predicted=found.cycles_predicted,
        cycles_simulated=found.cycles_simulated,
        seconds=round(found.seconds, 3),
        divergence=None
        if seen is None
        else s.Divergence(
            frame=seen.frame,
            layer=seen.layer,
            source=seen.source,
            pixel=seen.pixel,
            channel=seen.channel,
            expected=seen.expected,
            got=seen.got,
        ),
        fault=run.fault,
    )


def fault_of(found: Verification) -> str | None:
    """Return what is wrong with a run in a sentence, None where nothing is."""
    try:
        found.require()
    except VerificationError as error:
        return str(error)
    return None


def _ties(network: Network) -> tuple[s.Ties, ...]:
    found: defaultdict[str, list[int]] = defaultdict(list)
    for tie in network.ties:
        found[tie.layer].append(tie.channel)
    return tuple(
        s.Ties(layer=layer, channels=tuple(sorted(set(channels))), codes=len(channels))
        for layer, channels in found.items()
    )
