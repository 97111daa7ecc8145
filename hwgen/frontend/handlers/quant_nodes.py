"""The quantizing nodes of QONNX, FINN-ONNX and ONNX QDQ."""

from __future__ import annotations

from fractions import Fraction
from math import prod

import numpy as np
from onnx import TensorProto

from hwgen.frontend.affine import rational
from hwgen.frontend.context import HOST, Context, Relayout
from hwgen.frontend.evaluate import approx
from hwgen.frontend.expr import Array, Num, apply, fractions, number
from hwgen.frontend.handlers.elementwise import combine, unary
from hwgen.frontend.handlers.quantize import Quantizer, quantize
from hwgen.frontend.model import FileNode
from hwgen.frontend.quantizer import MODES, Count, Rounding, Sign, Steps
from hwgen.frontend.tensors import Const, Dynamic, Problem, Tensor
from hwgen.ir import range_bits

NOTHING = Const(number(0), ())
UNBOUNDED = 1 << 40
FAR = 2.0**200

RANGES: dict[int, tuple[int, int]] = {
    TensorProto.INT8: (-128, 127),
    TensorProto.UINT8: (0, 255),
    TensorProto.INT4: (-8, 7),
    TensorProto.UINT4: (0, 15),
    TensorProto.INT16: (-32768, 32767),
    TensorProto.UINT16: (0, 65535),
}


def lower_quant(ctx: Context, node: FileNode) -> list[Tensor]:
    """Lower ``Quant`` / ``IntQuant``: clip(x / scale + zero point), round, back."""
    x = ctx.tensors[node.inputs[0]]
    scale, zero = _parameter(ctx, node, 1, "scale"), _parameter(ctx, node, 2, "zero point")
    bits = _bit_width(ctx, node, 3)
    mode = str(node.attribute("rounding_mode", "ROUND")).upper()
    if mode not in MODES:
        raise Problem(f"rounding mode {mode} is unknown", f"use one of {', '.join(MODES)}")
    signed, narrow = bool(node.attribute("signed", 1)), bool(node.attribute("narrow", 0))
    rounded = combine(ctx, "add", combine(ctx, "div", x, scale), zero)
    if bits == 1 and signed:
        return [
            quantize(ctx, node, rounded, Quantizer(Sign(), scale, _back(ctx, zero, scale), True))
        ]
    low, high = code_range(bits, signed=signed, narrow=narrow)
    steps, zero = _moved(mode, low, high, zero)
    return [quantize(ctx, node, rounded, Quantizer(steps, scale, _back(ctx, zero, scale)))]


def code_range(bits: int, *, signed: bool, narrow: bool) -> tuple[int, int]:
    """Return the smallest and largest code of a QONNX quantizer."""
    if signed:
        return -(1 << (bits - 1)) + narrow, (1 << (bits - 1)) - 1
    return 0, (1 << bits) - 1 - narrow


def _moved(mode: str, low: int, high: int, zero: Const) -> tuple[Rounding, Const]:
    """Take a whole zero point out of the code where that needs no more bits."""
    whole = _whole_scalar(zero)
    if whole is None or range_bits(low - whole, high - whole) > range_bits(low, high):
        return Rounding(mode, low, high), zero
    return Rounding(mode, low - whole, high - whole, -whole), NOTHING


def _whole_scalar(const: Const) -> int | None:
    values = rational(const.expr)
    if values is None or values.size == 0:
        return None
    first = values.reshape(-1)[0]
    if (values != first).any() or first.denominator != 1:
        return None
    return int(first)


def _back(ctx: Context, zero: Const, scale: Const) -> Const:
    """Return -zero * scale."""
    if zero is NOTHING or _whole_scalar(zero) == 0:
        return NOTHING
    offset = unary(combine(ctx, "mul", zero, scale), lambda e: apply("neg", e))
    assert isinstance(offset, Const)
    return offset


def _parameter(ctx: Context, node: FileNode, position: int, what: str) -> Const:
    """Return a parameter; a single element becomes a scalar."""
    const = ctx.constant(node, position)
    if const is None:
        raise Problem(f"its {what} is missing", "export the quantizer again")
    if what.endswith("scale"):
        check_scale(const)
    if const.raw is not None and const.raw.size == 1:
        value = const.raw.reshape(-1)[0]
        if not np.isfinite(value):
            raise Problem(f"its {what} is {value}", "train or calibrate the quantizer again")
        return Const(number(np.float64(value)), (), const.elem)
    return const


def check_scale(const: Const) -> None:
    """Raise ``Problem`` unless every scale is positive."""
    values = rational(const.expr)
    found = approx(const.expr, {})[0] if values is None else values
    wrong = found[~(found > 0)] if found.ndim else found.reshape(1)[~(found.reshape(1) > 0)]
    if wrong.size:
        raise Problem(
            f"its scale {float(wrong.reshape(-1)[0]):g} is not a positive number",
            "train or calibrate the quantizer again",
        )


def _bit_width(ctx: Context, node: FileNode, position: int) -> int:
    const = _parameter(ctx, node, position, "bit width")
    bits = _whole_scalar(const)
    if bits is None or not 1 <= bits <= 32:
        raise Problem(
            "its bit width is not one whole number from 1 to 32",
            "quantize the tensor with one fixed bit width",
        )
    return bits


def lower_bipolar(ctx: Context, node: FileNode) -> list[Tensor]:
    """Lower ``BipolarQuant``: +scale from 0 on, -scale below."""
    scale = _parameter(ctx, node, 1, "scale")
    x = ctx.tensors[node.inputs[0]]
    return [quantize(ctx, node, x, Quantizer(Sign(), scale, NOTHING, True))]


def lower_trunc(ctx: Context, node: FileNode) -> list[Tensor]:
    """Lower ``Trunc``: version 1 has five inputs, version 2 has six and clips."""
    x = ctx.tensors[node.inputs[0]]
    scale, zero = _parameter(ctx, node, 1, "scale"), _parameter(ctx, node, 2, "zero point")
    mode = str(node.attribute("rounding_mode", "FLOOR")).upper()
    if mode not in MODES:
        raise Problem(f"rounding mode {mode} is unknown", f"use one of {', '.join(MODES)}")
    whole = unary(
        combine(ctx, "add", combine(ctx, "div", x, scale), zero), lambda e: apply("round", e)
    )
    if len(node.inputs) < 6:
        shift = _bit_width(ctx, node, 3) - _bit_width(ctx, node, 4)
        divisor = Const(number(Fraction(2) ** shift), ())
        how = Quantizer(Rounding(mode, -UNBOUNDED, UNBOUNDED), scale, _back(ctx, zero, scale))
        return [quantize(ctx, node, combine(ctx, "div", whole, divisor), how)]
    target = _parameter(ctx, node, 4, "output scale")
    low, high = code_range(
        _bit_width(ctx, node, 5),
        signed=bool(node.attribute("signed", 1)),
        narrow=bool(node.attribute("narrow", 0)),
    )
    ratio = rational(combine_constants(ctx, "div", target, scale).expr)
    if ratio is None or (ratio <= 0).any():
        raise Problem("its scales are not positive numbers", "export the quantizer again")
    power = [Fraction(2) ** round(float(np.log2(float(v)))) for v in ratio.reshape(-1)]
    steps = np.array(power, dtype=object).reshape(ratio.shape)
    divisor = Const(Num(steps), ratio.shape)
    back = _back(ctx, combine_constants(ctx, "div", zero, divisor), target)
    how = Quantizer(Rounding(mode, low, high), target, back)
    return [quantize(ctx, node, combine(ctx, "div", whole, divisor), how)]


def combine_constants(ctx: Context, fn: str, left: Const, right: Const) -> Const:
    """Return ``fn`` of two constants."""
    found = combine(ctx, fn, left, right)
    assert isinstance(found, Const)
    return found


def lower_multithreshold(ctx: Context, node: FileNode) -> list[Tensor]:
    """Lower ``MultiThreshold``: count the thresholds reached, times out_scale, plus out_bias."""
    x, const = ctx.tensors[node.inputs[0]], ctx.constant(node, 1)
    assert const is not None
    raw = const.raw
    if raw is None or raw.ndim != 2:
        raise Problem("its thresholds are not a plain (channels, steps) array", "export again")
    scale = Fraction(float(np.float32(node.attribute("out_scale", 1.0))))
    bias = Fraction(float(np.float32(node.attribute("out_bias", 0.0))))
    if scale == 0:
        raise Problem("its out_scale is 0", "export again")
    # a threshold never or always reached may be infinite
    levels = np.sort(np.clip(raw.astype(np.float64), -FAR, FAR), axis=1)
    if (levels == levels[:1]).all():
        levels = levels[:1]
    if isinstance(x, Dynamic) and len(levels) > 1:
        x, levels = _by_position(ctx, node, x, levels)
    exact = fractions(levels)
    zero = bias / scale + _shift_behind(ctx, node, scale)
    if raw.shape[1] == 1 and 2 * zero == -1:
        how = _quantizer(Count(exact, -1, 2), scale / 2, bias + scale / 2, bipolar=True)
    elif zero.denominator == 1 and range_bits(int(zero), int(zero) + raw.shape[1]) <= range_bits(
        0, raw.shape[1]
    ):
        how = _quantizer(Count(exact, int(zero)), scale, bias - zero * scale)
    else:
        how = _quantizer(Count(exact, 0), scale, bias)
    return [quantize(ctx, node, x, how)]


def _shift_behind(ctx: Context, node: FileNode, scale: Fraction) -> Fraction:
    """Return what scalar nodes behind add to the code: FINN writes signed codes as count + Add."""
    shift = Fraction(0)
    for _ in range(4):
        readers = ctx.readers.get(node.outputs[0], [])
        if len(readers) != 1 or readers[0].op not in ("Add", "Sub", "Mul"):
            break
        (reader,) = readers
        const = ctx.tensors.get(reader.inputs[1])
        value = const.raw if isinstance(const, Const) else None
        if value is None or value.size != 1 or reader.inputs[0] != node.outputs[0]:
            break
        number_ = Fraction(float(value.reshape(-1)[0]))
        if reader.op == "Mul":
            scale *= number_
        else:
            shift += (number_ if reader.op == "Add" else -number_) / scale if scale else 0
        node = reader
    return shift


def _quantizer(
    steps: Steps, scale: Fraction, offset: Fraction, *, bipolar: bool = False
) -> Quantizer:
    return Quantizer(steps, Const(number(scale), ()), Const(number(offset), ()), bipolar)


def _by_position(ctx: Context, node: FileNode, x: Dynamic, levels: Array) -> tuple[Dynamic, Array]:
    """Return thresholds in the channel order of the codes, flattening them if they vary inside."""
    axis = _channel_axis(node, len(x.shape))
    if x.shape[axis] != len(levels):
        raise Problem(
            f"it has thresholds for {len(levels)} channels, its input has {x.shape[axis]}",
            "check its data_layout",
        )
    channel = np.broadcast_to(
        np.arange(len(levels)).reshape([-1 if k == axis else 1 for k in range(len(x.shape))]),
        x.shape,
    )
    of_position = np.zeros(prod(x.space), dtype=np.int64)
    of_position[x.index.reshape(-1)] = channel.reshape(-1)
    rows = of_position.reshape(x.space)
    if (rows == rows[:1]).all():
        return x, levels[rows[0]]
    if x.leaves == (HOST,):
        raise Relayout(ctx.order, (prod(x.space),))
    return ctx.reshaped(x, (prod(x.space),), node.name), levels[of_position]


def _channel_axis(node: FileNode, rank: int) -> int:
    layout = str(node.attribute("data_layout", "")) or {3: "NWC"}.get(rank, "NC")
    if rank < 3:  # FINN leaves an image's layout on vectors
        return rank - 1
    if len(layout) > rank:
        raise Problem(
            f"its data_layout is {layout}, its data have {rank} axes", "correct its data_layout"
        )
    return layout.index("C") if "C" in layout else 1


def lower_quantize_linear(ctx: Context, node: FileNode) -> list[Tensor]:
    """Lower ``QuantizeLinear``: its output is the code itself; a ``Clip`` behind it joins in."""
    x, scale = ctx.tensors[node.inputs[0]], _axis_parameter(ctx, node, 1)
    zero = ctx.constant(node, 2)
    elem = zero.elem if zero is not None else int(node.attribute("output_dtype", 0))
    low, high = RANGES.get(elem or TensorProto.UINT8, (0, 0))
    if low == high:
        raise Problem(
            "it quantizes to a type that is not a small integer",
            "quantize to int8, uint8, int4 or uint4",
        )
    shift = 0 if zero is None else _whole_scalar(zero)
    if shift is None:
        raise Problem(
            "its zero points differ between channels", "use one zero point for an activation"
        )
    limits = _clip_behind(ctx, node)
    low, high = max(low, limits[0]), min(high, limits[1])
    steps = Rounding("HALF_EVEN", low, high, shift)
    rounded = combine(ctx, "div", x, scale)
    how = Quantizer(steps, Const(number(1), ()), NOTHING)
    return [quantize(ctx, ctx.merged(node), rounded, how)]


def _clip_behind(ctx: Context, node: FileNode) -> tuple[int, int]:
    clip = ctx.clip_behind(node)
    if clip is None:
        return -UNBOUNDED, UNBOUNDED
    limits: list[int] = []
    for position, default in ((1, -UNBOUNDED), (2, UNBOUNDED)):
        const = (
            ctx.tensors[clip.inputs[position]]
            if len(clip.inputs) > position and (clip.inputs[position])
            else None
        )
        raw = const.raw if isinstance(const, Const) else None
        limits.append(default if raw is None else int(raw.reshape(-1)[0]))
    return limits[0], limits[1]


def _axis_parameter(ctx: Context, node: FileNode, position: int) -> Const:
    """Return a per-tensor or per-axis parameter, shaped to broadcast against input 0."""
    const = ctx.constant(node, position)
    assert const is not None
    if position == 1:
        check_scale(const)
    size = prod(const.shape)
    if size == 1:
        return Const(const.gathered(np.zeros((), dtype=np.int64)).expr, (), const.elem)
    tensor = ctx.tensors[node.inputs[0]]
    assert isinstance(tensor, (Const, Dynamic))
    rank = len(tensor.shape)
    axis = int(node.attribute("axis", 1))
    if len(const.shape) != 1 or node.attribute("block_size", 0):
        raise Problem("it has a scale per block", "use one scale per tensor or per channel")
    if not -rank <= axis < rank or size != tensor.shape[axis]:
        raise Problem(
            f"its {size} scales or zero points do not fit axis {axis} of shape {tensor.shape}",
            "use one scale per tensor or per channel",
        )
    axis %= rank
    shape = [-1 if k == axis else 1 for k in range(rank)]
    return const.gathered(np.arange(size).reshape(shape))


def lower_dequantize_linear(ctx: Context, node: FileNode) -> list[Tensor]:
    """Lower ``DequantizeLinear``: (code - zero point) * scale."""
    x = ctx.tensors[node.inputs[0]]
    if len(node.inputs) > 2 and node.inputs[2]:
        x = combine(ctx, "sub", x, _axis_parameter(ctx, node, 2))
    return [combine(ctx, "mul", x, _axis_parameter(ctx, node, 1))]
