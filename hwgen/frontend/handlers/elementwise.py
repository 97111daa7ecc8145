"""Elementwise nodes: they only build the expression."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import numpy as np

from hwgen.frontend.affine import affine, rational
from hwgen.frontend.context import HOST, Context
from hwgen.frontend.expr import Expr, Num, apply, number
from hwgen.frontend.handlers.layout import aligned
from hwgen.frontend.model import FileNode
from hwgen.frontend.tensors import Const, Dynamic, Problem, Tensor, spread

ZERO, ONE = number(0), number(1)
HALF = number(Fraction(1, 2))


def combine(ctx: Context, fn: str, left: Tensor, right: Tensor) -> Tensor:
    """Return ``fn`` of two tensors with ONNX broadcasting."""
    if isinstance(left, Const) and isinstance(right, Const):
        shape = joint_shape(left.shape, right.shape)
        return Const(apply(fn, left.expr, right.expr), shape)
    if isinstance(left, Dynamic) and isinstance(right, Dynamic):
        return _combine_dynamic(fn, left, right)
    if isinstance(left, Dynamic):
        assert isinstance(right, Const)
        left = _widened(left, right)
        return left.with_expr(apply(fn, left.expr, spread(right, left)))
    assert isinstance(left, Const)
    assert isinstance(right, Dynamic)
    right = _widened(right, left)
    return right.with_expr(apply(fn, spread(left, right), right.expr))


def joint_shape(left: tuple[int, ...], right: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape that two shapes broadcast to."""
    try:
        return np.broadcast_shapes(left, right)
    except ValueError:
        raise Problem(
            f"shapes {left} and {right} do not broadcast",
            "check the layer's parameters, or export again",
        ) from None


def _widened(tensor: Dynamic, const: Const) -> Dynamic:
    """Return ``tensor`` in the shape that broadcasting gives it; it may not be repeated."""
    shape = joint_shape(tensor.shape, const.shape)
    if shape == tensor.shape:
        return tensor
    if int(np.prod(shape)) != tensor.index.size:
        raise Problem(
            f"broadcasting repeats data of shape {tensor.shape} to {shape}",
            "repeat it by an explicit layer, or use a constant of matching shape",
        )
    return Dynamic(tensor.expr, tensor.index.reshape(shape), tensor.space)


def _combine_dynamic(fn: str, left: Dynamic, right: Dynamic) -> Dynamic:
    if fn in ("mul", "div") and set(left.leaves) != set(right.leaves):
        raise Problem(
            "it multiplies two streams of data",
            "products of two streams are not supported; gate with a constant, or "
            "restructure the layer",
        )
    if left.shape != right.shape:
        raise Problem(
            f"it joins data of shapes {left.shape} and {right.shape}",
            "make both branches the same shape",
        )
    if left.space != right.space or not np.array_equal(left.index, right.index):
        raise Problem(
            "it joins two branches whose elements come in different orders",
            "apply the same reshape and transpose to both branches",
        )
    return left.with_expr(apply(fn, left.expr, right.expr))


def unary(tensor: Tensor, build: Callable[[Expr], Expr]) -> Tensor:
    """Return ``build`` of a tensor, element by element."""
    if isinstance(tensor, Const):
        return Const(build(tensor.expr), tensor.shape)
    assert isinstance(tensor, Dynamic)
    return tensor.with_expr(build(tensor.expr))


def attribute(node: FileNode, name: str, default: float) -> Num:
    """Return a float attribute exactly as the file's float32 has it."""
    return number(Fraction(float(np.float32(node.attribute(name, default)))))


def clip(x: Expr, low: Expr | None, high: Expr | None) -> Expr:
    """Return x limited to ``low..high``."""
    if low is not None:
        x = apply("max", x, low)
    return x if high is None else apply("min", x, high)


def _leaky(slope: Expr, x: Expr) -> Expr:
    return apply("add", apply("max", x, ZERO), apply("mul", apply("min", x, ZERO), slope))


def _elu(node: FileNode, x: Expr) -> Expr:
    below = apply("sub", apply("exp", apply("min", x, ZERO)), ONE)
    return apply("add", apply("max", x, ZERO), apply("mul", below, attribute(node, "alpha", 1.0)))


def _selu(node: FileNode, x: Expr) -> Expr:
    alpha = attribute(node, "alpha", 1.67326319217681884765625)
    below = apply("mul", apply("sub", apply("exp", apply("min", x, ZERO)), ONE), alpha)
    gamma = attribute(node, "gamma", 1.05070102214813232421875)
    return apply("mul", apply("add", apply("max", x, ZERO), below), gamma)


def _hard_sigmoid(node: FileNode, x: Expr) -> Expr:
    line = apply(
        "add", apply("mul", x, attribute(node, "alpha", 0.2)), attribute(node, "beta", 0.5)
    )
    return clip(line, ZERO, ONE)


def _hard_swish(node: FileNode, x: Expr) -> Expr:
    line = apply("add", apply("div", x, number(6)), HALF)
    return apply("mul", x, clip(line, ZERO, ONE))


def _gelu(node: FileNode, x: Expr) -> Expr:
    if node.attribute("approximate", "none") == "tanh":
        cube = apply("mul", apply("mul", apply("mul", x, x), x), number(np.float64(0.044715)))
        inner = apply(
            "mul",
            apply("add", x, cube),
            apply("sqrt", apply("div", number(2), number(np.float64(np.pi)))),
        )
        gate = apply("tanh", inner)
    else:
        gate = apply("erf", apply("div", x, apply("sqrt", number(2))))
    return apply("mul", apply("mul", x, HALF), apply("add", gate, ONE))


def _softsign(node: FileNode, x: Expr) -> Expr:
    return apply("div", x, apply("add", apply("abs", x), ONE))


def _plain(fn: str) -> Callable[[FileNode, Expr], Expr]:
    return lambda node, x: apply(fn, x)


UNARY: Mapping[str, Callable[[FileNode, Expr], Expr]] = MappingProxyType(
    {
        "LeakyRelu": lambda node, x: _leaky(attribute(node, "alpha", 0.01), x),
        "Elu": _elu,
        "Celu": lambda node, x: apply(
            "add",
            apply("max", x, ZERO),
            apply(
                "mul",
                apply(
                    "sub",
                    apply(
                        "exp", apply("div", apply("min", x, ZERO), attribute(node, "alpha", 1.0))
                    ),
                    ONE,
                ),
                attribute(node, "alpha", 1.0),
            ),
        ),
        "Selu": _selu,
        "HardSigmoid": _hard_sigmoid,
        "HardSwish": _hard_swish,
        "Gelu": _gelu,
        "Mish": lambda node, x: apply("mul", x, apply("tanh", apply("softplus", x))),
        "Softsign": _softsign,
        "Sigmoid": _plain("sigmoid"),
        "Tanh": _plain("tanh"),
        "Softplus": _plain("softplus"),
        "Erf": _plain("erf"),
        "Exp": _plain("exp"),
        "Log": _plain("log"),
        "Sqrt": _plain("sqrt"),
        "Abs": _plain("abs"),
        "Neg": _plain("neg"),
        "Sign": _plain("sign"),
        "Floor": _plain("floor"),
        "Ceil": _plain("ceil"),
        "Round": _plain("round"),
        "Reciprocal": lambda node, x: apply("div", ONE, x),
    }
)
"""Functions of one tensor by operator."""

BINARY: Mapping[str, str] = MappingProxyType(
    {
        "Add": "add",
        "Sub": "sub",
        "Mul": "mul",
        "Div": "div",
        "Max": "max",
        "Min": "min",
        "Sum": "add",
    }
)
"""Functions of two or more tensors by operator."""


def lower_unary(ctx: Context, node: FileNode) -> list[Tensor]:
    """Lower an operator of ``UNARY``."""
    return [unary(ctx.tensors[node.inputs[0]], lambda x: UNARY[node.op](node, x))]


def lower_binary(ctx: Context, node: FileNode) -> list[Tensor]:
    """Lower an operator of ``BINARY``, folding more than two inputs from the left."""
    parts = [ctx.tensors[name] for name in node.inputs]
    found = parts[0]
    for part in parts[1:]:
        if isinstance(found, Dynamic) and isinstance(part, Dynamic):
            found, part = aligned(ctx, node, found, part)
        found = combine(ctx, BINARY[node.op], found, part)
    return [found]


def lower_pow(ctx: Context, node: FileNode) -> list[Tensor]:
    """Lower ``Pow`` with a constant scalar exponent."""
    base, power = ctx.tensors[node.inputs[0]], ctx.constant(node, 1)
    assert power is not None
    raw = power.raw
    if raw is None or raw.size != 1:
        raise Problem("its exponent is not one plain number", "use a constant exponent")
    exponent = Fraction(raw.reshape(-1)[0].item())
    return [unary(base, lambda x: power_of(x, exponent))]


def power_of(x: Expr, exponent: Fraction) -> Expr:
    """Return x to a rational power."""
    if exponent < 0:
        return apply("div", ONE, power_of(x, -exponent))
    if exponent.denominator == 2 and exponent.numerator < 64:
        return _repeated(apply("sqrt", x), exponent.numerator)
    if exponent.denominator == 1 and exponent.numerator < 64:
        return _repeated(x, exponent.numerator)
    return apply("exp", apply("mul", apply("log", x), number(exponent)))


def _repeated(x: Expr, times: int) -> Expr:
    if times == 0:
        return apply("add", apply("mul", x, ZERO), ONE)
    found = x
    for _ in range(times - 1):
        found = apply("mul", found, x)
    return found


def limit(ctx: Context, fn: str, x: Tensor, bound: Const) -> Tensor:
    """Return the larger ("max") or smaller ("min") of ``x`` and a constant.

    Nothing happens where every code of ``x`` already lies on the right side, so that a scaled
    integer stays one.
    """
    raw = bound.raw
    if (
        raw is not None
        and np.isinf(raw).all()
        and ((raw < 0).all() if fn == "max" else (raw > 0).all())
    ):
        return x
    if raw is not None and not np.isfinite(raw).all():
        raise Problem(f"a limit of it is {raw.reshape(-1)[0]}", "limit to finite numbers")
    if isinstance(x, Dynamic) and _inside(ctx, fn, x, bound):
        return x
    return combine(ctx, fn, x, bound)


def _inside(ctx: Context, fn: str, x: Dynamic, bound: Const) -> bool:
    if len(x.leaves) != 1 or HOST in x.leaves:
        return False
    view, edge = affine(x.expr), rational(bound.expr)
    if view is None or edge is None or edge.size != 1:
        return False
    (name,) = x.leaves
    leaf = ctx.builder.leaves[name]
    ends = np.stack([leaf.low, leaf.high]).astype(object)
    values = (ends[:, None, :] * view.scale + view.offset).reshape(-1)
    worst = min(values) if fn == "max" else max(values)
    value = edge.reshape(-1)[0]
    return worst >= value if fn == "max" else worst <= value


def lower_relu(ctx: Context, node: FileNode) -> list[Tensor]:
    """Lower ``Relu``."""
    return [limit(ctx, "max", ctx.tensors[node.inputs[0]], Const(ZERO, ()))]


def lower_clip(ctx: Context, node: FileNode) -> list[Tensor]:
    """Lower ``Clip``: limits as attributes (old files) or as constant inputs."""
    x = ctx.tensors[node.inputs[0]]
    for position, name, fn in ((1, "min", "max"), (2, "max", "min")):
        bound = ctx.constant(node, position)
        value: Any = node.attribute(name)
        if bound is not None:
            x = limit(ctx, fn, x, bound)
        elif value is not None and abs(value) < 3e38:
            x = limit(ctx, fn, x, Const(attribute(node, name, 0.0), ()))
    return [x]


def lower_prelu(ctx: Context, node: FileNode) -> list[Tensor]:
    """Lower ``PRelu``; the slope broadcasts from the right, as ONNX has it."""
    x, slope = ctx.tensors[node.inputs[0]], ctx.constant(node, 1)
    assert slope is not None
    below = combine(ctx, "mul", unary(x, lambda e: apply("min", e, ZERO)), slope)
    return [combine(ctx, "add", unary(x, lambda e: apply("max", e, ZERO)), below)]


def lower_batch_norm(ctx: Context, node: FileNode) -> list[Tensor]:
    """Lower ``BatchNormalization``: (x - mean) / sqrt(var + epsilon) * scale + bias."""
    x = ctx.tensors[node.inputs[0]]
    assert isinstance(x, (Const, Dynamic))
    shape = (-1,) + (1,) * (len(x.shape) - 2)
    parts: list[Const] = []
    for position in (1, 2, 3, 4):
        const = ctx.constant(node, position)
        assert const is not None
        size = int(np.prod(const.shape, dtype=np.int64))
        parts.append(const.gathered(np.arange(size).reshape(shape if size > 1 else ())))
    scale, bias, mean, var = parts
    spread_out = apply("sqrt", apply("add", var.expr, attribute(node, "epsilon", 1e-5)))
    y = combine(ctx, "sub", x, mean)
    y = combine(ctx, "div", y, Const(spread_out, var.shape))
    return [combine(ctx, "add", combine(ctx, "mul", y, scale), bias)]


def lower_compare(ctx: Context, node: FileNode) -> list[Tensor]:
    """Lower a comparison: to the numbers 0 and 1, tabulated with the next quantizer."""
    left, right = (ctx.tensors[name] for name in node.inputs)
    if node.op in ("Less", "LessOrEqual"):
        left, right = right, left
    if node.op in ("GreaterOrEqual", "LessOrEqual"):
        gap = combine(ctx, "sub", left, right)
        return [unary(gap, lambda e: apply("step", e))]
    gap = combine(ctx, "sub", right, left)  # a > b is not (b - a >= 0)
    return [unary(gap, lambda e: apply("sub", ONE, apply("step", e)))]


def lower_where(ctx: Context, node: FileNode) -> list[Tensor]:
    """Lower ``Where``: its condition is the number 0 or 1."""
    condition, yes, no = (ctx.tensors[name] for name in node.inputs)
    chosen = combine(ctx, "mul", yes, condition)
    other = combine(ctx, "mul", no, unary(condition, lambda e: apply("sub", ONE, e)))
    return [combine(ctx, "add", chosen, other)]
