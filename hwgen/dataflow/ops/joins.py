"""Units where branches meet and part."""

from __future__ import annotations

from math import gcd

import numpy as np

from hwgen.dataflow.builder import Builder
from hwgen.dataflow.ops.pointwise import arriving_lanes
from hwgen.dataflow.units import AddUnit, AffineUnit, ConcatUnit, SliceUnit
from hwgen.errors import check_within
from hwgen.ir import Fold, Node, ops
from hwgen.ir.ops import IntArray


def add(builder: Builder, node: Node) -> None:
    """Join two branches, each behind a FIFO that holds what waits for the other."""
    assert isinstance(node.op, ops.Add)
    lanes = lanes_of(builder, node)
    channels = builder.kind(node).channels
    a, b = (builder.take(node, lanes, port, fifo=True) for port in (0, 1))
    y = builder.give(node, lanes)
    builder.add(
        AddUnit(
            *(node.name, node.name, (a.name, b.name), (y.name,)),
            m_a=_padded(node.op.m_a, lanes, channels),
            m_b=_padded(node.op.m_b, lanes, channels),
            a=a.element,
            b=b.element,
            y=y.element,
            words=y.words,
            lanes=lanes,
        )
    )


def affine(builder: Builder, node: Node) -> None:
    """Weigh every channel on the lanes on which it comes."""
    assert isinstance(node.op, ops.Affine)
    lanes = arriving_lanes(builder, node)
    x = builder.take(node, lanes, fifo=False)
    y = builder.give(node, lanes)
    builder.add(
        AffineUnit(
            *(node.name, node.name, (x.name,), (y.name,)),
            scale=_padded(node.op.scale, lanes, x.type.channels),
            bias=_padded(node.op.bias, lanes, x.type.channels),
            x=x.element,
            y=y.element,
            words=y.words,
            lanes=lanes,
        )
    )


def concat(builder: Builder, node: Node) -> None:
    """Pass the inputs' words in turn, on the most lanes that divide all their channels."""
    assert isinstance(node.op, ops.Concat)
    kinds = [builder.kind(node, port) for port in range(len(node.inputs))]
    lanes = whole_lanes(lanes_of(builder, node), gcd(*(kind.channels for kind in kinds)))
    xs = [builder.take(node, lanes, port, fifo=True) for port in range(len(kinds))]
    y = builder.give(node, lanes)
    builder.add(
        ConcatUnit(
            *(node.name, node.name, tuple(x.name for x in xs), (y.name,)),
            words=tuple(x.words for x in xs),
            xs=tuple(x.element for x in xs),
            y=y.element,
            lanes=lanes,
        )
    )


def cut(builder: Builder, node: Node) -> None:
    """Pass some words, on the most lanes that divide what stands before and in the range."""
    assert isinstance(node.op, ops.Slice)
    kind, op = builder.kind(node), node.op
    lanes = whole_lanes(lanes_of(builder, node), gcd(op.start, op.stop, kind.channels))
    x = builder.take(node, lanes, fifo=False)
    y = builder.give(node, lanes)
    builder.add(
        SliceUnit(
            *(node.name, node.name, (x.name,), (y.name,)),
            x=x.raw,
            words=x.words,
            start=op.start // lanes,
            stop=op.stop // lanes,
            lanes=lanes,
        )
    )


def lanes_of(builder: Builder, node: Node) -> int:
    """Return the lanes of a node: of its fold, or the most on which an input comes."""
    channels = builder.graph.types[node.name].channels
    arriving = [builder.arriving(node, port) or 1 for port in range(len(node.inputs))]
    fold = builder.fold(node, Fold(pe=min(max(arriving), channels)))
    check_within(node.name, "PE", fold.pe, "channels", channels)
    return fold.pe


def whole_lanes(lanes: int, size: int) -> int:
    """Return the largest number up to ``lanes`` that divides ``size``."""
    return max(n for n in range(1, min(lanes, size) + 1) if size % n == 0)


def _padded(values: IntArray, lanes: int, channels: int) -> IntArray:
    """Repeat the last channel's value until the channels fill whole transfers."""
    return values if len(values) == 1 else np.pad(values, (0, -channels % lanes), mode="edge")
