"""Units that store, copy and regroup streams."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from hwgen import timing
from hwgen.arith.memory import memory_style
from hwgen.dataflow.streams import Element
from hwgen.dataflow.units.base import Unit


@dataclass(frozen=True, eq=False)
class ReplayUnit(Unit):
    """Store each vector of ``words`` transfers and send it ``times`` times.

    lanes : codes of a transfer
    depth : words of memory, at least ``words``
    """

    x: Element
    lanes: int
    words: int
    times: int
    depth: int

    @property
    def schedule(self) -> timing.Schedule:
        return timing.replay(self.words, self.times, self.depth)


@dataclass(frozen=True, eq=False)
class ConverterUnit(Unit):
    """Regroup each ``elements`` elements from words of ``lanes_in`` into words of ``lanes_out``.

    m : codes of an element, one of each pixel side by side in a word
    """

    x: Element
    elements: int
    lanes_in: int
    lanes_out: int
    m: int = 1

    @property
    def schedule(self) -> timing.Schedule:
        return timing.width_converter(self.elements, self.lanes_in, self.elements, self.lanes_out)


@dataclass(frozen=True, eq=False)
class FifoUnit(Unit):
    """Queue between two layers.

    depth : transfers, at least 2; None while it is not sized
    likely : what to count with until then
    """

    x: Element
    lanes: int
    depth: int | None
    likely: int = field(default=2, metadata={"note": True})

    @property
    def style(self) -> Literal["reg", "lutram", "bram"]:
        """What it is made of."""
        depth = self.likely if self.depth is None else self.depth
        return "reg" if depth <= 2 else memory_style(depth, self.lanes * self.x.bits)

    @property
    def schedule(self) -> timing.Schedule:
        if self.depth is None:  # as slow as the slowest style, so that real ones are no worse
            return timing.Queue(None, 2)
        return timing.fifo(self.depth, self.style)


@dataclass(frozen=True, eq=False)
class ForkUnit(Unit):
    """Copy a stream to ``copies`` readers."""

    x: Element
    lanes: int
    copies: int

    @property
    def schedule(self) -> timing.Schedule:
        return timing.fork(self.copies)
