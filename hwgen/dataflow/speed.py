"""The exact speed of a design, and of each layer by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hwgen import timing
from hwgen.dataflow.dataflow import Dataflow
from hwgen.dataflow.units import FifoUnit


@dataclass(frozen=True)
class Performance:
    """Exact speed of a dataflow, in clock cycles.

    latency_cycles : first input transfer to last output transfer of a frame, idle design
    ii_cycles : steady interval between frames; not whole where the pattern spans several frames
    bottleneck : the layer with the most cycles of its own
    layer_cycles : cycles per frame that each layer needs by itself
    warmup_frames : frames of a burst before all later ones take the same course
    peaks : transfers that each FIFO holds at most while frames follow without a pause
    """

    latency_cycles: int
    ii_cycles: float
    bottleneck: str
    layer_cycles: Mapping[str, int]
    warmup_frames: int
    peaks: Mapping[str, int]

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
    peaks = {
        unit.name: most
        for unit, most in zip(dataflow.units, found.occupancy, strict=True)
        if isinstance(unit, FifoUnit)
    }
    return Performance(
        found.latency_cycles, found.ii_cycles, bottleneck, cycles, found.warmup_frames, peaks
    )
