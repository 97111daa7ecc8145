"""Dense layers: ``MatMul`` and ``Gemm`` with constant weights."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np
import numpy.typing as npt

from hwgen.frontend.affine import as_array
from hwgen.frontend.context import Context, MatrixSite, Relayout
from hwgen.frontend.expr import Array, Num, Var, apply, compress
from hwgen.frontend.handlers.elementwise import attribute, combine
from hwgen.frontend.handlers.product import (
    Product,
    Weights,
    checked_levels,
    operands,
    product,
    split_scale,
)
from hwgen.frontend.model import FileNode
from hwgen.frontend.naming import layer_name
from hwgen.frontend.tensors import Const, Dynamic, Problem, Tensor
from hwgen.ir import ops

Ints = npt.NDArray[np.int64]
MatrixOp = ops.Mvu | ops.Vvu | ops.GroupedMvu


def lower_matmul(ctx: Context, node: FileNode) -> list[Tensor]:
    """Lower ``MatMul``: of a stream and constant weights, in either order."""
    left, right = (ctx.tensors[name] for name in node.inputs)
    if isinstance(left, Dynamic) and isinstance(right, Dynamic):
        raise Problem(
            "it multiplies two streams of data",
            "matrix products need constant weights on one side",
        )
    if isinstance(right, Const):
        return [dense(ctx, node, 0, right)]
    assert isinstance(left, Const)
    found = dense(ctx, node, 1, _transposed(left), turned=True)
    return [Dynamic(found.expr, found.index.swapaxes(-1, -2), found.space)]


def _transposed(const: Const) -> Const:
    if len(const.shape) != 2:
        raise Problem(f"its weights have shape {const.shape}", "use a two-dimensional matrix")
    index = np.arange(prod(const.shape)).reshape(const.shape)
    return const.gathered(index.T)


def lower_gemm(ctx: Context, node: FileNode) -> list[Tensor]:
    """Lower ``Gemm``: alpha * A B' + beta * C."""
    data = ctx.tensors[node.inputs[0]]
    turned = bool(node.attribute("transA", 0))
    if turned and data.shape and data.shape[-1] != 1:
        raise Problem(
            "it transposes its data (transA), which swaps frames and channels",
            "export without transA",
        )
    weights = ctx.constant(node, 1)
    assert weights is not None
    if node.attribute("transB", 0):
        weights = _transposed(weights)
    found: Tensor = dense(ctx, node, 0, weights, turned=turned)
    found = combine(ctx, "mul", found, Const(attribute(node, "alpha", 1.0), ()))
    bias = ctx.constant(node, 2)
    if bias is not None:
        bias_term = combine(ctx, "mul", bias, Const(attribute(node, "beta", 1.0), ()))
        found = combine(ctx, "add", found, bias_term)
    return [found]


def dense(
    ctx: Context, node: FileNode, position: int, weights: Const, *, turned: bool = False
) -> Dynamic:
    """Lower a product over the data's last axis with (inputs, outputs) weights.

    turned : the data's last two axes are swapped first
    """
    if len(weights.shape) != 2:
        raise Problem(f"its weights have shape {weights.shape}", "use a two-dimensional matrix")
    found, tensor, view = operands(ctx, node, position, weights)
    index = tensor.index.swapaxes(-1, -2) if turned else tensor.index
    count, outputs = weights.shape
    if index.shape[-1] != count:
        raise Problem(
            f"it has weights for {count} inputs, its data have {index.shape[-1]}",
            "check the layer's shape",
        )
    rows = index.reshape(-1, count)
    order = _order(ctx, tensor, rows)
    scale, offset = (
        _to_inputs(part, tensor, rows[0], order, len(rows)) for part in (view.scale, view.offset)
    )
    codes = np.broadcast_to(found.codes, (count, outputs))
    matrix = product(Weights(codes, *split_scale(found, 2, 0, 1)), scale, offset)
    checked_levels(matrix.weights, exact=True)
    shape = ctx.builder.leaves[tensor.leaves[0]].type.shape
    source = ctx.builder.reshape(
        tensor.leaves[0], (prod(shape),) if len(rows) == 1 else shape, node.name
    )
    size = ctx.builder.leaves[source].type.channels
    placed = np.zeros((outputs, size), dtype=np.int64)
    np.add.at(placed.T, order, matrix.weights.T)  # an element may come twice
    checked_levels(placed, exact=True)
    sizes = np.zeros(placed.shape)
    np.add.at(sizes.T, order, np.abs(matrix.weights.T))
    shift = np.zeros(size)
    shift[order] = shift_of(scale, offset, count)
    value = emit_product(ctx, node, source, ops.Mvu(placed), matrix, shift)
    if len(set(order.tolist())) < count:
        ctx.matrices[-1] = replace(ctx.matrices[-1], terms=count, sizes=sizes)
    where = np.arange(len(rows) * outputs, dtype=np.int64).reshape(*index.shape[:-1], outputs)
    return Dynamic(value.expr, where, value.space)


def emit_product(
    ctx: Context,
    node: FileNode,
    source: str,
    op: MatrixOp,
    found: Product,
    shift: npt.NDArray[np.float64],
) -> Dynamic:
    """Append the product; return its real value, in stream order without the file's shape.

    shift : (inputs,) size of offset over scale of what enters
    """
    kind = ctx.builder.leaves[source].type
    leaf = ctx.builder.add(op, (source,), layer_name(node), node.name, op.channel_range(kind))
    ctx.matrices.append(MatrixSite(leaf.name, source, shift, op.weights.shape[-1]))
    expr = apply("add", apply("mul", Var(leaf.name), Num(found.step)), Num(found.offset))
    return Dynamic(expr, np.arange(prod(leaf.type.shape), dtype=np.int64), leaf.space)


def shift_of(scale: Array, offset: Array, count: int) -> npt.NDArray[np.float64]:
    """Return the size of offset over scale per input."""
    ratio = np.broadcast_to(as_array(offset / scale), (count,))
    return np.abs(ratio.astype(np.float64))


def _order(ctx: Context, tensor: Dynamic, rows: Ints) -> Ints:
    """Return the channel of each matrix row, once the stream is cut into vectors."""
    leaf = ctx.builder.leaves[tensor.leaves[0]]
    vectors, count = rows.shape
    free = leaf.free and not ctx.settled and tensor.whole()
    if vectors == 1:
        ordered = len(leaf.type.shape) == 1 and bool((np.diff(rows[0]) > 0).all())
        if free and not ordered:
            raise Relayout(ctx.order[rows[0]], (count,))
        return rows[0]
    channels = leaf.type.channels
    order = rows[0] % channels
    wanted = np.arange(vectors)[:, None] * channels + order
    if not np.array_equal(rows, wanted):
        if free:
            raise Relayout(ctx.order[rows.reshape(-1)], (vectors, count))
        raise Problem(
            "it multiplies along an axis that is not the channels of its stream",
            "apply the layer along the channel axis",
        )
    return order


def _to_inputs(values: Array, tensor: Dynamic, first: Ints, order: Ints, vectors: int) -> Array:
    """Return a constant of the stream as () or one value per matrix row."""
    if values.ndim == 0:
        return values
    full = np.broadcast_to(values, tensor.space)
    if vectors == 1:
        return compress(full.reshape(-1)[first])
    if (full != full[:1]).any():
        raise Problem(
            "its input has a scale or offset that varies between pixels",
            "use one scale per channel",
        )
    return compress(full[0][order])
