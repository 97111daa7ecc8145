"""Append the integer nodes that compute a staircase: thresholds, a table, or nothing at all."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hwgen.frontend.builder import MATRICES, Leaf
from hwgen.frontend.context import Context, Tie
from hwgen.frontend.evaluate import approx
from hwgen.frontend.expr import Expr, Var, apply, number
from hwgen.frontend.model import FileNode
from hwgen.frontend.naming import layer_name
from hwgen.frontend.tabulate import Staircase
from hwgen.frontend.tensors import Dynamic
from hwgen.ir import ops

Ints = npt.NDArray[np.int64]


def emit(
    ctx: Context, node: FileNode, tensor: Dynamic, stairs: Staircase, *, bipolar: bool
) -> tuple[Dynamic, str, Expr]:
    """Append the integer nodes that compute a staircase; none where it only shifts the code."""
    (name,) = tensor.leaves
    leaf = ctx.builder.leaves[name]
    shift = _pure_shift(stairs, bipolar=leaf.type.bipolar)
    if shift is not None:
        code = apply("add", Var(name), number(shift))
        return tensor.with_expr(code), name, code
    label = layer_name(node)
    if _table_is_smaller(stairs, leaf):
        out = _table(ctx, leaf, stairs, label, node.name, bipolar=bipolar)
    else:
        out = _thresholds(ctx, leaf, stairs, label, node.name, bipolar=bipolar)
    return tensor.with_expr(Var(out.name)), out.name, Var(out.name)


def _pure_shift(stairs: Staircase, *, bipolar: bool) -> int | None:
    """Return k where every channel's output is its code plus k."""
    if bipolar:
        return 0 if (stairs.table(-1, 3)[:, ::2] == [-1, 1]).all() else None
    gap = stairs.codes - stairs.starts
    real = stairs.starts < stairs.end[:, None]
    pieces = real.sum(axis=1)
    if (pieces != stairs.end - stairs.low).any() or len({*gap[real].tolist()}) != 1:
        return None
    return int(gap[0, 0])


def _entries(leaf: Leaf) -> int:
    return leaf.type.high - leaf.type.low + 1


def _table_is_smaller(stairs: Staircase, leaf: Leaf) -> bool:
    entries, pieces = _entries(leaf), stairs.starts.shape[1]
    if entries > 4096:
        return False
    if not (stairs.rising | stairs.falling).all():
        return entries <= 256 or entries <= 4 * pieces
    bits = int(stairs.codes.max() - stairs.codes.min()).bit_length()
    steps = int(stairs.codes.max() - stairs.codes.min())
    return entries * bits <= 2 * steps * leaf.type.bits


def _table(
    ctx: Context, leaf: Leaf, stairs: Staircase, label: str, source: str, *, bipolar: bool
) -> Leaf:
    values = stairs.table(leaf.type.low, _entries(leaf))
    low, high = stairs.codes.min(axis=1), stairs.codes.max(axis=1)
    if (values == values[:1]).all():
        values = values[:1]
    values = np.ascontiguousarray(values)
    op = ops.Table(values, leaf.type.low, bipolar)
    return ctx.builder.add(op, (leaf.name,), label, source, (low, high))


def _thresholds(
    ctx: Context, leaf: Leaf, stairs: Staircase, label: str, source: str, *, bipolar: bool
) -> Leaf:
    rising, falling = stairs.rising, stairs.falling
    turned = falling & ~rising
    if turned.any() and (rising | falling).all() and _may_turn(ctx, leaf):
        ctx.builder.negate_rows(leaf.name, turned)
        ctx.turned[leaf.name] = np.where(turned, -1, 1)
        stairs = _mirrored(stairs, turned)
        rising = np.ones_like(rising)
    leaf = ctx.builder.leaves[leaf.name]
    span = (leaf.type.low, leaf.type.high + 1)
    low, high = stairs.codes.min(axis=1), stairs.codes.max(axis=1)
    if rising.all():
        levels, start = level_matrix(stairs, span, bipolar=bipolar)
        step = ops.Threshold(levels, start, bipolar)
        return ctx.builder.add(step, (leaf.name,), label, source, (low, high))
    starts = stairs.starts[:, 1:]
    levels = np.where(starts >= stairs.end[:, None], span[1], starts)
    piece = ctx.builder.add(ops.Threshold(levels), (leaf.name,), f"{label}_piece", source)
    table = ops.Table(np.ascontiguousarray(stairs.codes), 0, bipolar)
    return ctx.builder.add(table, (piece.name,), label, source, (low, high))


def level_matrix(stairs: Staircase, span: tuple[int, int], *, bipolar: bool) -> tuple[Ints, int]:
    """Return (channels, steps) thresholds of a rising staircase and the lowest code.

    There is one step at least; a bipolar staircase has exactly one, from -1 to +1.
    span : values that mean "always reached" and "never reached"
    """
    start, stop = int(stairs.codes.min()), int(stairs.codes.max())
    wanted = np.arange(start + 1, max(stop, start + 1) + 1)
    if bipolar:
        start, wanted = -1, np.array([1])
    levels = np.full((len(stairs.codes), len(wanted)), span[1], dtype=np.int64)
    for channel, codes in enumerate(stairs.codes):
        first = np.searchsorted(codes, wanted, side="left")
        reached = first < len(codes)
        levels[channel, reached] = stairs.starts[channel, first[reached]]
        levels[channel, wanted <= codes[0]] = span[0]
    levels = np.where(levels >= stairs.end[:, None], span[1], levels)
    return levels, start


def _may_turn(ctx: Context, leaf: Leaf) -> bool:
    return isinstance(ctx.builder.op(leaf.name), MATRICES) and ctx.sole_reader(leaf.name)


def _mirrored(stairs: Staircase, rows: npt.NDArray[np.bool_]) -> Staircase:
    """Return the staircase over the negated code on channels ``rows``."""
    starts, codes = stairs.starts.copy(), stairs.codes.copy()
    low, end = stairs.low.copy(), stairs.end.copy()
    for channel in np.flatnonzero(rows):
        last = int((starts[channel] < end[channel]).sum())
        stops = np.append(starts[channel, 1:last], end[channel])  # one past each piece
        low[channel], end[channel] = 1 - stairs.end[channel], 1 - stairs.low[channel]
        starts[channel, :last] = 1 - stops[::-1]
        starts[channel, last:] = end[channel]
        codes[channel, :last] = codes[channel, :last][::-1]
        codes[channel, last:] = codes[channel, last - 1]
    return Staircase(starts, codes, low, end, stairs.ties)


def record_ties(ctx: Context, layer: str, expr: Expr, name: str, stairs: Staircase) -> None:
    """Note every exact tie with its real value."""
    if not stairs.ties:
        return
    channels = len(stairs.low)
    ways = ctx.turned.get(name, np.ones(channels, dtype=np.int64))
    for begin in range(0, len(stairs.ties), 1024):
        spots = np.array(stairs.ties[begin : begin + 1024])
        at = np.broadcast_to(spots[:, 1:].astype(np.float64), (len(spots), channels))
        value = np.broadcast_to(approx(expr, {name: (at, np.zeros((1, 1)))})[0], at.shape)
        reals = value[np.arange(len(spots)), spots[:, 0]].tolist()
        seen = (spots[:, 1] * ways[spots[:, 0]]).tolist()
        found = zip(spots[:, 0].tolist(), seen, reals, strict=True)
        ctx.ties += [Tie(layer, *tie) for tie in found]
