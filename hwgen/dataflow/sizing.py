"""FIFO depths that lose no speed, and the speed of a sized design."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil

from hwgen import timing
from hwgen.dataflow.dataflow import Dataflow
from hwgen.dataflow.units import FifoUnit, ReplayUnit, Unit

LEAST_DEPTH = 2  # one word moves in while another moves out


@dataclass(frozen=True)
class Performance:
    """Exact speed of a dataflow, in clock cycles.

    latency_cycles : first input transfer to last output transfer of a frame, idle design
    ii_cycles : steady interval between frames; not whole where the pattern spans several frames
    bottleneck : the layer with the most cycles of its own
    layer_cycles : cycles per frame that each layer needs by itself
    """

    latency_cycles: int
    ii_cycles: float
    bottleneck: str
    layer_cycles: Mapping[str, int]

    @property
    def fps(self) -> float:
        """Frames per cycle; times the clock's frequency, frames per second."""
        return 1.0 / self.ii_cycles


def layer_cycles(dataflow: Dataflow) -> dict[str, int]:
    """Return the cycles per frame each layer needs when nothing makes it wait."""
    cycles: dict[str, int] = {}
    for unit, periods in zip(dataflow.units, dataflow.network.periods, strict=True):
        if not isinstance(unit, FifoUnit):
            own = timing_cycles(unit.schedule) * periods
            cycles[unit.node] = max(cycles.get(unit.node, 0), own)
    return cycles


def timing_cycles(schedule: timing.Schedule) -> int:
    """Return the cycles of one period of a schedule that never waits."""
    match schedule:
        case timing.Pipe():
            return len(schedule.takes)
        case timing.Buffer():
            return max(len(schedule.needs), len(schedule.frees))
        case timing.Queue():
            return 1


def performance(dataflow: Dataflow) -> Performance:
    """Return the exact speed of a dataflow whose FIFOs are sized."""
    found = timing.steady(dataflow.network)
    assert found is not None, "a design with finite FIFOs settles"
    cycles = layer_cycles(dataflow)
    bottleneck = max(cycles, key=lambda node: cycles[node])
    return Performance(found.latency_cycles, found.ii_cycles, bottleneck, cycles)


def size_fifos(dataflow: Dataflow) -> Dataflow:
    """Return the dataflow with depths at which it is as fast as with unbounded FIFOs.

    First the largest occupancy with unbounded FIFOs, then less wherever the interval holds.
    """
    unbounded = _with_depths(dataflow, dict.fromkeys(_fifos(dataflow)))
    interval, occupancy = _throttled(unbounded)
    depths: dict[str, int] = {
        unit.name: max(LEAST_DEPTH, most)
        for unit, most in zip(unbounded.units, occupancy, strict=True)
        if isinstance(unit, FifoUnit)
    }
    sized = _single_replays(_shrunk(dataflow, depths, interval), interval)
    assert timing.deadlock_free(sized.network), "depths that keep the interval cannot deadlock"
    return sized


def _fifos(dataflow: Dataflow) -> list[str]:
    return [unit.name for unit in dataflow.units if isinstance(unit, FifoUnit)]


def _with_depths(dataflow: Dataflow, depths: Mapping[str, int | None]) -> Dataflow:
    def deep(unit: Unit) -> Unit:
        return replace(unit, depth=depths[unit.name]) if isinstance(unit, FifoUnit) else unit

    return dataflow.with_units(deep(unit) for unit in dataflow.units)


def _throttled(unbounded: Dataflow) -> tuple[int, tuple[int, ...]]:
    """Return the interval that unbounded FIFOs allow, and each unit's occupancy at it.

    No unit is faster than its own steps; where buffers make it slower still, the interval is
    measured behind a source that never waits.
    """
    network = unbounded.network
    interval = max(layer_cycles(unbounded).values())
    interval = max(interval, unbounded.streams[unbounded.input].transfers)
    interval = max(interval, unbounded.streams[unbounded.output].transfers)
    found = _at_interval(unbounded, interval)
    frames = 16
    while found is None:
        times = timing.solve(network, frames)
        half = frames // 2
        span = times.last_output(frames - 1) - times.last_output(half - 1)
        interval = max(interval + 1, ceil(span / (frames - half)))
        found = _at_interval(unbounded, interval)
        frames *= 2
    return interval, found.occupancy


def _at_interval(dataflow: Dataflow, interval: int) -> timing.Steady | None:
    found = timing.steady(dataflow.network, interval=interval, max_frames=32)
    return found if found is not None and found.ii_cycles <= interval else None


def _single_replays(dataflow: Dataflow, interval: int) -> Dataflow:
    """Return the dataflow with one vector in each replay memory where that costs no speed."""
    for unit in sorted(_replays(dataflow), key=lambda unit: -unit.depth * unit.lanes):
        if unit.words == 1:
            continue
        single = replace(unit, depth=unit.words)
        trial = dataflow.with_units(
            single if other.name == unit.name else other for other in dataflow.units
        )
        if _holds(trial, interval):
            dataflow = trial
    return dataflow


def _replays(dataflow: Dataflow) -> list[ReplayUnit]:
    return [unit for unit in dataflow.units if isinstance(unit, ReplayUnit)]


def _holds(dataflow: Dataflow, interval: int) -> bool:
    if not timing.deadlock_free(dataflow.network):
        return False
    found = timing.steady(dataflow.network)
    return found is not None and found.ii_cycles <= interval


def _shrunk(dataflow: Dataflow, depths: dict[str, int], interval: int) -> Dataflow:
    """Return the dataflow with each depth, widest FIFO first, as small as the interval allows."""
    bits = {
        unit.name: unit.x.bits * unit.lanes for unit in dataflow.units if isinstance(unit, FifoUnit)
    }
    for name in sorted(depths, key=lambda name: -bits[name] * depths[name]):
        low, high = LEAST_DEPTH, depths[name]
        while low < high:
            middle = (low + high) // 2
            if _holds(_with_depths(dataflow, {**depths, name: middle}), interval):
                high = middle
            else:
                low = middle + 1
        depths[name] = high
    return _with_depths(dataflow, depths)
