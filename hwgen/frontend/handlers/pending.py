"""MaxPools that wait for the quantizer behind them.

The largest value of a window, quantized, is the largest of the quantized values. So a MaxPool of
accumulators is not built at once: its output is a tensor over a pending name, and the quantizer
behind it works on what stands before the pool, which then runs on short codes.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np

from hwgen.frontend.affine import affine
from hwgen.frontend.builder import Leaf
from hwgen.frontend.context import Context, Pool, max_rank
from hwgen.frontend.evaluate import direction
from hwgen.frontend.expr import Expr, Num, Var, apply, rebuild
from hwgen.frontend.handlers import join
from hwgen.frontend.handlers.grid import on_grid
from hwgen.frontend.handlers.window import Window
from hwgen.frontend.model import FileNode
from hwgen.frontend.tensors import Dynamic, Problem
from hwgen.ir import TensorType, ops


def window_codes(ctx: Context, name: str, window: Window, pad_code: int, label: str) -> str:
    """Append the windows of an integer tensor; rows hold the taps, channels fastest."""
    leaf = ctx.builder.leaves[name]
    if window.whole(leaf.type.shape[:-1]):
        return ctx.builder.reshape(name, (leaf.type.size,), label)
    op = window.op(pad_code)
    ends = (leaf.low, leaf.high)
    if any(window.pads):
        ends = np.minimum(ends[0], pad_code), np.maximum(ends[1], pad_code)
    ranges = np.tile(ends[0], window.taps), np.tile(ends[1], window.taps)
    return ctx.builder.add(op, (name,), f"{label}_window", label, ranges).name


def max_codes(ctx: Context, name: str, window: Window, label: str) -> Leaf:
    """Append the largest code of every window."""
    leaf = ctx.builder.leaves[name]
    rows = window_codes(ctx, name, window, leaf.type.low, label)
    op = ops.MaxPool(window.taps)
    return ctx.builder.add(op, (rows,), label, label, (leaf.low, leaf.high))


def defer(ctx: Context, node: FileNode, tensor: Dynamic, window: Window) -> Dynamic:
    """Return the pool of a channels-last ``tensor`` as a tensor over a pending name."""
    source = ctx.builder.leaves[tensor.leaves[0]]
    out = window.op(0).out_spatial(source.type.shape[:-1])
    name = ctx.builder.unique(f"{node.name}_pending")
    kind = TensorType((*out, source.type.channels), source.type.low, source.type.high)
    ctx.builder.leaves[name] = Leaf(name, kind, source.low, source.high)
    ctx.pools[name] = Pool(name, node.name, tensor, window.op(0))
    return Dynamic(Var(name), np.arange(kind.size, dtype=np.int64), (kind.pixels, kind.channels))


def inner(ctx: Context, tensor: Dynamic) -> Dynamic | None:
    """Return what the quantizer of ``tensor`` may work on instead: the data before the pool.

    None unless ``tensor`` is a rising function of one pending pool alone.
    """
    if len(tensor.leaves) != 1 or tensor.leaves[0] not in ctx.pools:
        return None
    pool = ctx.pools[tensor.leaves[0]]
    if max_rank(tensor.expr) > 1 or max_rank(pool.inner.expr) > 1:
        return None
    if not np.isin(direction(tensor.expr), (0, 1)).all():
        return None
    return pool.inner.with_expr(rebuild(tensor.expr, var=lambda _: pool.inner.expr))


def settled(ctx: Context, node: FileNode, tensor: Dynamic) -> Dynamic:
    """Return ``tensor`` without pending pools: they are built on the codes they have."""
    tensor = _replaced(ctx, tensor)
    for name in tensor.leaves:
        if name not in ctx.pools:
            continue
        ctx.built[name] = _built(ctx, node, ctx.pools[name]).expr
        del ctx.pools[name]
        for key, known in ctx.tensors.items():
            if isinstance(known, Dynamic):
                ctx.tensors[key] = _replaced(ctx, known)
    return _replaced(ctx, tensor)


def _replaced(ctx: Context, tensor: Dynamic) -> Dynamic:
    """Return ``tensor`` over what was built for its pools."""
    if not any(name in ctx.built for name in tensor.leaves):
        return tensor
    expr = rebuild(tensor.expr, var=lambda name: ctx.built.get(name) or Var(name))
    return tensor.with_expr(expr)


def _built(ctx: Context, node: FileNode, pool: Pool) -> Dynamic:
    """Build a pending pool on its own codes."""
    tensor = join.merged(ctx, node, pool.inner)
    (name,) = tensor.leaves
    way = np.broadcast_to(direction(tensor.expr), tensor.space)
    window = Window(pool.window.kernel, pool.window.stride, pool.window.dilation, pool.window.pads)
    if not np.isin(way, (-1, 0, 1)).all() and affine(tensor.expr) is None:
        tensor = on_grid(ctx, node, tensor)
        (name,) = tensor.leaves
        way = np.broadcast_to(direction(tensor.expr), tensor.space)
    if not np.isin(way, (-1, 0, 1)).all() or (way != way[:1]).any():
        raise Problem(
            "a MaxPool follows a function that neither rises nor falls",
            "quantize in front of the MaxPool",
        )
    if (way < 0).any():
        signs = np.where(way[0] < 0, -1, 1).astype(np.int64)
        op = ops.Affine(signs, np.zeros(1, dtype=np.int64))
        leaf = ctx.builder.add(op, (name,), f"{name}_turned", pool.label)
        tensor = tensor.with_expr(
            rebuild(tensor.expr, var=lambda _: apply("mul", Var(leaf.name), Num(signs)))
        )
        name = leaf.name
    out = max_codes(ctx, name, window, pool.label)
    expr = rebuild(tensor.expr, var=lambda _: Var(out.name))
    return Dynamic(expr, np.arange(prod(out.type.shape), dtype=np.int64), out.space)


def pooled_codes(ctx: Context, pool: Pool, coded: Dynamic, code: Expr) -> tuple[Dynamic, Expr]:
    """Return the pool of codes that were computed before it."""
    shape = ctx.builder.leaves[pool.inner.leaves[0]].type.shape
    coded = ctx.reshaped(coded, shape, pool.label)
    window = Window(pool.window.kernel, pool.window.stride, pool.window.dilation, pool.window.pads)
    out = max_codes(ctx, coded.leaves[0], window, pool.label)
    behind = rebuild(code, var=lambda _: Var(out.name))
    value = Dynamic(behind, np.arange(prod(out.type.shape), dtype=np.int64), out.space)
    return value, behind


def record(ctx: Context, pool: Pool) -> None:
    """Keep a pool that was moved behind its quantizer, for comparison with the file."""
    expr = pool.inner.expr
    for name in pool.inner.leaves:
        ways = ctx.turned.get(name)
        if ways is not None:
            turned = apply("mul", Var(name), Num(ways))
            expr = rebuild(expr, var=lambda key, n=name, t=turned: t if key == n else Var(key))
    ctx.pooled.append(replace(pool, inner=pool.inner.with_expr(expr)))
