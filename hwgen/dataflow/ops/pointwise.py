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
    pe, m = arriving_lanes(builder, node)
    x = builder.take(node, pe, fifo=False, m=m)
    y = builder.give(node, pe, m=m)
    levels, element = node.op.thresholds, x.element
    if element.bipolar:  # on the bit b of 2b - 1
        levels, element = -(-(levels + 1) // 2), x.raw
    builder.add(
        ThresholdUnit(
            node.name,
            node.name,
            (x.name,),
            (y.name,),
            thresholds=beside(_padded(levels, pe), pe, m),
            low=node.op.low,
            x=element,
            y=y.element,
            pe=x.codes,
        )
    )


def table(builder: Builder, node: Node) -> None:
    """Look up on the lanes on which the codes come."""
    assert isinstance(node.op, ops.Table)
    pe, m = arriving_lanes(builder, node)
    x = builder.take(node, pe, fifo=False, m=m)
    y = builder.give(node, pe, m=m)
    values = node.op.values
    builder.add(
        TableUnit(
            node.name,
            node.name,
            (x.name,),
            (y.name,),
            values=values if len(values) == 1 else beside(_padded(values, pe), pe, m),
            first=node.op.first,
            x=x.element,
            y=y.element,
            pe=x.codes,
        )
    )


def argmax(builder: Builder, node: Node) -> None:
    """Keep the best of the channels seen so far."""
    assert isinstance(node.op, ops.ArgMax)
    pe, _ = arriving_lanes(builder, node)
    x = builder.take(node, pe, fifo=False)
    y = builder.give(node, 1)
    channels = x.type.channels
    place = (node.name, node.name, (x.name,), (y.name,))
    builder.add(ArgMaxUnit(*place, channels=channels, x=x.element, y=y.element, pe=pe))


def arriving_lanes(builder: Builder, node: Node) -> tuple[int, int]:
    """Return lanes and M of the stream it stands on; at the core's input, those of its fold."""
    channels = builder.kind(node).channels
    lanes = builder.arriving(node)
    if lanes is not None:
        return min(lanes, channels), min(builder.beside(node), builder.row(node))
    fold = builder.fold(node)
    check_within(node.name, "PE", fold.pe, "channels", channels)
    return fold.pe, fold.m


def beside(rows: IntArray, lanes: int, m: int) -> IntArray:
    """Return per-channel rows for ``m`` pixels side by side: each transfer's rows ``m`` times."""
    words = rows.reshape(-1, lanes, *rows.shape[1:])
    return np.repeat(words, m, axis=0).reshape(-1, *rows.shape[1:])


def _padded(rows: IntArray, pe: int) -> IntArray:
    """Repeat the last channel's row until the channels fill whole transfers of ``pe``."""
    return np.pad(rows, ((0, -len(rows) % pe), (0, 0)), mode="edge")
