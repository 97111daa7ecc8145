"""Scaled integers on both sides of a contraction become one exact integer matrix."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from hwgen.frontend.affine import Affine, Scaled, affine, as_array, common_step, scaled
from hwgen.frontend.builder import MATRICES
from hwgen.frontend.context import HOST, Context
from hwgen.frontend.expr import Array, compress
from hwgen.frontend.handlers import join, pending
from hwgen.frontend.handlers.grid import on_grid
from hwgen.frontend.model import FileNode
from hwgen.frontend.tensors import Const, Dynamic, Problem

Ints = npt.NDArray[np.int64]

LEVELS = 256
"""Most levels of a weight: eight bits."""

WIDE = 1 << 16
"""Most levels of what enters a contraction; sums of pools are wider than eight bits."""

QUANTIZE_WEIGHTS = "quantize them to 8 bits or fewer (weight_bit_width in Brevitas)"


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


@dataclass(frozen=True, eq=False)
class Weights:
    """Constant weights of a contraction.

    codes : int64 (inputs, outputs)
    per_input, per_output : ``Fraction`` object arrays, (1,) or one scale for each
    """

    codes: Ints
    per_input: Array
    per_output: Array


def product(weights: Weights, scale: Array, offset: Array) -> Product:
    """Return the integer product with inputs ``scale * code + offset``.

    scale, offset : ``Fraction`` arrays () or (inputs,)
    Raises ``Problem`` where aligning the inputs' scales takes more than eight bits of a weight.
    """
    codes, per_output = weights.codes, weights.per_output
    ratio = as_array(weights.per_input * scale).reshape(-1)
    step = common_step(ratio)
    multiples = np.array([int(v / step) for v in ratio], dtype=object)
    if max(abs(v) for v in multiples) > 1 << 24:
        raise _unequal_scales()
    matrix = codes * multiples.astype(np.int64)[:, None]
    common = int(np.gcd.reduce(np.abs(matrix).reshape(-1))) or 1
    matrix = np.ascontiguousarray((matrix // common).T)
    if _levels(matrix) > LEVELS >= _levels(codes):
        raise _unequal_scales()
    unit = as_array(per_output * (step * common))
    return Product(matrix, _short(unit), _short(_offset(weights, offset)))


def _levels(weights: Ints) -> int:
    return int(weights.max(initial=0)) - int(weights.min(initial=0)) + 1


def _unequal_scales() -> Problem:
    return Problem(
        "the channels that it sums have scales that are not small multiples of each other",
        "quantize its input with one scale for all channels (at the network's input: QuantIdentity "
        "there, or one --input-std for all channels)",
    )


def _offset(weights: Weights, offset: Array) -> Array:
    """Return what the inputs' offsets add to every sum."""
    codes, per_output = weights.codes, weights.per_output
    count, outputs = codes.shape
    if (offset == 0).all():
        return np.array([Fraction(0)] * outputs, dtype=object)
    shift = np.broadcast_to(as_array(weights.per_input * offset), (count,))
    step = common_step(shift)
    units = [int(v / step) for v in shift]
    if max(abs(v) for v in units) < 1 << 40:
        sums = codes.T @ np.array(units, dtype=np.int64)
        return np.array([Fraction(int(v)) for v in sums], dtype=object) * step * per_output
    exact = [sum(int(w) * s for w, s in zip(row, shift, strict=True)) for row in codes.T]
    return np.array([Fraction(v) for v in exact], dtype=object) * per_output


def _short(values: Array) -> Array:
    """Return () where all elements are equal."""
    return compress(values.reshape(-1))


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
    tensor = join.merged(ctx, node, pending.settled(ctx, node, tensor))
    found = affine(tensor.expr)
    if found is None:
        tensor = on_grid(ctx, node, tensor)
        found = affine(tensor.expr)
    assert found is not None
    name = tensor.leaves[0]
    kind = ctx.builder.leaves[name].type
    matrix = isinstance(ctx.builder.op(name), MATRICES)
    if kind.high - kind.low >= (LEVELS if matrix else WIDE):
        raise Problem(
            f"an unquantized tensor ({node.inputs[position]}, {kind.bits} bits wide) "
            f"enters {node.op}",
            "quantize it with QuantIdentity here",
        )
    return tensor, found


def checked_levels(weights: Ints, *, exact: bool) -> None:
    """Raise ``Problem`` where weights have more levels than eight bits hold."""
    if _levels(weights) <= LEVELS:
        return
    low, high = int(weights.min(initial=0)), int(weights.max(initial=0))
    bits = (high - low).bit_length()
    if not exact and bits > 16:
        raise Problem("its weights are not quantized", QUANTIZE_WEIGHTS)
    raise Problem(
        f"its weights take {bits} bits, from {low} to {high}; a matrix unit takes at most 8 bits",
        QUANTIZE_WEIGHTS,
    )


def scaled_weights(const: Const) -> Scaled:
    """Return constant weights as exact integers times scales."""
    if 0 in const.shape:
        raise Problem(f"its weights have shape {const.shape}", "check the layer's size")
    found = scaled(const.expr, const.shape)
    if found is None:
        raise Problem("its weights are not quantized: they lie on no common grid", QUANTIZE_WEIGHTS)
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


def split_scale(found: Scaled, axes: int, inputs: int, outputs: int) -> tuple[Array, Array]:
    """Return scales over axis ``inputs`` and over axis ``outputs``, each (1,) or one for each.

    axes : number of axes of the weights; a scale may vary along one of the two only
    """
    scale = found.scale.reshape((1,) * (axes - found.scale.ndim) + found.scale.shape)
    one = np.array([Fraction(1)], dtype=object)
    varying = [axis for axis, size in enumerate(scale.shape) if size > 1]
    if varying in ([], [outputs]):
        return one, scale.reshape(-1)
    if varying == [inputs]:
        return scale.reshape(-1), one
    raise Problem(
        "its weights have a scale for each element or block", "use one scale per output channel"
    )
