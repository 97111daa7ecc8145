"""Units that join, cut and weigh streams of pixels."""

from __future__ import annotations

from dataclasses import dataclass

from hwgen import timing
from hwgen.dataflow.streams import Element
from hwgen.dataflow.units.base import Unit
from hwgen.ir.ops import IntArray


@dataclass(frozen=True, eq=False)
class AddUnit(Unit):
    """``m_a * a + m_b * b``, transfer by transfer.

    m_a, m_b : int64, (1,) or one per channel, padded to whole transfers
    a, b, y : one lane of each input and of the sum
    words, lanes : transfers of a pixel and channels of a transfer
    """

    m_a: IntArray
    m_b: IntArray
    a: Element
    b: Element
    y: Element
    words: int
    lanes: int

    @property
    def schedule(self) -> timing.Schedule:
        return timing.add(timing.add_latency(self.m_a, self.m_b))


@dataclass(frozen=True, eq=False)
class AffineUnit(Unit):
    """``scale * x + bias``, transfer by transfer.

    scale, bias : int64, (1,) or one per channel, padded to whole transfers
    x, y : one lane in and out
    words, lanes : transfers of a pixel and channels of a transfer
    """

    scale: IntArray
    bias: IntArray
    x: Element
    y: Element
    words: int
    lanes: int

    @property
    def schedule(self) -> timing.Schedule:
        return timing.elementwise(timing.AFFINE_LATENCY)


@dataclass(frozen=True, eq=False)
class ConcatUnit(Unit):
    """A pixel's transfers of each input in turn.

    words : transfers of a pixel, for each input
    xs, y : one lane of each input and of the output
    """

    words: tuple[int, ...]
    xs: tuple[Element, ...]
    y: Element
    lanes: int

    @property
    def schedule(self) -> timing.Schedule:
        return timing.concat(self.words)


@dataclass(frozen=True, eq=False)
class SliceUnit(Unit):
    """Some transfers of each pixel.

    words : transfers of a pixel
    start, stop : those that pass
    """

    x: Element
    words: int
    start: int
    stop: int
    lanes: int

    @property
    def schedule(self) -> timing.Schedule:
        return timing.slice_words(self.words, self.start, self.stop)
