"""The token model: the exact cycle of every transfer of a network, by DESIGN's max-plus rules.

Cycle 0 is the first cycle after reset. A transfer happens in cycle ``c`` when valid and ready are
both high just before the clock edge that ends cycle ``c``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hwgen.timing import kernel
from hwgen.timing.lower import lower
from hwgen.timing.network import Network
from hwgen.timing.schedule import BoolArray, IntArray

Stalls = Sequence[BoolArray | None]


@dataclass(frozen=True, eq=False)
class Times:
    """When each transfer happened.

    network : what was solved
    frames : how many frames were offered to its inputs
    cycles : per edge, int64 (frames * transfers per frame,); shorter where it deadlocked
    """

    network: Network
    frames: int
    cycles: tuple[IntArray, ...]

    @property
    def complete(self) -> bool:
        """Whether every transfer of every frame happened."""
        return not self.stuck

    @property
    def stuck(self) -> tuple[int, ...]:
        """The edges that miss transfers, none unless the network deadlocks."""
        counts = self.network.edge_transfers
        return tuple(
            edge
            for edge, (cycles, count) in enumerate(zip(self.cycles, counts, strict=True))
            if len(cycles) < count * self.frames
        )

    def last_output(self, frame: int) -> int:
        """Return the cycle of the last output transfer of a frame, over all outputs."""
        counts = self.network.edge_transfers
        return max(
            int(self.cycles[edge][(frame + 1) * counts[edge] - 1]) for edge in self.network.outputs
        )

    def first_input(self, frame: int) -> int:
        """Return the cycle of the first input transfer of a frame, over all inputs."""
        counts = self.network.edge_transfers
        return min(int(self.cycles[edge][frame * counts[edge]]) for edge in self.network.inputs)

    def occupancy(self, node: int) -> int:
        """Return the smallest depth with which this queue would have shown the same times."""
        (into,) = (i for i, e in enumerate(self.network.edges) if e.target == node)
        (out,) = (i for i, e in enumerate(self.network.edges) if e.source == node)
        writes, reads = self.cycles[into], self.cycles[out]
        gone = np.searchsorted(reads, writes, side="left")
        return int((np.arange(1, len(writes) + 1) - gone).max(initial=1))


def solve(
    network: Network,
    frames: int,
    source_stalls: Stalls | None = None,
    sink_stalls: Stalls | None = None,
    not_before: Sequence[IntArray | None] | None = None,
) -> Times:
    """Return when every transfer of ``frames`` frames happens.

    source_stalls : per input, stalled cycles (from cycle 0 on; not stalled after its end). In a
        stalled cycle the source does not start to offer; what it already offers it keeps offering
    sink_stalls : per output, cycles in which the sink is not ready
    not_before : per input, the first cycle in which each transfer may be offered
    """
    stalls: list[BoolArray | None] = [None] * len(network.edges)
    floors: list[IntArray | None] = [None] * len(network.edges)
    for given, edges in ((source_stalls, network.inputs), (sink_stalls, network.outputs)):
        if given is not None:
            for edge, stall in zip(edges, given, strict=True):
                stalls[edge] = stall
    if not_before is not None:
        for edge, floor in zip(network.inputs, not_before, strict=True):
            floors[edge] = floor
    arrays = lower(network, frames, stalls, floors)
    kernel.run(*arrays)
    cycles = tuple(
        arrays.log[row[kernel.LOG_AT] : row[kernel.LOG_AT] + row[kernel.DONE]]
        for row in arrays.edges
    )
    return Times(network, frames, cycles)


def deadlock_free(network: Network) -> bool:
    """Return whether every frame completes, whatever the stalls.

    Each component decides from counts alone what it takes and emits, and no transfer can disable
    another one: all schedules of such a network perform the same transfers. So it is enough that
    one schedule of one frame completes, which leaves every component as it was at reset.
    """
    return solve(network, 1).complete
