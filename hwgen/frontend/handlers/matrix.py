"""Contractions: scaled-integer inputs times constant weights become exact integer products."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import prod

import numpy as np
import numpy.typing as npt

from hwgen.frontend.affine import Affine, Scaled, affine, as_array, common_step, scaled
from hwgen.frontend.context import HOST, Context, MatrixSite, Relayout
from hwgen.frontend.expr import Array, Num, Var, apply, compress
from hwgen.frontend.handlers.elementwise import attribute, combine
from hwgen.frontend.handlers.grid import on_grid
from hwgen.frontend.model import FileNode
from hwgen.frontend.naming import layer_name
from hwgen.frontend.tensors import Const, Dynamic, Problem, Tensor
from hwgen.ir import ops

Ints = npt.NDArray[np.int64]

LEVELS = 256
"""Most levels of a weight: eight bits."""


@dataclass(frozen=True, eq=False)
class Product:
    """Exact integer weights of one contraction.

    weights : int64 (outputs, inputs)
    step : ``Fraction`` object array () or (outputs,), real size of one accumulator unit
    offset : ``Fraction`` object array () or (outputs,), added to the sum
    """

    weights: Ints
    step: Array
    offset: Array


def scaled_input(ctx: Context, node: FileNode, position: int = 0) -> tuple[Dynamic, Affine]:
    """Return an input as one integer tensor with scale and offset; ``Problem`` where it is not."""
    tensor = ctx.tensors[node.inputs[position]]
    assert isinstance(tensor, Dynamic)
    if HOST in tensor.leaves:
        raise Problem(
            f"an unquantized tensor ({node.inputs[position]}) enters {node.op}",
            "quantize it with QuantIdentity here, or give --input-type if the network's "
            "input itself is integer",
        )
    if len(tensor.leaves) > 1:
        raise Problem(
            f"the sum of two streams ({node.inputs[position]}) enters {node.op} unquantized",
            "quantize the sum with QuantIdentity here",
        )
    found = affine(tensor.expr)
    if found is None:
        tensor = on_grid(ctx, node, tensor)
        found = affine(tensor.expr)
    assert found is not None
    name = tensor.leaves[0]
    kind = ctx.builder.leaves[name].type
    wide = LEVELS if isinstance(ctx.builder.op(name), ops.Mvu) else 1 << 16
    if kind.high - kind.low >= wide:
        raise Problem(
            f"an unquantized tensor ({node.inputs[position]}, {kind.bits} bits wide) "
            f"enters {node.op}",
            "quantize it with QuantIdentity here",
        )
    return tensor, found


def product(
    weights: Scaled, shape: tuple[int, int], space_scale: Array, space_offset: Array
) -> Product:
    """Return the integer product of (inputs, outputs) weights with scaled inputs.

    space_scale, space_offset : ``Fraction`` arrays () or (inputs,)
    """
    count = shape[0]
    codes = np.broadcast_to(weights.codes, shape)
    scale = weights.scale.reshape((1,) * (2 - weights.scale.ndim) + weights.scale.shape)
    if scale.shape[0] > 1 and scale.shape[1] > 1:
        raise Problem("its weights have a scale per element", "use one scale per output channel")
    per_output = scale[0] if scale.shape[1] > 1 else np.array([Fraction(1)], dtype=object)
    per_input = scale[:, 0] if scale.shape[1] == 1 else np.array([Fraction(1)], dtype=object)
    ratio = (
        np.broadcast_to(as_array(per_input * space_scale), (count,))
        if (per_input.size > 1 or space_scale.size > 1)
        else as_array(per_input * space_scale)
    )
    step = common_step(ratio)
    multiples = np.array([int(v / step) for v in ratio.reshape(-1)], dtype=object)
    if max(abs(v) for v in multiples) > 1 << 24:
        raise Problem(
            "the channels that it sums have scales that are not small multiples of each other",
            "quantize its input with one scale for all channels",
        )
    matrix = codes * multiples.astype(np.int64)[:, None]
    common = int(np.gcd.reduce(np.abs(matrix).reshape(-1))) or 1
    matrix = np.ascontiguousarray((matrix // common).T)
    unit = as_array(per_output * (step * common))
    offset = _offset(codes, per_input, per_output, space_offset)
    return Product(matrix, _short(unit), _short(offset))


def _offset(codes: Ints, per_input: Array, per_output: Array, offset: Array) -> Array:
    """Return what the inputs' offsets add to every sum."""
    outputs = codes.shape[1]
    zero = np.array([Fraction(0)] * outputs, dtype=object)
    if (offset == 0).all():
        return zero
    shift = np.broadcast_to(as_array(per_input * offset), (codes.shape[0],))
    step = common_step(shift)
    units = np.array([int(v / step) for v in shift], dtype=object)
    if max(abs(v) for v in units) < 1 << 40:
        sums = codes.T @ units.astype(np.int64)
        return np.array([Fraction(int(v)) for v in sums], dtype=object) * step * per_output
    return (
        np.array(
            [
                sum((int(w) * s for w, s in zip(row, shift, strict=True)), Fraction(0))
                for row in codes.T
            ],
            dtype=object,
        )
        * per_output
    )


def _short(values: Array) -> Array:
    """Return () where all elements are equal."""
    return compress(values.reshape(-1))


def checked_levels(weights: Ints, *, exact: bool) -> None:
    """Raise ``Problem`` where weights have more levels than eight bits hold."""
    low, high = int(weights.min(initial=0)), int(weights.max(initial=0))
    if high - low < LEVELS:
        return
    bits = (high - low).bit_length()
    if not exact and bits > 16:
        raise Problem(
            "its weights are not quantized",
            "quantize them to 8 bits or fewer (weight_bit_width in Brevitas)",
        )
    raise Problem(
        f"its weights take {bits} bits, from {low} to {high}; a matrix unit takes at most 8 bits",
        "quantize them to 8 bits or fewer (weight_bit_width in Brevitas)",
    )


def scaled_weights(const: Const) -> Scaled:
    """Return constant weights as exact integers times scales."""
    found = scaled(const.expr, const.shape)
    if found is None:
        raise Problem(
            "its weights are not quantized: they lie on no common grid",
            "quantize them to 8 bits or fewer (weight_bit_width in Brevitas)",
        )
    checked_levels(np.asarray(found.codes), exact=False)
    return found


def operands(
    ctx: Context, node: FileNode, position: int, weights: Const
) -> tuple[Scaled, Dynamic, Affine]:
    """Return weights and data as scaled integers; one ``Problem`` tells what is wrong with both."""
    problems: list[Problem] = []
    matrix: Scaled | None = None
    data: tuple[Dynamic, Affine] | None = None
    try:
        matrix = scaled_weights(weights)
    except Problem as problem:
        problems.append(problem)
    try:
        data = scaled_input(ctx, node, position)
    except Problem as problem:
        problems.append(problem)
    if matrix is None or data is None:
        raise Problem(
            " and ".join(p.reason for p in problems), " and ".join(p.remedy for p in problems)
        )
    return matrix, *data


def check_weights_only(ctx: Context, node: FileNode) -> None:
    """Raise ``Problem`` where the weights of a contraction of unknown data do not fit."""
    for name in node.inputs[:2]:
        tensor = ctx.tensors[name]
        if isinstance(tensor, Const):
            scaled_weights(tensor)


def lower_matmul(ctx: Context, node: FileNode) -> list[Tensor]:
    """Lower ``MatMul`` of a stream and constant weights, in either order."""
    left, right = (ctx.tensors[name] for name in node.inputs)
    if isinstance(left, Dynamic) and isinstance(right, Dynamic):
        raise Problem(
            "it multiplies two streams of data", "matrix products need constant weights on one side"
        )
    if isinstance(right, Const):
        return [dense(ctx, node, 0, right)]
    assert isinstance(left, Const)
    flipped = _transposed(left)
    assert isinstance(right, Dynamic)
    turned = Dynamic(right.expr, right.index.swapaxes(-1, -2), right.space)
    found = dense(ctx, node, 1, flipped, turned)
    return [Dynamic(found.expr, found.index.swapaxes(-1, -2), found.space)]


def _transposed(const: Const) -> Const:
    if len(const.shape) != 2:
        raise Problem(f"its weights have shape {const.shape}", "use a two-dimensional matrix")
    index = np.arange(prod(const.shape)).reshape(const.shape)
    return const.gathered(index.T)


def lower_gemm(ctx: Context, node: FileNode) -> list[Tensor]:
    """Lower ``Gemm``: alpha * A B' + beta * C."""
    if node.attribute("transA", 0):
        raise Problem(
            "it transposes its data (transA), which swaps frames and channels",
            "export without transA",
        )
    weights = ctx.constant(node, 1)
    assert weights is not None
    if node.attribute("transB", 0):
        weights = _transposed(weights)
    found: Tensor = dense(ctx, node, 0, weights)
    found = combine(ctx, "mul", found, Const(attribute(node, "alpha", 1.0), ()))
    bias = ctx.constant(node, 2)
    if bias is not None:
        bias_term = combine(ctx, "mul", bias, Const(attribute(node, "beta", 1.0), ()))
        found = combine(ctx, "add", found, bias_term)
    return [found]


def dense(
    ctx: Context, node: FileNode, position: int, weights: Const, data: Dynamic | None = None
) -> Dynamic:
    """Lower a product over the data's last axis with (inputs, outputs) weights."""
    if len(weights.shape) != 2:
        raise Problem(f"its weights have shape {weights.shape}", "use a two-dimensional matrix")
    matrix, tensor, view = operands(ctx, node, position, weights)
    index = tensor.index if data is None else data.index
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
    found = product(matrix, (count, outputs), scale, offset)
    checked_levels(found.weights, exact=True)
    leaf_name = ctx.builder.reshape(tensor.leaves[0], _vector_shape(ctx, tensor, rows), node.name)
    size = ctx.builder.leaves[leaf_name].type.channels
    placed = np.zeros((outputs, size), dtype=np.int64)
    placed[:, order] = found.weights
    return emit_product(
        ctx,
        node,
        leaf_name,
        ops.Mvu(placed),
        found,
        shift_of(scale, offset, order, size),
        index.shape[:-1],
    )


def emit_product(
    ctx: Context,
    node: FileNode,
    source: str,
    op: ops.Mvu,
    found: Product,
    shift: npt.NDArray[np.float64],
    leading: tuple[int, ...],
) -> Dynamic:
    """Append the product and return its real value in the file's shape."""
    kind = ctx.builder.leaves[source].type
    leaf = ctx.builder.add(op, (source,), layer_name(node), node.name, op.channel_range(kind))
    ctx.matrices.append(MatrixSite(leaf.name, source, shift, op.weights.shape[1]))
    outputs = len(op.weights)
    index = np.arange(prod(leaf.type.shape), dtype=np.int64).reshape(*leading, outputs)
    expr = apply("add", apply("mul", Var(leaf.name), Num(found.step)), Num(found.offset))
    return Dynamic(expr, index, leaf.space)


def shift_of(scale: Array, offset: Array, order: Ints, size: int) -> npt.NDArray[np.float64]:
    """Return offset over scale per input, in the stream's order."""
    ratio = np.abs(np.broadcast_to(as_array(offset / scale), (len(order),)).astype(np.float64))
    placed = np.zeros(size)
    placed[order] = ratio
    return placed


def _order(ctx: Context, tensor: Dynamic, rows: Ints) -> Ints:
    """Return the channel of each matrix row, once the stream is cut into vectors."""
    leaf = ctx.builder.leaves[tensor.leaves[0]]
    vectors, count = rows.shape
    if vectors == 1:
        if leaf.free and not ctx.settled and not _is_flat(leaf.type.shape, rows):
            raise Relayout(ctx.order[rows[0]], (count,))
        return rows[0]
    channels = leaf.type.channels
    order = rows[0] % channels
    wanted = np.arange(vectors)[:, None] * channels + order
    if not np.array_equal(rows, wanted):
        if leaf.free and not ctx.settled and tensor.whole():
            raise Relayout(ctx.order[rows.reshape(-1)], (vectors, count))
        raise Problem(
            "it multiplies along an axis that is not the channels of its stream",
            "apply the layer along the channel axis",
        )
    return order


def _is_flat(shape: tuple[int, ...], rows: Ints) -> bool:
    """Whether the stream already is one vector that covers this product in order."""
    flat = len(shape) == 1 or prod(shape) != rows.size
    return flat and (prod(shape) != rows.size or bool((np.diff(rows[0]) > 0).all()))


def _vector_shape(ctx: Context, tensor: Dynamic, rows: Ints) -> tuple[int, ...]:
    shape = ctx.builder.leaves[tensor.leaves[0]].type.shape
    return (prod(shape),) if len(rows) == 1 else shape


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
