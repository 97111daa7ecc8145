"""Layers that join channels, add pixels or repeat them."""

from __future__ import annotations

from math import prod

import numpy as np
import numpy.typing as npt

from hwgen.frontend.affine import Affine, affine
from hwgen.frontend.context import HOST, Context
from hwgen.frontend.expr import Array, Num, Var, apply, compress
from hwgen.frontend.handlers import join, pending
from hwgen.frontend.handlers.grid import on_grid
from hwgen.frontend.handlers.layout import spatial, vector
from hwgen.frontend.handlers.window import value_code
from hwgen.frontend.model import FileNode
from hwgen.frontend.naming import layer_name
from hwgen.frontend.tensors import Dynamic, Problem, Tensor
from hwgen.ir import ops

Ints = npt.NDArray[np.int64]


def scaled_stream(ctx: Context, node: FileNode, tensor: Tensor) -> tuple[Dynamic, Affine]:
    """Return a tensor as one integer stream with scale and offset."""
    assert isinstance(tensor, Dynamic)
    if HOST in tensor.leaves:
        raise Problem(
            f"an unquantized tensor enters {node.op}",
            "quantize it with QuantIdentity here, or give --input-type",
        )
    tensor = join.merged(ctx, node, pending.settled(ctx, node, tensor))
    view = affine(tensor.expr)
    if view is None:
        tensor = on_grid(ctx, node, tensor)
        view = affine(tensor.expr)
    assert view is not None
    return tensor, view


def lower_concat(ctx: Context, node: FileNode) -> list[Tensor]:
    """Lower ``Concat`` along the channels; each part keeps its own scale."""
    parts = [ctx.tensors[name] for name in node.inputs]
    first = parts[0]
    if not all(isinstance(part, Dynamic) for part in parts):
        raise Problem("it joins data with constants", "join streams only")
    assert isinstance(first, Dynamic)
    rank = len(first.shape)
    axis = int(node.attribute("axis", 1)) % rank
    same = [part for part in parts if isinstance(part, Dynamic) and part.expr is first.expr]
    if len(same) == len(parts):
        index = np.concatenate([part.index for part in same], axis=axis)
        return [Dynamic(first.expr, index, first.space)]
    if axis == 0 or axis not in (1, rank - 1):
        raise Problem(f"it joins along axis {axis}", "join along the channels")
    streams = [scaled_stream(ctx, node, part) for part in parts]
    if rank > 2:
        placed = [spatial(ctx, node, tensor, axis) for tensor, _ in streams]
    else:
        placed = [vector(ctx, node, tensor) for tensor, _ in streams]
    views = [affine(tensor.expr) for tensor in placed]
    names = [tensor.leaves[0] for tensor in placed]
    leaves = [ctx.builder.leaves[name] for name in names]
    ranges = (np.concatenate([v.low for v in leaves]), np.concatenate([v.high for v in leaves]))
    leaf = ctx.builder.add(ops.Concat(), names, layer_name(node), node.name, ranges)
    scale = _joined([v.scale for v in views if v], placed)
    offset = _joined([v.offset for v in views if v], placed)
    expr = apply("add", apply("mul", Var(leaf.name), Num(scale)), Num(offset))
    index = np.arange(leaf.type.size, dtype=np.int64)
    if rank > 2:
        index = np.moveaxis(index.reshape(leaf.type.shape), -1, axis - 1)[None]
    else:
        starts = np.cumsum([0, *(prod(tensor.space) for tensor in placed)])
        index = np.concatenate(
            [start + t.index for start, t in zip(starts, placed, strict=False)], axis=1
        )
    return [Dynamic(expr, index, leaf.space)]


def _joined(values: list[Array], placed: list[Dynamic]) -> Array:
    """Return per-channel constants of several streams one after another."""
    rows = np.concatenate(
        [np.broadcast_to(v, t.space) for v, t in zip(values, placed, strict=True)], axis=1
    )
    return compress(rows)


def lower_pad(ctx: Context, node: FileNode) -> list[Tensor]:
    """Lower ``Pad`` of pixels by a constant."""
    mode = str(node.attribute("mode", "constant"))
    if mode != "constant":
        raise Problem(f"it pads in mode {mode}", "pad with a constant")
    tensor = ctx.tensors[node.inputs[0]]
    assert isinstance(tensor, Dynamic)
    rank = len(tensor.shape)
    pads = _pads(ctx, node, rank)
    if not any(pads):
        return [tensor]
    if min(pads) < 0 or any(pads[k] or pads[rank + k] for k in (0, 1)) or rank not in (3, 4):
        raise Problem(f"its padding is {pads}", "pad pixels, by positive amounts")
    value = ctx.constant(node, 2)
    amount = (
        node.attribute("value", 0.0)
        if value is None or value.raw is None
        else (value.raw.reshape(-1)[0])
    )
    tensor, _ = scaled_stream(ctx, node, tensor)
    tensor = spatial(ctx, node, tensor)
    view = affine(tensor.expr)
    assert view is not None
    name = tensor.leaves[0]
    kind = ctx.builder.leaves[name].type
    code = value_code(view, float(amount), kind.low, kind.high)
    op = ops.Pad((*pads[2:rank], *pads[rank + 2 :]), code)
    leaf = ctx.builder.add(op, (name,), layer_name(node), node.name)
    expr = apply("add", apply("mul", Var(leaf.name), Num(view.scale)), Num(view.offset))
    index = np.arange(leaf.type.size, dtype=np.int64).reshape(leaf.type.shape)
    return [Dynamic(expr, np.moveaxis(index, -1, 0)[None], leaf.space)]


def _pads(ctx: Context, node: FileNode, rank: int) -> tuple[int, ...]:
    """Return pads of all axes before, then after."""
    given, axes = ctx.constant(node, 1), ctx.constant(node, 3)
    pads = node.integers("pads") or node.integers("paddings") or ()
    if given is not None and given.raw is not None:
        pads = tuple(int(v) for v in given.raw.reshape(-1))
    if axes is None or axes.raw is None:
        return pads
    full = [0] * (2 * rank)
    chosen = [int(v) % rank for v in axes.raw.reshape(-1)]
    for k, axis in enumerate(chosen):
        full[axis], full[rank + axis] = pads[k], pads[len(chosen) + k]
    return tuple(full)


def lower_resize(ctx: Context, node: FileNode) -> list[Tensor]:
    """Lower ``Resize`` or ``Upsample`` by nearest neighbour."""
    tensor = ctx.tensors[node.inputs[0]]
    assert isinstance(tensor, Dynamic)
    if str(node.attribute("mode", "nearest")) != "nearest":
        raise Problem("it interpolates between pixels", "enlarge by nearest neighbour")
    factors = _factors(ctx, node, tensor.shape)
    index = tensor.index
    for axis, factor in enumerate(factors):
        index = index.take(_nearest(node, tensor.shape[axis], factor), axis=axis)
    return [Dynamic(tensor.expr, index, tensor.space)]


def _factors(ctx: Context, node: FileNode, shape: tuple[int, ...]) -> list[float]:
    scales = node.attribute("scales")
    if scales is not None:
        return [float(v) for v in scales]
    position = 1 if node.op == "Upsample" or node.opset < 11 else 2
    given, sizes = ctx.constant(node, position), ctx.constant(node, 3)
    axes = node.integers("axes") or tuple(range(len(shape)))
    if given is not None and given.raw is not None and given.raw.size:
        values = [float(v) for v in given.raw.reshape(-1)]
    elif sizes is not None and sizes.raw is not None:
        wanted = sizes.raw.reshape(-1)
        values = [float(v) / shape[a] for v, a in zip(wanted, axes, strict=True)]
    else:
        raise Problem("its scales are not constant", "export with fixed scales")
    full = [1.0] * len(shape)
    for axis, value in zip(axes, values, strict=True):
        full[axis] = value
    return full


def _nearest(node: FileNode, size: int, factor: float) -> Ints:
    """Return the input position of every output position along one axis, as ONNX defines it."""
    out = np.arange(int(np.floor(size * factor)), dtype=np.float64)
    kind = str(node.attribute("coordinate_transformation_mode", "half_pixel"))
    if node.op == "Upsample" or node.opset < 11 or kind == "asymmetric":
        at = out / factor
    elif kind in ("half_pixel", "pytorch_half_pixel"):
        at = (out + 0.5) / factor - 0.5
        if kind == "pytorch_half_pixel" and len(out) == 1:
            at = np.zeros(1)
    elif kind == "align_corners":
        at = out * (size - 1) / max(len(out) - 1, 1)
    else:
        raise Problem(f"it resizes in mode {kind}", "enlarge by whole factors")
    mode = str(node.attribute("nearest_mode", "round_prefer_floor"))
    if node.op == "Upsample" or node.opset < 11:
        mode = "floor"
    rounded = {
        "floor": np.floor(at),
        "ceil": np.ceil(at),
        "round_prefer_floor": np.ceil(at - 0.5),
        "round_prefer_ceil": np.floor(at + 0.5),
    }[mode]
    return np.clip(rounded, 0, size - 1).astype(np.int64)
