"""Window units, as their readers want them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from math import prod

import numpy as np

from hwgen import timing
from hwgen.dataflow.builder import Builder
from hwgen.dataflow.rows import framed, rows, window_of
from hwgen.dataflow.streams import Element, Stream
from hwgen.dataflow.units import InsertUnit, LinesUnit, SwuUnit, WindowsUnit
from hwgen.errors import FoldingError
from hwgen.ir import Node, TensorType, ops
from hwgen.ir.ops import IntArray


def alone(builder: Builder, node: Node) -> None:
    """Build a window unit whose rows something other than a matrix or a pool reads."""
    assert isinstance(node.op, ops.Swu)
    arriving = builder.arriving(node) or 1
    share = builder.kind(node).channels // node.op.groups
    lanes = max(n for n in range(1, share + 1) if share % n == 0 and n <= max(arriving, 1))
    builder.finished(node, taps(builder, node, node, lanes))


def vectors(
    builder: Builder, node: Node, weights: IntArray, simd: int, folds: int, m: int
) -> tuple[Stream, IntArray]:
    """Return the rows that a matrix reads and its columns in the order in which they come.

    weights : int64 (G, MH, MW)
    simd, folds : columns at once, passes over each group's row
    m : pixels at once
    """
    swu = builder.window(node)
    groups, _, columns = weights.shape
    if m > 1 and groups > 1:
        raise FoldingError(
            f"{node.name}: M={m} cannot be built for {groups} groups; raise PE or SIMD instead"
        )
    if swu is None:
        shape = (*builder.kind(node).shape[:-1], groups, columns)
        arriving = builder.arriving(node)
        x = builder.take(node, simd, fifo=True, shape=shape if groups > 1 else None, m=m)
        slow = arriving is not None and arriving < simd
        return (builder.replay(node, x, folds, slow=slow) if folds > 1 else x), weights
    assert isinstance(swu.op, ops.Swu)
    chosen = rows(swu.op, builder.kind(swu), simd, folds, m)
    kind = _rows_kind(builder, swu, columns)
    if chosen is None:
        raise FoldingError(
            f"{node.name}: M={m} cannot be built where padding makes more windows than a row has "
            f"pixels; raise PE or SIMD instead"
        )
    if chosen.mode == "whole":
        x = whole(builder, node, swu, chosen.lanes, chosen.cycles, chosen.across, m)
        order = np.arange(columns).reshape(swu.op.taps, -1, chosen.lanes).swapaxes(0, 1).ravel()
        x = builder.convert(f"{node.name}.rows", node.name, x, replace(x, lanes=simd))
        return (builder.replay(node, x, folds) if folds > 1 else x), weights[:, :, order]
    times = 1 if chosen.mode == "narrow" else folds
    x = taps(builder, node, swu, chosen.lanes, times, chosen.cycles)
    x = builder.convert(f"{node.name}.rows", node.name, x, replace(x, type=kind, lanes=simd))
    if chosen.mode == "narrow" and folds > 1:
        x = builder.replay(node, x, folds, slow=True)
    return x, weights


def taps(
    builder: Builder, node: Node, swu: Node, lanes: int, times: int = 1, cycles: int = 0
) -> Stream:
    """Add a window unit that gives the taps one after another; return its stream.

    times : how often it gives each group's taps
    cycles : in which a frame's taps are taken, at the least
    The stream's type is (*out, taps, channels), behind the groups where there are several.
    """
    assert isinstance(swu.op, ops.Swu)
    arriving = builder.arriving(swu) or lanes
    op, x, source = _entry(builder, node, swu, lanes)
    kind = builder.graph.types[swu.name]
    share = x.channels // op.groups
    shape = (*kind.shape[:-1], *((op.groups,) if op.groups > 1 else ()), op.taps, share)
    name = builder.free(swu.name)
    out = builder.between(Stream(name, swu.name, replace(kind, shape=shape), lanes, times))
    window, words = window_of(op, x), -(-x.channels // lanes)
    unit = SwuUnit(
        *(name, node.name, (source.name,), (out.name,)),
        x=source.element,
        words=words,
        lanes=lanes,
        depth=_depth(window, words, op.groups, times, -(-lanes // arriving), cycles),
        window=window,
        y=out.element,
        groups=op.groups,
        times=times,
        pad_code=op.pad_code,
    )
    builder.insert(unit)
    return out


def whole(
    builder: Builder,
    node: Node,
    swu: Node,
    lanes: int,
    cycles: int = 0,
    across: int = 1,
    m: int = 1,
) -> Stream:
    """Add line memories and shifting windows; return the stream of whole windows.

    cycles : in which a frame's windows are taken, at the least
    across, m : pixels of the input and windows side by side
    Its transfers hold all taps of ``lanes`` channels, tap by tap, of each window.
    """
    assert isinstance(swu.op, ops.Swu)
    arriving = (builder.arriving(swu) or lanes) * builder.beside(swu)
    op, x, source = _entry(builder, node, swu, lanes, across)
    kind = builder.graph.types[swu.name]
    window, words = window_of(op, x), -(-x.channels // lanes)
    high = window.kernel[0] * across * lanes
    name = builder.free(swu.name)
    shape = (window.out[0] * timing.column_steps(window, across) * words, high)
    columns = replace(kind, shape=shape)
    between = builder.between(Stream(f"{name}.lines", swu.name, columns, high, permuted=True))
    windows = replace(kind, shape=(*kind.shape[:-1], op.taps * words * lanes))
    out = builder.between(Stream(name, swu.name, windows, op.taps * lanes, permuted=True, m=m))
    pace = -(-lanes * across // arriving)
    builder.insert(
        LinesUnit(
            *(between.name, node.name, (source.name,), (between.name,)),
            window=window,
            x=source.element,
            y=out.element,
            words=words,
            lanes=lanes,
            banks=timing.line_banks(window, words, pace=pace, drain=cycles, across=across),
            pad_code=op.pad_code,
            across=across,
        )
    )
    builder.insert(
        WindowsUnit(
            *(name, node.name, (between.name,), (out.name,)),
            window=window,
            y=out.element,
            words=words,
            lanes=lanes,
            pad_code=op.pad_code,
            across=across,
            m=m,
        )
    )
    return out


def _entry(
    builder: Builder, node: Node, swu: Node, lanes: int, m: int = 1
) -> tuple[ops.Swu, TensorType, Stream]:
    """Take what a window reads, padded first where its padding exceeds its reach."""
    assert isinstance(swu.op, ops.Swu)
    op, x, pads = framed(swu.op, builder.kind(swu))
    layer = node.name
    if pads is None:
        return op, x, builder.take(swu, lanes, fifo=True, layer=layer, m=m)
    source = builder.take(swu, lanes, fifo=True, layer=layer)
    name = builder.free(f"{layer}.pad")
    out = builder.between(Stream(name, swu.name, x, lanes, permuted=True))
    held = surrounded(builder.kind(swu).shape[:-1], pads)
    place = (name, layer, (source.name,), (name,))
    words = -(-x.channels // lanes)
    builder.insert(
        InsertUnit(*place, *held, source.element, Element.of(x), words, lanes, op.pad_code)
    )
    return op, x, builder.convert(name, layer, out, replace(out, m=m))


def surrounded(spatial: tuple[int, ...], pads: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return whether each row and column of a padded frame holds input."""
    axes = len(spatial)
    held = [
        np.repeat([False, True, False], [pads[k], size, pads[axes + k]])
        for k, size in enumerate(spatial)
    ]
    return (held[0], held[1]) if axes == 2 else (np.ones(1, np.bool_), held[0])


@cache
def _depth(
    window: timing.Window, words: int, groups: int, times: int, pace: int, cycles: int
) -> int:
    """Return the words of memory with which a window unit is as fast as it can be."""
    return timing.swu(window, words, groups, times).depth_for(pace=pace, drain=cycles)


def _rows_kind(builder: Builder, swu: Node, columns: int) -> TensorType:
    """Return the type of a window's rows, by groups."""
    kind = builder.graph.types[swu.name]
    groups = prod(kind.shape[-1:]) // columns
    return replace(kind, shape=(*kind.shape[:-1], groups, columns) if groups > 1 else kind.shape)
