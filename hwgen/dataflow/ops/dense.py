"""Units of fully connected layers."""

from __future__ import annotations

from hwgen.dataflow.builder import Builder
from hwgen.dataflow.units import MvuUnit
from hwgen.errors import check_within
from hwgen.ir import Node, ops


def mvu(builder: Builder, node: Node) -> None:
    """Replay each vector for every group of PE outputs, and multiply."""
    assert isinstance(node.op, ops.Mvu)
    fold = builder.fold(node)
    mh, mw = node.op.weights.shape
    check_within(node.name, "PE", fold.pe, "MH", mh)
    check_within(node.name, "SIMD", fold.simd, "MW", mw)
    x = builder.take(node, fold.simd, fifo=True)
    folds = -(-mh // fold.pe)
    if folds > 1:
        x = builder.replay(node, x, folds)
    y = builder.give(node, fold.pe)
    place = (node.name, node.name, (x.name,), (y.name,))
    weights = node.op.weights
    builder.add(
        MvuUnit(
            *place,
            weights=weights,
            x=x.element,
            acc=y.element,
            pe=fold.pe,
            simd=fold.simd,
            style="lut" if fold.style == "auto" else fold.style,
            memory="const" if fold.memory == "auto" else fold.memory,
        )
    )
