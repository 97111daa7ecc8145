"""Drives a component's streams in Amaranth's simulator and compares its times with the model."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from amaranth.hdl import Shape, UnusedElaboratable, Value
from amaranth.lib import data
from amaranth.lib.wiring import In
from amaranth.sim import Simulator

from hwgen import timing
from hwgen.errors import FoldingError


@dataclass(frozen=True, eq=False)
class Run:
    """What came out, and when.

    outputs : per output int64 (transfers, lanes)
    input_cycles, output_cycles : per port, cycle of each transfer
    source_stalls, sink_stalls : per port bool (cycles,), what the drivers did
    cycles : from the first cycle after reset to the last transfer, both counted
    """

    outputs: tuple[np.ndarray, ...]
    input_cycles: tuple[np.ndarray, ...]
    output_cycles: tuple[np.ndarray, ...]
    source_stalls: tuple[np.ndarray, ...]
    sink_stalls: tuple[np.ndarray, ...]
    cycles: int

    @property
    def output(self) -> np.ndarray:
        """Transfers of the only output."""
        (only,) = self.outputs
        return only


def drive(
    dut,
    *transfers: np.ndarray,
    stall: float = 0.0,
    sink_stall: float | None = None,
    seed: int = 0,
    expected: Sequence[int] | None = None,
    limit: int = 10_000,
    patience: int = 0,
) -> Run:
    """Run a component from reset until all that its schedule promises came out.

    transfers : per input, integers (transfers, lanes), as lanes hold them (bipolar: 0 and 1)
    stall, sink_stall : probability that a source does not start to offer, that a sink is not
        ready (the same if None), in each cycle
    expected : transfers per output, where the inputs are not whole periods of the schedule
    limit : cycles after which a run that is not through fails
    patience : cycles to go on after the last transfer
    The payload holds noise while valid is low.
    """
    ins, outs = ports(dut)
    whole = expected is None
    expected = _expected(dut, transfers) if whole else expected
    rng = np.random.default_rng(seed)
    sink_stall = stall if sink_stall is None else sink_stall
    source_stalls = [rng.random(limit) < stall for _ in ins]
    sink_stalls = [rng.random(limit) < sink_stall for _ in outs]
    words = [_pack(port, rows) for port, rows in zip(ins, transfers, strict=True)]
    taken = [[] for _ in ins]
    seen = [[] for _ in outs]
    raw = [[] for _ in outs]
    noise = [int(n) for n in rng.integers(0, 1 << 62, 64)]

    async def bench(ctx):
        offering = [False] * len(ins)
        idle = 0
        for cycle in range(limit):
            left = whole and any(len(t) < len(w) for t, w in zip(taken, words, strict=True))
            if not left and all(len(s) == n for s, n in zip(seen, expected, strict=True)):
                idle += 1
                if idle > patience:
                    return
            for n, port in enumerate(ins):
                if not offering[n]:
                    more = len(taken[n]) < len(words[n]) and not source_stalls[n][cycle]
                    offering[n] = more
                    width = len(Value.cast(port.payload))
                    fill = noise[cycle % 64] * 0x1_0000_0001_0000_0001 & ((1 << width) - 1)
                    ctx.set(Value.cast(port.payload), words[n][len(taken[n])] if more else fill)
                    ctx.set(port.valid, more)
            for n, port in enumerate(outs):
                ctx.set(port.ready, not sink_stalls[n][cycle])
            for n, port in enumerate(ins):
                if offering[n] and ctx.get(port.ready):
                    offering[n] = False
                    taken[n].append(cycle)
            for n, port in enumerate(outs):
                more = len(seen[n]) < expected[n]
                if more and ctx.get(port.valid) and not sink_stalls[n][cycle]:
                    seen[n].append(cycle)
                    raw[n].append(ctx.get(Value.cast(port.payload)))
            await ctx.tick()
        raise AssertionError(f"no end after {limit} cycles: {[len(s) for s in seen]} came out")

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    cycles = max([c[-1] for c in (*taken, *seen) if c], default=-1) + 1
    return Run(
        tuple(_unpack(port, rows) for port, rows in zip(outs, raw, strict=True)),
        tuple(np.array(c, np.int64) for c in taken),
        tuple(np.array(c, np.int64) for c in seen),
        tuple(s[:cycles] for s in source_stalls),
        tuple(s[:cycles] for s in sink_stalls),
        cycles,
    )


def check_times(dut, run: Run) -> None:
    """Assert that every transfer happened in the cycle that the token model predicts."""
    network = timing.single(dut.schedule)
    counts = network.edge_transfers
    frames, rest = divmod(len(run.input_cycles[0]), counts[0])
    assert rest == 0, f"{len(run.input_cycles[0])} transfers are not whole periods of {counts[0]}"
    times = timing.solve(network, frames, run.source_stalls, run.sink_stalls)
    measured = [*run.input_cycles, *run.output_cycles]
    for edge, (predicted, cycles) in enumerate(zip(times.cycles, measured, strict=True)):
        np.testing.assert_array_equal(cycles, predicted, err_msg=f"edge {edge}")


def refused(match: str, make: Callable[[], object]) -> None:
    """Assert that a component refuses its sizes; the half-made one must not warn as unused."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnusedElaboratable)
        with pytest.raises(FoldingError, match=match):
            make()
        gc.collect()


def ports(dut):
    """Return a component's input and output streams, in the order they are declared."""
    members = dut.signature.members.items()
    members = [(getattr(dut, name), m.flow) for name, m in members if m.is_signature]
    return [p for p, f in members if f == In], [p for p, f in members if f != In]


def _expected(dut, transfers) -> list[int]:
    counts = zip(transfers, dut.schedule.transfers_in, strict=True)
    periods = {len(rows) / count for rows, count in counts}
    assert len(periods) == 1, "every input gets the same number of periods"
    (whole,) = periods
    assert whole.is_integer(), "the inputs are not whole periods"
    return [int(whole) * count for count in dut.schedule.transfers_out]


def _element(port) -> tuple[Shape, int]:
    layout = port.payload.shape()
    assert isinstance(layout, data.ArrayLayout)
    return Shape.cast(layout.elem_shape), layout.length


def _pack(port, rows) -> list[int]:
    shape, lanes = _element(port)
    rows = np.asarray(rows, dtype=np.int64).reshape(-1, lanes) & ((1 << shape.width) - 1)
    return [sum(int(v) << n * shape.width for n, v in enumerate(row)) for row in rows]


def _unpack(port, raw) -> np.ndarray:
    shape, lanes = _element(port)
    mask = (1 << shape.width) - 1
    values = [[word >> n * shape.width & mask for n in range(lanes)] for word in raw]
    array = np.array(values, dtype=np.int64).reshape(-1, lanes)
    if shape.signed:
        array -= (array >> shape.width - 1) << shape.width
    return array
