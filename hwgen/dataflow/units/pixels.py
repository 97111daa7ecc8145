"""Units that move pixels: windows, insertions, enlargement, pixel shuffle."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from hwgen import timing
from hwgen.arith.memory import memory_style
from hwgen.dataflow.streams import Element
from hwgen.dataflow.units.base import Unit


@dataclass(frozen=True, eq=False)
class WalkUnit(Unit):
    """A line buffer that is read along a walk.

    x : one lane, as stored
    words, lanes : transfers of a pixel of the input and channels of a transfer
    depth : words of memory
    """

    x: Element
    words: int
    lanes: int
    depth: int

    @property
    @abc.abstractmethod
    def walk(self) -> timing.Walk:
        """The order in which memory is read."""

    @property
    def style(self) -> Literal["lutram", "bram"]:
        """Where the words lie."""
        return memory_style(self.depth, self.lanes * self.x.bits)

    @cached_property
    def _schedule(self) -> timing.Schedule:
        return self.walk.schedule(self.depth, timing.line_latency(self.walk, self.style))

    @property
    def schedule(self) -> timing.Schedule:
        return self._schedule


@dataclass(frozen=True, eq=False)
class SwuUnit(WalkUnit):
    """The im2col row of every output pixel.

    y : one lane with the padding code
    groups, times : channel groups of a row, and how often each group's taps come
    """

    window: timing.Window
    y: Element
    groups: int
    times: int
    pad_code: int

    @property
    def walk(self) -> timing.Walk:
        return timing.swu(self.window, self.words, self.groups, self.times)


@dataclass(frozen=True, eq=False)
class UpsampleUnit(WalkUnit):
    """Every pixel repeated along both axes.

    height, width : of the input, in pixels
    factors : repetitions (vertical, horizontal)
    """

    height: int
    width: int
    factors: tuple[int, int]

    @property
    def walk(self) -> timing.Walk:
        return timing.upsample(self.height, self.width, self.words, self.factors)


@dataclass(frozen=True, eq=False)
class DepthToSpaceUnit(WalkUnit):
    """Blocks of channels spread over the pixels of a finer grid.

    height, width : of the input, in pixels
    block, mode : as for ``ir.ops.DepthToSpace``
    """

    height: int
    width: int
    block: int
    mode: Literal["DCR", "CRD"]

    @property
    def walk(self) -> timing.Walk:
        channels = self.words * self.lanes
        return timing.depth_to_space(
            self.height, self.width, channels, self.block, self.lanes, self.mode
        )


@dataclass(frozen=True, eq=False)
class LinesUnit(Unit):
    """Columns of all rows that a row of windows covers, one per step.

    x, y : one lane in and, with the padding code, out
    words, lanes : transfers of a pixel and channels of a transfer
    banks : line memories
    across : pixels side by side in a transfer
    """

    window: timing.Window
    x: Element
    y: Element
    words: int
    lanes: int
    banks: int
    pad_code: int
    across: int = 1

    @property
    def line(self) -> int:
        """Words of one line memory."""
        return -(-self.window.width // self.across) * self.words

    @property
    def style(self) -> Literal["lutram", "bram"]:
        """Where the words lie."""
        return memory_style(self.line, self.across * self.lanes * self.x.bits)

    @cached_property
    def _schedule(self) -> timing.Schedule:
        walk = timing.lines(self.window, self.words, self.across)
        return walk.schedule(self.banks * self.line, 1 if self.style == "lutram" else 2)

    @property
    def schedule(self) -> timing.Schedule:
        return self._schedule


@dataclass(frozen=True, eq=False)
class WindowsUnit(Unit):
    """Whole windows out of columns, ``m`` output pixels at once.

    y : one lane, with the padding code
    words, lanes : transfers of a column and channels of a transfer of one row
    across : columns side by side in a transfer
    """

    window: timing.Window
    y: Element
    words: int
    lanes: int
    pad_code: int
    across: int = 1
    m: int = 1

    @cached_property
    def _schedule(self) -> timing.Schedule:
        return timing.windows(self.window, self.words, self.across, self.m)

    @property
    def schedule(self) -> timing.Schedule:
        return self._schedule


@dataclass(frozen=True, eq=False)
class InsertUnit(Unit):
    """Pixels of one code around or between those of a frame.

    rows, cols : bool, whether each output row and column holds input
    x, y : one lane in and, with the code, out
    words, lanes : transfers of a pixel and channels of a transfer
    """

    rows: np.ndarray
    cols: np.ndarray
    x: Element
    y: Element
    words: int
    lanes: int
    code: int

    @cached_property
    def _schedule(self) -> timing.Schedule:
        return timing.insert(self.rows, self.cols, self.words)

    @property
    def schedule(self) -> timing.Schedule:
        return self._schedule
