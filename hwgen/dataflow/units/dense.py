"""Units of fully connected layers, and those that treat every channel by itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from hwgen import timing
from hwgen.arith.const import ConstPlan
from hwgen.arith.dsp import DspPlan
from hwgen.arith.mvu import MvuPlan
from hwgen.dataflow.streams import Element
from hwgen.dataflow.units.base import Unit
from hwgen.ir.ops import IntArray


@dataclass(frozen=True, eq=False)
class MvuUnit(Unit):
    """Matrix-vector product.

    weights : int64 (MH, MW), as in the graph; the component pads them to its folds
    x, acc : input and accumulator lanes
    style, memory : how it computes and where its weights lie, never ``auto``
    m : vectors side by side, which share the weights
    """

    weights: IntArray
    x: Element
    acc: Element
    pe: int
    simd: int
    style: str
    memory: str
    m: int = 1

    @property
    def schedule(self) -> timing.Schedule:
        return timing.mvu(self.plan.words, self.plan.folds, latency=self.plan.latency)

    @cached_property
    def plan(self) -> MvuPlan | ConstPlan | DspPlan:
        """How it computes: digits or shared terms, adders, register stages."""
        x, acc = self.x.lane, self.acc.lane
        if self.style == "const":
            return ConstPlan(self.weights, x, acc)
        if self.style == "dsp":
            return DspPlan(self.weights, x, acc, self.pe, self.simd, self.memory)
        return MvuPlan(self.weights, x, acc, self.pe, self.simd, self.memory)


@dataclass(frozen=True, eq=False)
class ThresholdUnit(Unit):
    """Accumulators to codes by counting thresholds.

    thresholds : int64 (C, S), C a multiple of ``pe``
    low : code where none is reached; of no meaning if ``y`` is bipolar
    """

    thresholds: IntArray
    low: int
    x: Element
    y: Element
    pe: int

    @property
    def schedule(self) -> timing.Schedule:
        return timing.threshold(self.thresholds.shape[1])


@dataclass(frozen=True, eq=False)
class TableUnit(Unit):
    """Codes to codes by lookup.

    values : int64 (C, N) with C a multiple of ``pe``, or (1, N) for all channels
    first : the code of entry 0
    """

    values: IntArray
    first: int
    x: Element
    y: Element
    pe: int

    @property
    def schedule(self) -> timing.Schedule:
        return timing.elementwise(1)


@dataclass(frozen=True, eq=False)
class ArgMaxUnit(Unit):
    """Index of the largest of ``channels`` codes, which arrive ``pe`` at a time."""

    channels: int
    x: Element
    y: Element
    pe: int

    @property
    def schedule(self) -> timing.Schedule:
        return timing.argmax(-(-self.channels // self.pe), latency=timing.argmax_latency(self.pe))
