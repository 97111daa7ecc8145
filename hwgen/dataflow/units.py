"""Hardware units as pure data: what each computes, on how many lanes, and when.

One class per component; ``hwgen.emit`` builds the component, ``schedule`` says when it moves.
"""

from __future__ import annotations

import abc
from collections.abc import Hashable
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np

from hwgen import timing
from hwgen.arith.mvu import Lane, MvuPlan
from hwgen.dataflow.streams import Element
from hwgen.ir.ops import IntArray

_PLACE = frozenset({"name", "node", "inputs", "outputs"})


@dataclass(frozen=True, eq=False)
class Unit(abc.ABC):
    """A component with its place in the dataflow.

    name : unique; the unit that computes a node carries the node's name
    node : the graph node it serves
    inputs, outputs : names of its streams, in port order
    """

    name: str
    node: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    @abc.abstractmethod
    def schedule(self) -> timing.Schedule:
        """When the component takes and gives transfers."""

    @property
    def key(self) -> Hashable:
        """Equal for units that are the same component at different places."""
        parts: list[Hashable] = [type(self).__name__]
        for entry in fields(self):
            if entry.name not in _PLACE:
                value: Any = getattr(self, entry.name)
                if isinstance(value, np.ndarray):
                    value = (value.shape, value.tobytes())
                parts.append(value)
        return tuple(parts)

    def moved(self, **place: Any) -> Unit:
        """Return the unit with another name, node, inputs or outputs."""
        assert place.keys() <= _PLACE, "only the place changes"
        return replace(self, **place)


@dataclass(frozen=True, eq=False)
class ReplayUnit(Unit):
    """Store each vector of ``words`` transfers and send it ``times`` times.

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
    """Regroup each ``elements`` elements from words of ``lanes_in`` into words of ``lanes_out``."""

    x: Element
    elements: int
    lanes_in: int
    lanes_out: int

    @property
    def schedule(self) -> timing.Schedule:
        return timing.width_converter(self.elements, self.lanes_in, self.elements, self.lanes_out)


@dataclass(frozen=True, eq=False)
class FifoUnit(Unit):
    """Queue between two layers; ``depth`` transfers at least 2, None while it is not sized."""

    x: Element
    lanes: int
    depth: int | None

    @property
    def schedule(self) -> timing.Schedule:
        if self.depth is None:  # as slow as the slowest style, so that real ones are no worse
            return timing.Queue(None, 2)
        return timing.fifo(self.depth)


@dataclass(frozen=True, eq=False)
class ForkUnit(Unit):
    """Copy a stream to ``copies`` readers."""

    x: Element
    lanes: int
    copies: int

    @property
    def schedule(self) -> timing.Schedule:
        return timing.fork(self.copies)


@dataclass(frozen=True, eq=False)
class MvuUnit(Unit):
    """Matrix-vector product.

    weights : int64 (MH, MW), as in the graph; the component pads them to its folds
    x, acc : input and accumulator lanes
    style, memory : how it computes and where its weights lie, never ``auto``
    """

    weights: IntArray
    x: Element
    acc: Element
    pe: int
    simd: int
    style: str
    memory: str

    @property
    def schedule(self) -> timing.Schedule:
        return timing.mvu(self.plan.words, self.plan.folds, latency=self.plan.latency)

    @cached_property
    def plan(self) -> MvuPlan:
        """How it computes: digits, adder tree, register stages."""
        x = Lane(self.x.bits, self.x.wire[0] < 0, self.x.bipolar)
        acc = Lane(self.acc.bits, self.acc.wire[0] < 0)
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
