"""Units where branches meet and part."""

from __future__ import annotations

from math import gcd

import numpy as np

from hwgen.dataflow.builder import Builder
from hwgen.dataflow.ops.pointwise import arriving_lanes, beside
from hwgen.dataflow.units import AddUnit, AffineUnit, ConcatUnit, SliceUnit
from hwgen.errors import FoldingError, check_within
from hwgen.ir import Fold, Node, ops
from hwgen.ir.ops import IntArray


def add(builder: Builder, node: Node) -> None:
    """Join two branches, each behind a FIFO that holds what waits for the other."""
    assert isinstance(node.op, ops.Add)
    lanes, m = lanes_of(builder, node)
    channels = builder.kind(node).channels
    a, b = (builder.take(node, lanes, port, fifo=True, m=m) for port in (0, 1))
    y = builder.give(node, lanes, m=m)
    builder.add(
        AddUnit(
            *(node.name, node.name, (a.name, b.name), (y.name,)),
            m_a=_padded(node.op.m_a, lanes, channels, m),
            m_b=_padded(node.op.m_b, lanes, channels, m),
            a=a.element,
            b=b.element,
            y=y.element,
            words=y.words,
            lanes=y.codes,
        )
    )


def affine(builder: Builder, node: Node) -> None:
    """Weigh every channel on the lanes on which it comes."""
    assert isinstance(node.op, ops.Affine)
    lanes, m = arriving_lanes(builder, node)
    x = builder.take(node, lanes, fifo=False, m=m)
    y = builder.give(node, lanes, m=m)
    builder.add(
        AffineUnit(
            *(node.name, node.name, (x.name,), (y.name,)),
            scale=_padded(node.op.scale, lanes, x.type.channels, m),
            bias=_padded(node.op.bias, lanes, x.type.channels, m),
            x=x.element,
            y=y.element,
            words=y.words,
            lanes=y.codes,
        )
    )


def concat(builder: Builder, node: Node) -> None:
    """Pass the inputs' words in turn, on the most lanes that divide all their channels."""
    assert isinstance(node.op, ops.Concat)
    kinds = [builder.kind(node, port) for port in range(len(node.inputs))]
    lanes, m = lanes_of(builder, node)
    lanes = whole_lanes(lanes, gcd(*(kind.channels for kind in kinds)))
    xs = [builder.take(node, lanes, port, fifo=True, m=m) for port in range(len(kinds))]
    y = builder.give(node, lanes, m=m)
    builder.add(
        ConcatUnit(
            *(node.name, node.name, tuple(x.name for x in xs), (y.name,)),
            words=tuple(x.words for x in xs),
            xs=tuple(x.element for x in xs),
            y=y.element,
            lanes=y.codes,
        )
    )


def cut(builder: Builder, node: Node) -> None:
    """Pass some words, on the most lanes that divide what stands before and in the range."""
    assert isinstance(node.op, ops.Slice)
    kind, op = builder.kind(node), node.op
    lanes, m = lanes_of(builder, node)
    lanes = whole_lanes(lanes, gcd(op.start, op.stop, kind.channels))
    x = builder.take(node, lanes, fifo=False, m=m)
    y = builder.give(node, lanes, m=m)
    builder.add(
        SliceUnit(
            *(node.name, node.name, (x.name,), (y.name,)),
            x=x.raw,
            words=x.words,
            start=op.start // lanes,
            stop=op.stop // lanes,
            lanes=y.codes,
        )
    )


def lanes_of(builder: Builder, node: Node) -> tuple[int, int]:
    """Return lanes and M of a node: of its fold, or the most on which an input comes."""
    channels = builder.graph.types[node.name].channels
    ports = range(len(node.inputs))
    lanes = max(builder.arriving(node, port) or 1 for port in ports)
    m = min(max(builder.beside(node, port) for port in ports), builder.row(node))
    fold = builder.fold(node, Fold(pe=min(lanes, channels), m=m))
    check_within(node.name, "PE", fold.pe, "channels", channels)
    return fold.pe, fold.m


def lanes_alone(builder: Builder, node: Node) -> int:
    """Return the lanes of a node that moves one pixel at a time.

    Raises ``FoldingError`` where its fold asks for more pixels.
    """
    fold = builder.folding.get(node.name)
    if fold is not None and fold.m > 1:
        raise FoldingError(
            f"{node.name}: M={fold.m}, but {type(node.op).__name__} moves one pixel at a time; "
            f"leave M out and raise PE instead"
        )
    return lanes_of(builder, node)[0]


def whole_lanes(lanes: int, size: int) -> int:
    """Return the largest number up to ``lanes`` that divides ``size``."""
    return max(n for n in range(1, min(lanes, size) + 1) if size % n == 0)


def _padded(values: IntArray, lanes: int, channels: int, m: int) -> IntArray:
    """Repeat the last channel's value until the channels fill whole transfers of ``m`` pixels."""
    if len(values) == 1:
        return values
    return beside(np.pad(values, (0, -channels % lanes), mode="edge"), lanes, m)
