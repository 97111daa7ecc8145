"""Units of layers with a matrix: fully connected, and convolutions behind their windows."""

from __future__ import annotations

import numpy as np

from hwgen.arith.dsp import NARROW, WIDE, DspPlan
from hwgen.dataflow.builder import Builder
from hwgen.dataflow.ops import windows
from hwgen.dataflow.streams import Stream
from hwgen.dataflow.units import MvuUnit
from hwgen.errors import FoldingError, check_within
from hwgen.ir import Fold, Node, ops
from hwgen.ir.ops import IntArray


def mvu(builder: Builder, node: Node) -> None:
    """Bring each vector once for every group of PE outputs, and multiply."""
    assert isinstance(node.op, ops.Mvu)
    _matrices(builder, node, node.op.weights[None])


def grouped(builder: Builder, node: Node) -> None:
    """Step through one matrix per group of the vector."""
    assert isinstance(node.op, ops.GroupedMvu)
    _matrices(builder, node, node.op.weights)


def _matrices(builder: Builder, node: Node, weights: IntArray) -> None:
    """Build one unit for the matrices of all groups, (G, MH, MW).

    Each group's rows are padded to whole folds; to the unit they are one matrix, whose vectors
    change on the way.
    """
    fold, given = builder.fold(node), weights
    groups, mh, mw = weights.shape
    if fold.memory == "writable" and groups > 1:
        raise FoldingError(
            f"{node.name}: memory='writable' cannot be built for {groups} groups; use 'const', "
            f"'lutram' or 'bram', or leave the memory out"
        )
    check_within(node.name, "PE", fold.pe, "MH", mh)
    check_within(node.name, "SIMD", fold.simd, "MW", mw)
    style = _style(node.name, fold, groups, mh, mw)
    x, weights = windows.vectors(builder, node, weights, fold.simd, -(-mh // fold.pe), fold.m)
    if fold.memory == "writable" and not np.array_equal(weights, given):
        raise FoldingError(
            f"{node.name}: memory='writable' needs the matrix in its own order, but at SIMD="
            f"{fold.simd} a window's columns come in another; choose another SIMD"
        )
    shape = builder.graph.types[node.name].shape
    view = (*shape[:-1], groups, mh) if groups > 1 else None
    bound = _bound(builder, node, weights, x) if fold.memory == "writable" else None
    y = builder.give(node, fold.pe, view, fold.m, bound)
    if groups > 1:
        weights = np.pad(weights, ((0, 0), (0, -mh % fold.pe), (0, 0)))
    place = (node.name, node.name, (x.name,), (y.name,))
    unit = MvuUnit(
        *place,
        weights=weights.reshape(-1, mw),
        x=x.element,
        acc=y.element,
        pe=fold.pe,
        simd=fold.simd,
        style=style,
        memory="const" if fold.memory == "auto" else fold.memory,
        m=fold.m,
    )
    if isinstance(unit.plan, DspPlan) and not unit.plan.fits:
        raise FoldingError(
            f"{node.name}: style='dsp' multiplies codes of up to {NARROW} bits with weights of up "
            f"to {WIDE} bits, but its codes have {unit.x.bits} bits and its largest weight is "
            f"{unit.plan.largest}; use 'lut' or leave the style out"
        )
    builder.add(unit)


def _bound(builder: Builder, node: Node, weights: IntArray, x: Stream) -> int:
    """Return the largest sum that any weights of as many digits as these can reach."""
    for reader in builder.graph.consumers(node.name):
        if not isinstance(reader.op, ops.Threshold | ops.ArgMax):
            raise FoldingError(
                f"{node.name}: memory='writable' needs comparisons behind the layer, but "
                f"{reader.name} ({type(reader.op).__name__}) is made for the sums of the present "
                f"weights; use 'const', 'lutram' or 'bram', or leave the memory out"
            )
    top = (1 << int(np.abs(weights).max()).bit_length()) - 1
    lane = x.element.lane
    return weights.shape[-1] * max(top, 1) * max(-lane.low, lane.high)


def _style(name: str, fold: Fold, groups: int, mh: int, mw: int) -> str:
    """Return how the products are summed: a matrix used whole in every cycle is constant."""
    whole = groups == 1 and fold.pe == mh and fold.simd == mw
    if fold.style == "auto":
        return "const" if whole and fold.memory in ("auto", "const") else "lut"
    if fold.style == "const" and not whole:
        why = f"it has {groups} groups" if groups > 1 else f"PE={fold.pe} and SIMD={fold.simd}"
        raise FoldingError(
            f"{name}: style='const' builds a matrix that is used whole in every cycle, "
            f"PE={mh} and SIMD={mw} in one group, but {why}; use 'lut' or leave the style out"
        )
    if fold.style == "dsp" and fold.memory == "writable":
        raise FoldingError(
            f"{name}: memory='writable' needs style='lut': multipliers that hold several products "
            f"are laid out for their weights; leave the style out"
        )
    if fold.style == "const" and fold.memory not in ("auto", "const"):
        raise FoldingError(
            f"{name}: memory={fold.memory!r} cannot hold the weights of style='const', which are "
            f"part of its logic; use 'const' or leave the memory out"
        )
    return fold.style
