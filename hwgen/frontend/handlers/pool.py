"""Pools: the largest code, or the exact sum of codes, of every window."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from math import prod
from types import MappingProxyType

import numpy as np

from hwgen.frontend.affine import affine, as_array
from hwgen.frontend.context import HOST, Context, MatrixSite
from hwgen.frontend.evaluate import direction
from hwgen.frontend.expr import Num, Var, apply, number, rebuild
from hwgen.frontend.handlers import join, pending
from hwgen.frontend.handlers.grid import on_grid
from hwgen.frontend.handlers.layout import spatial
from hwgen.frontend.handlers.quant_nodes import UNBOUNDED
from hwgen.frontend.handlers.quantize import Quantizer, quantize
from hwgen.frontend.handlers.window import Window, window_of, zero_code
from hwgen.frontend.model import FileNode
from hwgen.frontend.naming import layer_name
from hwgen.frontend.quantizer import Rounding
from hwgen.frontend.tensors import Const, Dynamic, Problem, Tensor
from hwgen.ir import ops

SHORT = 256
"""Most levels of codes on which a MaxPool is built at once instead of behind its quantizer."""


def _data(ctx: Context, node: FileNode, axis: int) -> Dynamic:
    tensor = ctx.tensors[node.inputs[0]]
    assert isinstance(tensor, Dynamic)
    if HOST in tensor.leaves:
        raise Problem(
            f"an unquantized tensor ({node.inputs[0]}) enters {node.op}",
            "quantize it with QuantIdentity here, or give --input-type",
        )
    return spatial(ctx, node, tensor, axis)


def _shaped(value: Dynamic, shape: tuple[int, ...], axis: int) -> Dynamic:
    """Return a channels-last stream of ``shape`` in the file's shape."""
    index = value.index.reshape(shape)
    return Dynamic(value.expr, np.moveaxis(index, -1, axis - 1)[None], value.space)


def _max(ctx: Context, node: FileNode, tensor: Dynamic, window: Window, axis: int) -> Tensor:
    leaf = ctx.builder.leaves[tensor.leaves[0]]
    out = window.op(0).out_spatial(leaf.type.shape[:-1])
    shape = (*out, leaf.type.channels)
    short = len(tensor.leaves) == 1 and leaf.type.high - leaf.type.low < SHORT
    if short and np.isin(direction(tensor.expr), (0, 1)).all() and affine(tensor.expr) is not None:
        found = pending.max_codes(ctx, leaf.name, window, layer_name(node))
        expr = rebuild(tensor.expr, var=lambda _: Var(found.name))
        value = Dynamic(expr, np.arange(prod(shape), dtype=np.int64), found.space)
    else:
        value = pending.defer(ctx, node, tensor, window)
    return _shaped(value, shape, axis)


def _kernel(node: FileNode) -> tuple[int, ...]:
    kernel = node.integers("kernel_shape")
    if kernel is None:
        raise Problem("its kernel_shape is missing", "export the layer again")
    return kernel


def lower_max_pool(ctx: Context, node: FileNode) -> list[Tensor]:
    """Lower ``MaxPool``: a window of any size, stride and padding."""
    tensor = _data(ctx, node, 1)
    window = window_of(node, tensor.shape[2:], _kernel(node))
    return [_max(ctx, node, tensor, window, 1)]


def lower_max_pool_nhwc(ctx: Context, node: FileNode) -> list[Tensor]:
    """Lower FINN's ``MaxPoolNHWC``: as ``MaxPool``, channels last."""
    tensor = _data(ctx, node, 3)
    window = window_of(node, tensor.shape[1:3], _kernel(node))
    return [_max(ctx, node, tensor, window, 3)]


def lower_global_max_pool(ctx: Context, node: FileNode) -> list[Tensor]:
    """Lower ``GlobalMaxPool``: the largest over the whole frame."""
    tensor = _data(ctx, node, 1)
    return [_max(ctx, node, tensor, _whole(tensor.shape[2:]), 1)]


def _whole(shape: tuple[int, ...]) -> Window:
    if len(shape) not in (1, 2):
        raise Problem(f"it pools {len(shape)} spatial axes", "use one- or two-dimensional layers")
    return Window(shape, (1,) * len(shape), (1,) * len(shape), (0,) * (2 * len(shape)))


def _sum(
    ctx: Context, node: FileNode, tensor: Dynamic, window: Window, divisor: Fraction
) -> Dynamic:
    """Return every window's sum over ``divisor``, in stream order."""
    tensor = join.merged(ctx, node, tensor)
    view = affine(tensor.expr)
    if view is None:
        tensor = on_grid(ctx, node, tensor)
        view = affine(tensor.expr)
    assert view is not None
    if max(view.scale.ndim, view.offset.ndim) > 1:
        raise Problem("its input has a scale that varies between pixels", "use one per channel")
    (name,) = tensor.leaves
    leaf = ctx.builder.leaves[name]
    code = zero_code(view, leaf.type.low, leaf.type.high) if any(window.pads) else 0
    rows = pending.window_codes(ctx, name, window, code, layer_name(node))
    taps = window.taps
    kind = ctx.builder.leaves[rows].type
    ends = (
        np.minimum(leaf.low, kind.low if any(window.pads) else leaf.low),
        np.maximum(leaf.high, kind.high if any(window.pads) else leaf.high),
    )
    found = ctx.builder.add(
        ops.SumPool(taps), (rows,), layer_name(node), node.name, (taps * ends[0], taps * ends[1])
    )
    shift = np.abs(as_array(view.offset / view.scale).astype(np.float64))
    ctx.matrices.append(MatrixSite(found.name, rows, shift, taps))
    scaled = apply("mul", Var(found.name), Num(as_array(view.scale / divisor)))
    expr = apply("add", scaled, Num(as_array(view.offset * (taps / divisor))))
    return Dynamic(expr, np.arange(prod(found.type.shape), dtype=np.int64), found.space)


def lower_average_pool(ctx: Context, node: FileNode) -> list[Tensor]:
    """Lower ``AveragePool``: a sum; where it is padded, the padding must count."""
    tensor = _data(ctx, node, 1)
    window = window_of(node, tensor.shape[2:], _kernel(node))
    uneven = node.attribute("ceil_mode", 0) or not node.attribute("count_include_pad", 0)
    if any(window.pads) and uneven:
        raise Problem(
            "it averages over windows of different sizes at the border",
            "pad nothing, or count the padding (count_include_pad=True, ceil_mode=False)",
        )
    value = _sum(ctx, node, tensor, window, Fraction(window.taps))
    out = window.op(0).out_spatial(tensor.shape[2:])
    return [_shaped(value, (*out, tensor.shape[1]), 1)]


def lower_global_average_pool(ctx: Context, node: FileNode) -> list[Tensor]:
    """Lower ``GlobalAveragePool``: the sum over the whole frame; what follows divides it."""
    tensor = _data(ctx, node, 1)
    window = _whole(tensor.shape[2:])
    value = _sum(ctx, node, tensor, window, Fraction(window.taps))
    ones = (1,) * len(window.kernel)
    return [_shaped(value, (*ones, tensor.shape[1]), 1)]


def lower_reduce(ctx: Context, node: FileNode) -> list[Tensor]:
    """Lower ``ReduceMean`` or ``ReduceSum`` over all spatial axes."""
    tensor = ctx.tensors[node.inputs[0]]
    assert isinstance(tensor, Dynamic)
    rank = len(tensor.shape)
    axes = node.integers("axes")
    given = ctx.constant(node, 1)
    if given is not None and given.raw is not None:
        axes = tuple(int(v) for v in given.raw.reshape(-1))
    wanted = {axis % rank for axis in axes} if axes else set(range(rank))
    channel = next((a for a in (1, rank - 1) if wanted == set(range(1, rank)) - {a}), None)
    if channel is None or rank not in (3, 4):
        raise Problem(f"it reduces axes {sorted(wanted)}", "reduce over all pixels")
    tensor = _data(ctx, node, channel)
    pixels = tuple(size for axis, size in enumerate(tensor.shape) if axis in wanted)
    window = _whole(pixels)
    divisor = Fraction(window.taps if node.op == "ReduceMean" else 1)
    value = _sum(ctx, node, tensor, window, divisor)
    shape = [1 if axis in wanted else size for axis, size in enumerate(tensor.shape)]
    if not node.attribute("keepdims", 1):
        shape = [tensor.shape[0], tensor.shape[channel]]
    return [Dynamic(value.expr, value.index.reshape(shape), value.space)]


def lower_quant_avg_pool(ctx: Context, node: FileNode) -> list[Tensor]:
    """Lower FINN's ``QuantAvgPool2d``: the sum of integers, shifted right."""
    axis = 3 if str(node.attribute("data_layout", "NCHW")) == "NHWC" else 1
    tensor = _data(ctx, node, axis)
    kernel, stride = int(node.attribute("kernel", 1)), int(node.attribute("stride", 1))
    window = Window((kernel,) * 2, (stride,) * 2, (1, 1), (0, 0, 0, 0))
    pixels = tensor.shape[1:3] if axis == 3 else tensor.shape[2:]
    largest = ((1 << int(node.attribute("ibits", 8))) - 1) * kernel * kernel
    shift = max(largest.bit_length() - int(node.attribute("obits", 8)), 0)
    value = _sum(ctx, node, tensor, window, Fraction(1 << shift))
    out = window.op(0).out_spatial(pixels)
    shaped = _shaped(value, (*out, tensor.shape[axis]), axis)
    one, nothing = Const(number(1), ()), Const(number(0), ())
    how = Quantizer(Rounding("FLOOR", -UNBOUNDED, UNBOUNDED), one, nothing)
    return [quantize(ctx, node, shaped, how)]


HANDLERS: Mapping[str, Callable[[Context, FileNode], list[Tensor]]] = MappingProxyType(
    {
        "MaxPool": lower_max_pool,
        "MaxPoolNHWC": lower_max_pool_nhwc,
        "GlobalMaxPool": lower_global_max_pool,
        "AveragePool": lower_average_pool,
        "GlobalAveragePool": lower_global_average_pool,
        "ReduceMean": lower_reduce,
        "ReduceSum": lower_reduce,
        "QuantAvgPool2d": lower_quant_avg_pool,
    }
)
"""Pools by operator; immutable."""
