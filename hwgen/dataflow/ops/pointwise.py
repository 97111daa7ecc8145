"""Units that treat every channel by itself, and those that pick one."""

from __future__ import annotations

import numpy as np

from hwgen.dataflow.builder import Builder
from hwgen.dataflow.units import ArgMaxUnit, TableUnit, ThresholdUnit
from hwgen.errors import check_within
from hwgen.ir import Node, ops
from hwgen.ir.ops import IntArray


def threshold(builder: Builder, node: Node) -> None:
    """Compare on the lanes on which the accumulators come."""
    assert isinstance(node.op, ops.Threshold)
    pe = arriving_lanes(builder, node)
    x = builder.take(node, pe, fifo=False)
    y = builder.give(node, pe)
    levels, element = node.op.thresholds, x.element
    if element.bipolar:  # on the bit b of 2b - 1
        levels, element = -(-(levels + 1) // 2), x.raw
    builder.add(
        ThresholdUnit(
            node.name,
            node.name,
            (x.name,),
            (y.name,),
            thresholds=_padded(levels, pe),
            low=node.op.low,
            x=element,
            y=y.element,
            pe=pe,
        )
    )


def table(builder: Builder, node: Node) -> None:
    """Look up on the lanes on which the codes come."""
    assert isinstance(node.op, ops.Table)
    pe = arriving_lanes(builder, node)
    x = builder.take(node, pe, fifo=False)
    y = builder.give(node, pe)
    values = node.op.values
    builder.add(
        TableUnit(
            node.name,
            node.name,
            (x.name,),
            (y.name,),
            values=values if len(values) == 1 else _padded(values, pe),
            first=node.op.first,
            x=x.element,
            y=y.element,
            pe=pe,
        )
    )


def argmax(builder: Builder, node: Node) -> None:
    """Keep the best of the channels seen so far."""
    assert isinstance(node.op, ops.ArgMax)
    pe = arriving_lanes(builder, node)
    x = builder.take(node, pe, fifo=False)
    y = builder.give(node, 1)
    channels = x.type.channels
    place = (node.name, node.name, (x.name,), (y.name,))
    builder.add(ArgMaxUnit(*place, channels=channels, x=x.element, y=y.element, pe=pe))


def arriving_lanes(builder: Builder, node: Node) -> int:
    """Return the lanes of the stream it stands on; at the core's input, those of its fold."""
    channels = builder.kind(node).channels
    lanes = builder.arriving(node)
    if lanes is not None:
        return min(lanes, channels)
    pe = builder.fold(node).pe
    check_within(node.name, "PE", pe, "channels", channels)
    return pe


def _padded(rows: IntArray, pe: int) -> IntArray:
    """Repeat the last channel's row until the channels fill whole transfers of ``pe``."""
    return np.pad(rows, ((0, -len(rows) % pe), (0, 0)), mode="edge")
