"""What an ONNX file means: every operator on exact fractions, straight from its definition.

Roots and exponentials are rounded to 110 digits. Written for tests, without any part of
the frontend.
"""

from __future__ import annotations

import math
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

DIGITS = 110
INFINITE = (math.inf, -math.inf)
HALF = Fraction(1, 2)
RANGE = {
    TensorProto.INT8: (-128, 127),
    TensorProto.UINT8: (0, 255),
    TensorProto.INT4: (-8, 7),
    TensorProto.UINT4: (0, 15),
    TensorProto.INT16: (-32768, 32767),
    TensorProto.UINT16: (0, 65535),
}


def fractions(values) -> np.ndarray:
    """Return an object array of ``Fraction``; floats and integers are taken exactly."""
    values = np.asarray(values)
    if values.dtype != object and values.dtype.kind not in "iufb":
        values = values.astype(np.float64 if "float" in values.dtype.name else np.int64)
    out = np.empty(values.shape, dtype=object)
    flat = [
        v if isinstance(v, Fraction) or v in INFINITE else Fraction(v)
        for v in values.reshape(-1).tolist()
    ]
    out.reshape(-1)[:] = flat
    return out


def each(fn, *arrays) -> np.ndarray:
    """Apply ``fn`` to broadcast arrays, element by element."""
    arrays = np.broadcast_arrays(*[np.asarray(a, dtype=object) for a in arrays])
    out = np.empty(arrays[0].shape, dtype=object)
    columns = [a.reshape(-1).tolist() for a in arrays]
    out.reshape(-1)[:] = [fn(*row) for row in zip(*columns, strict=True)]
    return out


def round_to(u: Fraction, mode: str) -> int:
    """Round by a mode of QONNX, which are those of Java's ``RoundingMode``."""
    whole, rest = divmod(abs(u), 1)
    sign = -1 if u < 0 else 1
    if mode in ("ROUND", "HALF_EVEN"):
        return sign * int(whole + (rest > HALF or (rest == HALF and whole % 2 == 1)))
    if mode == "HALF_UP":
        return sign * int(whole + (rest >= HALF))
    if mode == "HALF_DOWN":
        return sign * int(whole + (rest > HALF))
    if mode == "UP":
        return sign * int(whole + (rest > 0))
    if mode == "DOWN":
        return sign * int(whole)
    return math.ceil(u) if mode == "CEIL" else math.floor(u)


def decimal(fn, u: Fraction) -> Fraction:
    """Return ``fn`` of a number to ``DIGITS`` digits."""
    with localcontext() as context:
        context.prec = DIGITS
        return Fraction(fn(Decimal(u.numerator) / Decimal(u.denominator)))


def root(u: Fraction) -> Fraction:
    num, den = math.isqrt(u.numerator), math.isqrt(u.denominator)
    if num * num == u.numerator and den * den == u.denominator:
        return Fraction(num, den)
    return decimal(lambda d: d.sqrt(), u)


def exp(u: Fraction) -> Fraction:
    return decimal(lambda d: d.exp(), u) if u else Fraction(1)


def sigmoid(u: Fraction) -> Fraction:
    return 1 / (1 + exp(-u))


def power(x: Fraction, y: Fraction) -> Fraction:
    if y.denominator == 1:
        return x**y.numerator
    return root(x) ** (2 * y).numerator


def run(model: onnx.ModelProto, x) -> dict[str, np.ndarray]:
    """Return every tensor that depends on ``x`` (frames, ...), frame after frame."""
    graph = model.graph
    constants = {c.name: _constant(numpy_helper.to_array(c)) for c in graph.initializer}
    (entry,) = [entry for entry in graph.input if entry.name not in constants]
    batch = max(entry.type.tensor_type.shape.dim[0].dim_value, 1)
    found: dict[str, list[np.ndarray]] = {}
    x = fractions(x)
    for begin in range(0, len(x), batch):
        values = {**constants, entry.name: x[begin : begin + batch]}
        for node in graph.node:
            inputs = [values[name] if name else None for name in node.input]
            results = _execute(model, node, inputs)
            values.update(zip(node.output, results, strict=False))
        for name in values.keys() - constants.keys():
            found.setdefault(name, []).append(values[name])
    return {name: np.concatenate(v) if v[0].ndim else v[0] for name, v in found.items()}


def _constant(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind in "iub" or "int" in values.dtype.name:
        return values.astype(np.int64)
    return fractions(values)


def _attributes(node: onnx.NodeProto) -> dict:
    found = {}
    for entry in node.attribute:
        value = helper.get_attribute_value(entry)
        if isinstance(value, bytes):
            value = value.decode()
        finite = isinstance(value, float) and value not in INFINITE
        found[entry.name] = Fraction(value) if finite else value
    return found


def _execute(model: onnx.ModelProto, node: onnx.NodeProto, inputs: list) -> list[np.ndarray]:
    attributes = _attributes(node)
    if node.op_type in MOVES:
        return MOVES[node.op_type](attributes, *inputs)
    numbers = [None if v is None else fractions(v) for v in inputs]
    if node.op_type == "QuantizeLinear":
        zero = next((c for c in model.graph.initializer if c.name == node.input[-1]), None)
        kind = zero.data_type if zero and len(inputs) > 2 else attributes.get("output_dtype", 2)
        attributes["range"] = RANGE[kind]
    if node.op_type == "Trunc":
        attributes["version"] = 2 if len(inputs) > 5 else 1
    return [OPS[node.op_type](attributes, *numbers)]


def _quant(a, x, scale, zero, bits):
    (width,) = {int(v) for v in bits.reshape(-1)}
    signed, narrow = a.get("signed", 1), a.get("narrow", 0)
    u = x / scale + zero
    if width == 1 and signed:
        codes = each(lambda v: Fraction(1 if v >= 0 else -1), u)
    else:
        low = (-(2 ** (width - 1)) + narrow) if signed else 0
        high = (2 ** (width - 1) - 1) if signed else 2**width - 1 - narrow
        mode = a.get("rounding_mode", "ROUND")
        codes = each(lambda v: Fraction(round_to(min(max(v, low), high), mode)), u)
    return (codes - zero) * scale


def _multi_threshold(a, x, levels):
    last = x.ndim < 3 or a.get("data_layout", "NCHW") in ("NHWC", "NWC")
    axis = x.ndim - 1 if last else 1
    moved = np.moveaxis(x, axis, -1)
    counts = sum(
        each(lambda v, t: Fraction(int(v >= t)), moved, levels[:, k])
        for k in range(levels.shape[1])
    )
    return np.moveaxis(counts, -1, axis) * a.get("out_scale", 1) + a.get("out_bias", 0)


def _along(a, values, rank):
    if values is None or values.size == 1:
        return 0 if values is None else values.reshape(())
    axis = a.get("axis", 1) % rank
    return values.reshape([-1 if k == axis else 1 for k in range(rank)])


def _quantize_linear(a, x, scale, zero=None):
    low, high = a["range"]
    shift = _along(a, zero, x.ndim)
    codes = each(lambda v: Fraction(round_to(v, "ROUND")), x / _along(a, scale, x.ndim)) + shift
    return each(lambda v: min(max(v, Fraction(low)), Fraction(high)), codes)


def _dequantize_linear(a, x, scale, zero=None):
    return (x - _along(a, zero, x.ndim)) * _along(a, scale, x.ndim)


def _clip(a, x, low=None, high=None):
    low = a.get("min") if low is None else low
    high = a.get("max") if high is None else high
    x = x if low is None else each(max, x, low)
    return x if high is None else each(min, x, high)


def _gemm(a, left, right, bias=None):
    left = left.T if a.get("transA", 0) else left
    right = right.T if a.get("transB", 0) else right
    y = (left @ right) * Fraction(a.get("alpha", 1))
    return y if bias is None else y + bias * Fraction(a.get("beta", 1))


def _batch_norm(a, x, scale, bias, mean, var):
    shape = (-1,) + (1,) * (x.ndim - 2)
    eps = Fraction(float(np.float32(1e-5))) if "epsilon" not in a else a["epsilon"]
    scale, bias, mean = (v.reshape(shape) for v in (scale, bias, mean))
    return (x - mean) / each(root, var + eps).reshape(shape) * scale + bias


def _trunc(a, x, scale, zero, bits, out_bits, *more):
    whole = each(lambda v: Fraction(round_to(v, "ROUND")), x / scale + zero)
    mode = a.get("rounding_mode", "FLOOR")
    assert a["version"] == 1
    divisor = Fraction(2) ** int(bits.reshape(-1)[0] - out_bits.reshape(-1)[0])
    return (each(lambda v: Fraction(round_to(v, mode)), whole / divisor) - zero) * scale


def _axes(a, axes):
    found = a.get("axes") if axes is None else [int(v) for v in axes.reshape(-1)]
    return None if found is None else tuple(found)


def _argmax(a, x):
    axis = a.get("axis", 0)
    best = np.argmax(x, axis=axis)
    return np.expand_dims(best, axis) if a.get("keepdims", 1) else best


def _topk(a, x, k=None):
    axis = a.get("axis", -1)
    best = np.expand_dims(np.argmax(x, axis=axis), axis)
    return [np.take_along_axis(x, best, axis=axis), best.astype(np.int64)]


def _hard_sigmoid(a, x):
    alpha = a.get("alpha", Fraction(float(np.float32(0.2))))
    return each(lambda v: min(max(v, Fraction(0)), Fraction(1)), x * alpha + a.get("beta", HALF))


def _leaky(a, x):
    slope = a.get("alpha", Fraction(float(np.float32(0.01))))
    return each(lambda v: v if v >= 0 else v * slope, x)


def _reshape(a, x, shape=None):
    target = [int(v) for v in (shape if shape is not None else a["shape"])]
    return [x.reshape([x.shape[k] if v == 0 else v for k, v in enumerate(target)])]


def _flatten(a, x):
    axis = a.get("axis", 1) % (x.ndim + 1)
    return [x.reshape(math.prod(x.shape[:axis]), -1)]


def _squeeze(a, x, axes=None):
    return [np.squeeze(x, _axes(a, axes))]


def _unsqueeze(a, x, axes=None):
    return [np.expand_dims(x, _axes(a, axes))]


def _slice(a, x, starts, ends, axes=None, steps=None):
    axes = range(len(starts)) if axes is None else axes
    steps = [1] * len(starts) if steps is None else steps
    spots = [slice(None)] * x.ndim
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        spots[int(axis)] = slice(int(start), int(min(end, 1 << 30)), int(step))
    return [x[tuple(spots)]]


def _cast(a, x):
    if a["to"] in (TensorProto.FLOAT, TensorProto.DOUBLE):
        return [fractions(x)]
    return [np.array([int(v) for v in x.reshape(-1)], dtype=np.int64).reshape(x.shape)]


def _mean(a, x, axes=None):
    found = _axes(a, axes)
    total = np.asarray(x).sum(axis=found, keepdims=bool(a.get("keepdims", 1)))
    return total / Fraction(math.prod(x.shape[k] for k in found))


def _compare(fn):
    return lambda a, x, y: each(lambda u, v: Fraction(int(fn(u, v))), x, y)


def _apply(fn):
    return lambda a, x: each(fn, x)


MOVES = {
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Slice": _slice,
    "Cast": _cast,
    "Transpose": lambda a, x: [np.transpose(x, a.get("perm"))],
    "Shape": lambda a, x: [np.array(x.shape[a.get("start", 0) : a.get("end")], dtype=np.int64)],
    "Gather": lambda a, x, index: [np.take(x, index, axis=a.get("axis", 0))],
    "Concat": lambda a, *parts: [np.concatenate(parts, axis=a["axis"])],
    "Identity": lambda a, x: [x],
    "Dropout": lambda a, x, *_: [x],
    "Constant": lambda a: [_constant(numpy_helper.to_array(a["value"]))],
    "ArgMax": lambda a, x: [_argmax(a, x)],
    "TopK": _topk,
    "Softmax": lambda a, x: [x],
    "LogSoftmax": lambda a, x: [x],
}

OPS = {
    "Quant": _quant,
    "IntQuant": _quant,
    "BipolarQuant": lambda a, x, s: each(lambda v: Fraction(1 if v >= 0 else -1), x) * s,
    "Trunc": _trunc,
    "MultiThreshold": _multi_threshold,
    "QuantizeLinear": _quantize_linear,
    "DequantizeLinear": _dequantize_linear,
    "Clip": _clip,
    "MatMul": lambda a, x, y: x @ y,
    "Gemm": _gemm,
    "BatchNormalization": _batch_norm,
    "Add": lambda a, x, y: x + y,
    "Sub": lambda a, x, y: x - y,
    "Mul": lambda a, x, y: x * y,
    "Div": lambda a, x, y: x / y,
    "Pow": lambda a, x, y: each(power, x, y),
    "Max": lambda a, x, y: each(max, x, y),
    "Min": lambda a, x, y: each(min, x, y),
    "ReduceMean": _mean,
    "PRelu": lambda a, x, s: each(lambda v, k: v if v >= 0 else v * k, x, s),
    "LeakyRelu": _leaky,
    "HardSigmoid": _hard_sigmoid,
    "Greater": _compare(lambda u, v: u > v),
    "GreaterOrEqual": _compare(lambda u, v: u >= v),
    "Less": _compare(lambda u, v: u < v),
    "LessOrEqual": _compare(lambda u, v: u <= v),
    "Where": lambda a, c, x, y: each(lambda k, u, v: u if k else v, c, x, y),
    "Relu": _apply(lambda v: max(v, Fraction(0))),
    "Neg": _apply(lambda v: -v),
    "Abs": _apply(abs),
    "Sqrt": _apply(root),
    "Exp": _apply(exp),
    "Sigmoid": _apply(sigmoid),
    "Tanh": _apply(lambda v: 2 * sigmoid(2 * v) - 1),
    "Elu": lambda a, x: each(lambda v: v if v >= 0 else (exp(v) - 1) * a.get("alpha", 1), x),
    "Reciprocal": _apply(lambda v: 1 / v),
    "Sign": _apply(lambda v: Fraction((v > 0) - (v < 0))),
    "Floor": _apply(lambda v: Fraction(math.floor(v))),
    "Ceil": _apply(lambda v: Fraction(math.ceil(v))),
    "Round": _apply(lambda v: Fraction(round_to(v, "ROUND"))),
}
