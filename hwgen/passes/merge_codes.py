"""Compose elementwise layers that follow each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hwgen.ir import Graph, Node, TensorType
from hwgen.ir.ops import IntArray, Op, Table, Threshold
from hwgen.passes.ranges import apply


@dataclass(frozen=True)
class MergeCodes:
    """Fold a Threshold or Table into the one before it: the composition is one function.

    Behind a Table always, as another table of as many entries. Behind a Threshold only where the
    second does not decrease and the composition needs no more steps than the first has.
    Skips a first layer with more than one reader.
    """

    name: ClassVar[str] = "merge-codes"

    def __call__(self, graph: Graph) -> Graph:
        while (merged := self._once(graph)) is not graph:
            graph = merged
        return graph

    def _once(self, graph: Graph) -> Graph:
        kinds = (Threshold, Table)
        pairs = [pair for a in kinds for b in kinds for pair in graph.pairs(a, b)]
        for first, second in pairs:
            op = _compose(graph, first, second)
            if op is not None:
                return graph.fuse(first, second, op)
        return graph


def _compose(graph: Graph, first: Node, second: Node) -> Op | None:
    kind = graph.types[first.name]
    assert isinstance(second.op, Threshold | Table)
    if isinstance(first.op, Table):
        return _behind_table(first.op, second.op, kind.channels)
    assert isinstance(first.op, Threshold)
    return _behind_threshold(first.op, second.op, kind, graph.types[first.inputs[0]])


def _behind_table(first: Table, second: Threshold | Table, channels: int) -> Table:
    values = np.broadcast_to(first.values, (channels, first.values.shape[1]))
    mapped = np.asarray(second.reference(values.T), dtype=np.int64).T
    if (mapped == mapped[0]).all():
        mapped = mapped[:1]
    return Table(np.ascontiguousarray(mapped), first.first, second.bipolar)


def _behind_threshold(
    first: Threshold, second: Threshold | Table, kind: TensorType, acc: TensorType
) -> Threshold | None:
    steps = first.thresholds.shape[1]
    codes = np.array([-1, 1]) if first.bipolar else first.low + np.arange(steps + 1)
    values = apply(second, codes.astype(np.int64), kind.channels)
    gains = np.diff(values, axis=1)
    if (gains < 0).any():
        return None
    if second.bipolar:
        return Threshold(_levels(first, gains // 2, (values[:, :1] + 1) // 2, acc), bipolar=True)
    low, high = int(values[:, 0].min()), int(values.max())
    if high - low > steps:
        return None
    if low == high:
        return _constant(low, second.infer(kind), acc, kind.channels)
    return Threshold(_levels(first, gains, values[:, :1] - low, acc), low)


def _constant(code: int, y: TensorType, acc: TensorType, channels: int) -> Threshold | None:
    """Return a Threshold that always gives ``code`` and whose range lies within that of ``y``."""
    if y.low == y.high:
        return None  # its single step would widen the range
    reached = code > y.low
    level = acc.low if reached else acc.high + 1
    return Threshold(np.full((channels, 1), level, dtype=np.int64), code - reached)


def _levels(first: Threshold, gains: IntArray, start: IntArray, acc: TensorType) -> IntArray:
    """Return levels that count ``start`` always and ``gains[c, s]`` at step ``s`` of ``first``.

    Channels with fewer levels than others are filled with one that no accumulator reaches.
    """
    always = min(acc.low, int(first.thresholds.min(initial=acc.low)))
    rows = [
        [always] * int(begin[0]) + [int(t) for t in np.repeat(levels, gain)]
        for levels, gain, begin in zip(first.thresholds, gains, start, strict=True)
    ]
    never = max(acc.high + 1, int(first.thresholds.max(initial=acc.high)))
    width = max(1, *(len(row) for row in rows))
    return np.array([row + [never] * (width - len(row)) for row in rows], dtype=np.int64)
