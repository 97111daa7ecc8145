"""Units that add, repeat or move pixels."""

from __future__ import annotations

import numpy as np

from hwgen import timing
from hwgen.dataflow.builder import Builder
from hwgen.dataflow.ops.joins import lanes_alone, whole_lanes
from hwgen.dataflow.ops.windows import surrounded
from hwgen.dataflow.units import DepthToSpaceUnit, InsertUnit, UpsampleUnit
from hwgen.ir import Node, ops


def pad(builder: Builder, node: Node) -> None:
    """Insert pixels around the frame."""
    assert isinstance(node.op, ops.Pad)
    _insert(builder, node, surrounded(builder.kind(node).shape[:-1], node.op.pads), node.op.code)


def zero_insert(builder: Builder, node: Node) -> None:
    """Insert pixels between those of the frame."""
    assert isinstance(node.op, ops.ZeroInsert)
    spatial = builder.kind(node).shape[:-1]
    sizes = zip(spatial, node.op.factors, strict=True)
    held = [np.arange((size - 1) * factor + 1) % factor == 0 for size, factor in sizes]
    if len(held) == 1:
        held.insert(0, np.ones(1, np.bool_))
    _insert(builder, node, (held[0], held[1]), node.op.code)


def upsample(builder: Builder, node: Node) -> None:
    """Repeat pixels out of a line of memory."""
    assert isinstance(node.op, ops.Upsample)
    lanes = lanes_alone(builder, node)
    x = builder.take(node, lanes, fifo=True)
    y = builder.give(node, lanes)
    height, width = (1, *x.type.shape[:-1])[-2:]
    vertical, horizontal = (1, *node.op.factors)[-2:]
    walk = timing.upsample(height, width, x.words, (vertical, horizontal))
    builder.add(
        UpsampleUnit(
            *(node.name, node.name, (x.name,), (y.name,)),
            x=x.element,
            words=x.words,
            lanes=lanes,
            depth=walk.depth_for(),
            height=height,
            width=width,
            factors=(vertical, horizontal),
        )
    )


def depth_to_space(builder: Builder, node: Node) -> None:
    """Spread channels over pixels out of a line of memory."""
    assert isinstance(node.op, ops.DepthToSpace)
    op, kind = node.op, builder.kind(node)
    fine = kind.channels // op.block**2
    lanes = whole_lanes(lanes_alone(builder, node), fine) if op.mode == "DCR" else 1
    x = builder.take(node, lanes, fifo=True)
    y = builder.give(node, lanes)
    height, width, channels = kind.shape
    walk = timing.depth_to_space(height, width, channels, op.block, lanes, op.mode)
    builder.add(
        DepthToSpaceUnit(
            *(node.name, node.name, (x.name,), (y.name,)),
            x=x.element,
            words=x.words,
            lanes=lanes,
            depth=walk.depth_for(),
            height=height,
            width=width,
            block=op.block,
            mode=op.mode,
        )
    )


def _insert(builder: Builder, node: Node, held: tuple[np.ndarray, np.ndarray], code: int) -> None:
    lanes = lanes_alone(builder, node)
    x = builder.take(node, lanes, fifo=True)
    y = builder.give(node, lanes)
    builder.add(
        InsertUnit(
            *(node.name, node.name, (x.name,), (y.name,)),
            rows=held[0],
            cols=held[1],
            x=x.element,
            y=y.element,
            words=x.words,
            lanes=lanes,
            code=code,
        )
    )
