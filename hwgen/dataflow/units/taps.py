"""Units that turn the taps of a window into one value per channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hwgen import timing
from hwgen.dataflow.streams import Element
from hwgen.dataflow.units.base import Unit
from hwgen.ir.ops import IntArray


@dataclass(frozen=True, eq=False)
class PoolUnit(Unit):
    """Largest code or sum of each channel's taps.

    taps : codes per channel; each tap comes with all its channels
    x, y : one lane in and out
    words, lanes : transfers of a tap and channels of a transfer
    simd : taps of a transfer, lane ``tap * lanes + channel``
    m : pixels side by side
    """

    kind: Literal["max", "sum"]
    taps: int
    x: Element
    y: Element
    words: int
    lanes: int
    simd: int = 1
    m: int = 1

    @property
    def steps(self) -> int:
        """Groups of taps, ceil(K / SIMD)."""
        return -(-self.taps // self.simd)

    @property
    def schedule(self) -> timing.Schedule:
        return timing.gather(self.steps, self.words)


@dataclass(frozen=True, eq=False)
class VvuUnit(Unit):
    """Weighted sum of each channel's taps.

    weights : int64 (C, K)
    x, acc : input and accumulator lanes
    pe, simd : channels and taps of a transfer, lane ``tap * pe + channel``
    memory : where the weights lie: "const" or "bram"
    m : pixels side by side, which share the weights
    """

    weights: IntArray
    x: Element
    acc: Element
    pe: int
    simd: int
    memory: str
    m: int = 1

    @property
    def words(self) -> int:
        """Transfers of a tap, ceil(C / PE)."""
        return -(-self.weights.shape[0] // self.pe)

    @property
    def steps(self) -> int:
        """Groups of taps, ceil(K / SIMD)."""
        return -(-self.weights.shape[1] // self.simd)

    @property
    def schedule(self) -> timing.Schedule:
        return timing.gather(
            self.steps, self.words, latency=timing.vvu_latency(self.simd, self.memory)
        )
