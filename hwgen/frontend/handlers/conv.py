"""Convolutions: windows of the stream, then exact integer products."""

from __future__ import annotations

from math import prod

import numpy as np
import numpy.typing as npt

from hwgen.frontend.affine import Affine, Scaled, affine
from hwgen.frontend.context import Context
from hwgen.frontend.expr import Array, Var, compress, rebuild
from hwgen.frontend.handlers.elementwise import combine
from hwgen.frontend.handlers.layout import spatial
from hwgen.frontend.handlers.matrix import MatrixOp, emit_product, shift_of
from hwgen.frontend.handlers.product import (
    Product,
    Weights,
    checked_levels,
    operands,
    product,
    split_scale,
)
from hwgen.frontend.handlers.window import Window, window_of, zero_code
from hwgen.frontend.model import FileNode
from hwgen.frontend.naming import layer_name
from hwgen.frontend.tensors import Dynamic, Problem, Tensor
from hwgen.ir import ops

Ints = npt.NDArray[np.int64]


def lower_conv(ctx: Context, node: FileNode) -> list[Tensor]:
    """Lower ``Conv``: any stride, dilation, padding and grouping, in one or two dimensions."""
    weights = ctx.constant(node, 1)
    assert weights is not None
    found, tensor, _ = operands(ctx, node, 0, weights)
    tensor = spatial(ctx, node, tensor)
    window = window_of(node, tensor.shape[2:], weights.shape[2:])
    return [_biased(ctx, node, convolved(ctx, node, tensor, (found, weights.shape), window))]


def _biased(ctx: Context, node: FileNode, value: Tensor) -> Tensor:
    bias = ctx.constant(node, 2)
    if bias is None:
        return value
    assert isinstance(value, Dynamic)
    count = prod(bias.shape)
    column = bias.gathered(np.arange(count).reshape(-1, *(1,) * (len(value.shape) - 2)))
    return combine(ctx, "add", value, column)


def convolved(
    ctx: Context,
    node: FileNode,
    tensor: Dynamic,
    weights: tuple[Scaled, tuple[int, ...]],
    window: Window,
    groups: int | None = None,
) -> Dynamic:
    """Return the convolution of a channels-last stream, in the file's channels-first shape.

    weights : integers times scales, and their shape (outputs, inputs per group, *kernel)
    """
    found, shape = weights
    groups = groups or int(node.attribute("group", 1))
    view = affine(tensor.expr)
    assert view is not None
    channels = tensor.space[1]
    if shape[1] * groups != channels or shape[0] % groups:
        raise Problem(
            f"its weights of shape {shape} in {groups} groups do not fit {channels} channels",
            "check the layer's shape",
        )
    scale, offset = (_by_channel(part, channels) for part in (view.scale, view.offset))
    parts = _products(found, shape, groups, scale, offset)
    depthwise = shape[1] == 1 and groups == channels == shape[0]
    source = tensor.leaves[0]
    kind = ctx.builder.leaves[source].type
    if not window.trivial:
        code = zero_code(view, kind.low, kind.high) if any(window.pads) else 0
        rows = window.op(code, 1 if depthwise else groups)
        source = ctx.builder.add(rows, (source,), f"{layer_name(node)}_window", node.name).name
    shifts = shift_of(scale, offset, channels).reshape(groups, -1)
    if depthwise:
        shift = np.tile(shifts.reshape(-1), window.taps)
    else:
        shift = np.tile(shifts[:, None, :], (1, window.taps, 1)).reshape(-1)
    merged = _merged(parts)
    value = emit_product(ctx, node, source, _op(parts, depthwise=depthwise), merged, shift)
    leaf = ctx.builder.leaves[value.leaves[0]]
    index = np.arange(prod(leaf.type.shape), dtype=np.int64).reshape(leaf.type.shape)
    return Dynamic(value.expr, np.moveaxis(index, -1, 0)[None], value.space)


def _by_channel(values: Array, channels: int) -> Array:
    if values.ndim > 1:
        raise Problem(
            "its input has a scale or offset that varies between pixels",
            "use one scale per tensor or per channel",
        )
    return values if values.ndim == 0 else np.broadcast_to(values, (channels,))


def _products(
    found: Scaled, shape: tuple[int, ...], groups: int, scale: Array, offset: Array
) -> list[Product]:
    """Return one product per group over rows with channels fastest."""
    outputs, inputs, *kernel = shape
    taps = prod(kernel)
    codes = np.broadcast_to(found.codes, shape).reshape(groups, outputs // groups, inputs, taps)
    per_input, per_output = split_scale(found, len(shape), 1, 0)
    if per_input.size > 1:
        per_input = np.tile(per_input, taps)
    parts: list[Product] = []
    for group in range(groups):
        rows = codes[group].transpose(2, 1, 0).reshape(taps * inputs, -1)
        own = per_output
        if own.size > 1:
            own = own.reshape(groups, -1)[group]
        ends = [
            part if part.ndim == 0 else np.tile(part.reshape(groups, -1)[group], taps)
            for part in (scale, offset)
        ]
        found_here = product(Weights(rows, per_input, own), ends[0], ends[1])
        checked_levels(found_here.weights, exact=True)
        parts.append(found_here)
    return parts


def _merged(parts: list[Product]) -> Product:
    """Return the step and offset of all groups' outputs, one after another."""
    outputs = len(parts[0].weights)
    step, offset = (
        compress(np.concatenate([np.broadcast_to(v, (outputs,)) for v in values]))
        for values in ([p.step for p in parts], [p.offset for p in parts])
    )
    return Product(parts[0].weights, step, offset)


def _op(parts: list[Product], *, depthwise: bool) -> MatrixOp:
    if len(parts) == 1 and not depthwise:
        return ops.Mvu(parts[0].weights)
    stacked = np.stack([part.weights for part in parts])
    return ops.Vvu(stacked[:, 0, :]) if depthwise else ops.GroupedMvu(stacked)


def lower_conv_transpose(ctx: Context, node: FileNode) -> list[Tensor]:
    """Lower ``ConvTranspose``: zeros between pixels, then a convolution with a turned kernel."""
    weights = ctx.constant(node, 1)
    assert weights is not None
    groups = int(node.attribute("group", 1))
    inputs, outputs, *kernel = weights.shape
    axes = len(kernel)
    flat = np.arange(prod(weights.shape)).reshape(groups, inputs // groups, outputs, *kernel)
    flat = np.moveaxis(flat, 2, 1).reshape(groups * outputs, inputs // groups, *kernel)
    turned = weights.gathered(np.flip(flat, axis=tuple(range(2, 2 + axes))))
    found, tensor, _ = operands(ctx, node, 0, turned)
    tensor = spatial(ctx, node, tensor)
    stride = node.integers("strides") or (1,) * axes
    plain = _transpose_window(node, tuple(kernel))
    view = affine(tensor.expr)
    assert view is not None
    if any(factor > 1 for factor in stride):
        (name,) = tensor.leaves
        kind = ctx.builder.leaves[name].type
        op = ops.ZeroInsert(stride, zero_code(view, kind.low, kind.high))
        leaf = ctx.builder.add(op, (name,), f"{node.name}_spread", node.name)
        tensor = Dynamic(
            rebuild(tensor.expr, var=lambda _: Var(leaf.name)), tensor.index, leaf.space
        )
    value = convolved(ctx, node, tensor, (found, turned.shape), plain, groups)
    return [_biased(ctx, node, value)]


def _transpose_window(node: FileNode, kernel: tuple[int, ...]) -> Window:
    """Return the window of the convolution that a transposed one is over spread-out data."""
    axes = len(kernel)
    dilation = node.integers("dilations") or (1,) * axes
    pads = node.integers("pads") or (0,) * (2 * axes)
    extra = node.integers("output_padding") or (0,) * axes
    wanted = node.integers("output_shape")
    if wanted is not None or str(node.attribute("auto_pad", "NOTSET")) not in ("NOTSET", "VALID"):
        raise Problem("its padding follows from an output shape", "export with explicit pads")
    before = [d * (k - 1) - p for k, d, p in zip(kernel, dilation, pads[:axes], strict=True)]
    after = [
        d * (k - 1) - p + e for k, d, p, e in zip(kernel, dilation, pads[axes:], extra, strict=True)
    ]
    if min(*before, *after) < 0:
        raise Problem(f"its padding {pads} cuts into the data", "use padding below the kernel size")
    return Window(kernel, (1,) * axes, dilation, (*before, *after))


def lower_im2col(ctx: Context, node: FileNode) -> list[Tensor]:
    """Lower FINN's ``Im2Col``: the windows themselves, channels last."""
    tensor = ctx.tensors[node.inputs[0]]
    assert isinstance(tensor, Dynamic)
    tensor = spatial(ctx, node, tensor, axis=3)
    view = affine(tensor.expr)
    if view is None or len(tensor.leaves) != 1:
        raise Problem("an unquantized tensor enters Im2Col", "quantize it first")
    pads = node.integers("pad_amount") or (0, 0, 0, 0)
    kernel, stride = node.integers("kernel_size"), node.integers("stride")
    assert kernel is not None
    assert stride is not None
    window = Window(kernel, stride, node.integers("dilations") or (1, 1), pads)
    (name,) = tensor.leaves
    kind = ctx.builder.leaves[name].type
    shifted = Affine(view.scale, view.offset - int(node.attribute("pad_value", 0)))
    code = zero_code(shifted, kind.low, kind.high) if any(pads) else 0
    leaf = ctx.builder.add(window.op(code), (name,), node.name, node.name)
    channels = tensor.space[1]

    def repeat(values: Array) -> Array:
        return values if values.ndim == 0 else compress(np.tile(values, window.taps))

    expr = rebuild(tensor.expr, num=repeat, var=lambda _: Var(leaf.name))
    index = np.arange(prod(leaf.type.shape), dtype=np.int64).reshape(1, *leaf.type.shape)
    if node.attribute("depthwise", 0):
        parts = index.reshape(*index.shape[:-1], window.taps, channels)
        index = parts.swapaxes(-1, -2).reshape(index.shape)
    return [Dynamic(expr, index, leaf.space)]
