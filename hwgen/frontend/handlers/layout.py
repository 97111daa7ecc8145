"""Bring a tensor into the order of a stream: pixel by pixel, channels last.

Reshapes, transposes and slices of a file only change the index map. Where a layer needs real pixels
and channels, the map is compared with what stream operations can produce, and these are appended.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Literal

import numpy as np
import numpy.typing as npt

from hwgen.frontend.builder import Leaf
from hwgen.frontend.context import HOST, Context, Relayout
from hwgen.frontend.expr import Array, Var, compress, rebuild
from hwgen.frontend.handlers import pending
from hwgen.frontend.model import FileNode
from hwgen.frontend.tensors import Dynamic, Problem
from hwgen.ir import ops

Ints = npt.NDArray[np.int64]
MODES: tuple[Literal["DCR", "CRD"], ...] = ("DCR", "CRD")


@dataclass(frozen=True, eq=False)
class Move:
    """A stream operation, and where each channel of its output comes from (None: any)."""

    op: ops.Op
    channels: Ints | None


def spatial(ctx: Context, node: FileNode, tensor: Dynamic, axis: int = 1) -> Dynamic:
    """Return ``tensor`` over leaves of shape (*spatial, channels), in that order.

    axis : of the channels in the file's shape
    """
    tensor = pending.settled(ctx, node, tensor)
    where = np.moveaxis(tensor.index[0], axis - 1, -1)
    shape = where.shape
    order = where.reshape(-1)
    leaf = ctx.builder.leaves[tensor.leaves[0]]
    size = prod(shape)
    if size == prod(tensor.space) and np.array_equal(order, np.arange(size)):
        found = ctx.reshaped(tensor, shape, node.name)
    elif leaf.free and not ctx.settled and tensor.whole():
        raise Relayout(ctx.order[order], shape)
    else:
        found = _moved(ctx, node, tensor, where)
    index = np.moveaxis(np.arange(size, dtype=np.int64).reshape(shape), -1, axis - 1)[None]
    return Dynamic(found.expr, index, found.space)


def _moved(ctx: Context, node: FileNode, tensor: Dynamic, where: Ints) -> Dynamic:
    """Append the stream operation that puts element ``where[...]`` at each place."""
    leaf = ctx.builder.leaves[tensor.leaves[0]]
    if len(leaf.type.shape) == 1 < where.ndim:  # one pixel, as a global pool leaves it
        shape = (1,) * (where.ndim - 1) + leaf.type.shape
        tensor = ctx.reshaped(tensor, shape, node.name)
        leaf = ctx.builder.leaves[tensor.leaves[0]]
    move = _recognised(leaf, where)
    chosen = None if move is not None else _chosen(leaf.type.shape, where)
    if chosen is not None:
        tensor, count = _moved(ctx, node, tensor, chosen), where.shape[-1]
        return _moved(ctx, node, tensor, where // leaf.type.channels * count + np.arange(count))
    if move is None:
        raise Problem(
            "its data come in an order that no stream layer produces",
            "apply reshapes, transposes and slices to whole channels only",
        )
    space = (prod(where.shape[:-1]), where.shape[-1])
    names: dict[str, str] = {}
    for name in tensor.leaves:
        source = ctx.builder.leaves[name]
        ranges = None
        if move.channels is not None:
            ranges = source.low[move.channels], source.high[move.channels]
        label = f"{name}_{type(move.op).__name__.lower()}"
        known = ctx.builder.same(move.op, name)
        names[name] = known or ctx.builder.add(move.op, (name,), label, node.name, ranges).name

    def shift(values: Array) -> Array:
        if values.ndim == 0:
            return values
        full = np.broadcast_to(values, tensor.space).reshape(-1)[where.reshape(-1)]
        return compress(full.reshape(space))

    expr = rebuild(tensor.expr, num=shift, var=lambda name: Var(names[name]))
    return Dynamic(expr, np.arange(prod(space), dtype=np.int64), space)


def _recognised(leaf: Leaf, where: Ints) -> Move | None:
    shape, target = leaf.type.shape, where.shape
    positions = np.arange(prod(shape), dtype=np.int64).reshape(1, *shape)
    if shape[:-1] == target[:-1]:
        return _channels(shape, where)
    candidates: list[ops.Op] = []
    if len(shape) == len(target):
        ratios = [t / s for t, s in zip(target[:-1], shape[:-1], strict=True)]
        if shape[-1] == target[-1] and all(r >= 1 and r == int(r) for r in ratios):
            candidates.append(ops.Upsample(tuple(int(r) for r in ratios)))
        block = ratios[0]
        if len(ratios) == 2 and ratios[0] == ratios[1]:
            if block > 1 and block == int(block) and shape[-1] == target[-1] * int(block) ** 2:
                candidates += [ops.DepthToSpace(int(block), mode) for mode in MODES]
            fold = round(1 / block)
            if fold > 1 and target[-1] == shape[-1] * fold**2:
                candidates.append(ops.Swu((fold,) * 2, (fold,) * 2, (1, 1), (0,) * 4))
    for op in candidates:
        if np.array_equal(op.reference(positions)[0], where):
            return Move(op, None if shape[-1] != target[-1] else np.arange(target[-1]))
    return None


def _chosen(shape: tuple[int, ...], where: Ints) -> Ints | None:
    """Return the map that takes the channels of ``where`` from each pixel where it lies.

    None where pixels take different channels, or all.
    """
    total, count = shape[-1], where.shape[-1]
    rows = where.reshape(-1, count) % total
    if (rows != rows[:1]).any() or (count == total and (rows[0] == np.arange(total)).all()):
        return None
    pixels = np.arange(prod(shape[:-1]), dtype=np.int64)[:, None] * total + rows[0]
    return pixels.reshape(*shape[:-1], count)


def _channels(shape: tuple[int, ...], where: Ints) -> Move | None:
    """Recognise a choice of channels: a slice, else a product with a matrix of zeros and ones."""
    total, count = shape[-1], where.shape[-1]
    rows = where.reshape(-1, count)
    chosen = rows[0] % total
    if not np.array_equal(rows, np.arange(len(rows))[:, None] * total + chosen):
        return None
    if np.array_equal(chosen, np.arange(chosen[0], chosen[0] + count)):
        return Move(ops.Slice(int(chosen[0]), int(chosen[0]) + count), chosen)
    matrix = np.zeros((count, total), dtype=np.int64)
    matrix[np.arange(count), chosen] = 1
    return Move(ops.Mvu(matrix), chosen)


def vector(ctx: Context, node: FileNode, tensor: Dynamic) -> Dynamic:
    """Return a tensor of rank 2 over vectors; where it is a stretch of one, over that alone."""
    tensor = pending.settled(ctx, node, tensor)
    tensor = ctx.reshaped(tensor, (prod(tensor.space),), node.name)
    where = tensor.index.reshape(-1)
    stretch = np.array_equal(where, np.arange(where[0], where[0] + len(where)))
    if not stretch or len(where) == prod(tensor.space):
        return tensor
    found = _moved(ctx, node, tensor, where)
    return Dynamic(found.expr, found.index[None], found.space)


def aligned(ctx: Context, node: FileNode, left: Dynamic, right: Dynamic) -> tuple[Dynamic, Dynamic]:
    """Return two tensors of one shape with their elements in one order, where a stream can."""
    if left.shape != right.shape or HOST in (*left.leaves, *right.leaves):
        return left, right
    if left.space == right.space and np.array_equal(left.index, right.index):
        return _one_shape(ctx, node, left, right)
    if len(left.shape) > 2:
        return spatial(ctx, node, left), spatial(ctx, node, right)
    return vector(ctx, node, left), vector(ctx, node, right)


def _one_shape(
    ctx: Context, node: FileNode, left: Dynamic, right: Dynamic
) -> tuple[Dynamic, Dynamic]:
    """Return two tensors of one order over leaves of one shape, the one with more axes."""
    shapes = [ctx.builder.leaves[tensor.leaves[0]].type.shape for tensor in (left, right)]
    if shapes[0] == shapes[1]:
        return left, right
    settled = [pending.settled(ctx, node, tensor) for tensor in (left, right)]
    found = [ctx.reshaped(tensor, max(shapes, key=len), node.name) for tensor in settled]
    return found[0], found[1]
