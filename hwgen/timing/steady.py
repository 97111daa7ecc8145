"""Frames until the pattern repeats: latency, interval and how full every queue gets."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np

from hwgen.timing.model import Times, solve
from hwgen.timing.network import Network
from hwgen.timing.schedule import Buffer, IntArray, Queue


@dataclass(frozen=True)
class Steady:
    """Exact speed of a network.

    latency_cycles : first input transfer to last output transfer of a frame, idle design
    period_frames, period_cycles : the pattern repeats after so many frames, which take so many
        cycles
    warmup_frames : frames before the first repetition
    occupancy : per node the largest number of transfers inside, 0 for what is not a queue
    """

    latency_cycles: int
    period_frames: int
    period_cycles: int
    warmup_frames: int
    occupancy: tuple[int, ...]

    @property
    def ii_cycles(self) -> float:
        """Cycles between frames; whole unless the pattern spans several frames."""
        cycles = self.period_cycles / self.period_frames
        return int(cycles) if cycles.is_integer() else cycles


def steady(
    network: Network, *, interval: int | None = None, max_frames: int = 256
) -> Steady | None:
    """Return the exact speed of a network whose source and sink never stall.

    interval : where given, the sources spread a frame's transfers evenly over so many cycles;
        without it they offer as fast as the network takes
    Returns None where no pattern repeats within ``max_frames``: an unbounded queue in front of
    something slower than the source fills for ever.
    """
    idle = solve(network, 1)
    assert idle.complete, f"the network deadlocks at edges {idle.stuck}"
    latency = idle.last_output(0) - idle.first_input(0)
    frames = 4
    while frames <= max_frames:
        times = solve(network, frames, not_before=_spread(network, frames, interval))
        found = _repetition(times, _memory(network))
        if found is not None:
            warmup, period, cycles = found
            occupancy = tuple(
                times.occupancy(index) if isinstance(node, Queue) else 0
                for index, node in enumerate(network.nodes)
            )
            return Steady(latency, period, cycles, warmup, occupancy)
        frames *= 2
    return None


def _spread(network: Network, frames: int, interval: int | None) -> list[IntArray | None] | None:
    if interval is None:
        return None
    return [
        np.arange(count * frames, dtype=np.int64) * interval // count for count in network.transfers
    ]


def _memory(network: Network) -> int:
    """Return how many frames back a rule can look."""
    frames = 1
    for node, periods in zip(network.nodes, network.periods, strict=True):
        if isinstance(node, Queue) and node.depth is not None:
            frames = max(frames, ceil(node.depth / periods))
        elif isinstance(node, Buffer):
            steps = len(node.needs) * periods
            frames = max(frames, ceil((steps - int(node.frees[0])) / steps))
    return frames + 1


def _repetition(times: Times, memory: int) -> tuple[int, int, int] | None:
    """Return (frames before, period in frames, period in cycles) of the repeating pattern.

    A pattern that holds for as long as any rule looks back holds for ever.
    """
    counts = times.network.edge_transfers
    frames = times.frames
    rows = [
        cycles.reshape(frames, count) for cycles, count in zip(times.cycles, counts, strict=True)
    ]
    for period in range(1, frames // 2):
        shift = int(rows[0][-1, -1] - rows[0][-1 - period, -1])
        same = np.ones(frames - period, np.bool_)
        for row in rows:
            same &= (row[period:] - row[:-period] == shift).all(axis=1)
        repeats = len(same) if same.all() else int(np.argmin(same[::-1]))
        if repeats >= period + memory:
            return len(same) - repeats, period, shift
    return None
