"""Recognise scaled integers: ``scale * code + offset``, and constants on an exact grid."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm, prod
from typing import Any

import numpy as np
import numpy.typing as npt

from hwgen.frontend import interval
from hwgen.frontend.evaluate import exact_at
from hwgen.frontend.expr import (
    App,
    Array,
    Expr,
    Num,
    Var,
    fractions,
    number,
    rebuild,
    variables,
)

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Affine:
    """``scale * code + offset`` with object arrays of ``Fraction``, shaped like constants."""

    scale: Array
    offset: Array


def _zero() -> Array:
    return as_array(Fraction(0))


def affine(expr: Expr) -> Affine | None:
    """Return ``expr`` of one variable as scale and offset, or None where it is not affine."""
    if isinstance(expr, Var):
        return Affine(as_array(Fraction(1)), _zero())
    if not variables(expr):
        value = rational(expr)
        return None if value is None else Affine(_zero(), value)
    assert isinstance(expr, App)
    parts = [affine(arg) for arg in expr.args]
    if any(part is None for part in parts):
        return None
    a = parts[0]
    b = parts[1] if len(parts) > 1 else None
    assert a is not None
    if expr.fn == "neg":
        return Affine(as_array(-a.scale), as_array(-a.offset))
    if b is None or expr.fn not in ("add", "sub", "mul", "div"):
        return None
    if expr.fn == "add":
        return Affine(as_array(a.scale + b.scale), as_array(a.offset + b.offset))
    if expr.fn == "sub":
        return Affine(as_array(a.scale - b.scale), as_array(a.offset - b.offset))
    if expr.fn == "mul" and not variables(expr.args[0]):
        a, b = b, a
    if (b.scale != 0).any():
        return None
    factor = b.offset if expr.fn == "mul" else _inverse(b.offset)
    if factor is None:
        return None
    return Affine(as_array(a.scale * factor), as_array(a.offset * factor))


def coefficients(expr: Expr) -> tuple[dict[str, Array], Array] | None:
    """Return the scale of each variable and the offset of an affine sum, None for other ones."""
    names = variables(expr)
    scales: dict[str, Array] = {}
    offset = _zero()
    for name in names:
        others = {other: number(0) for other in names if other != name}
        alone = rebuild(expr, var=lambda key, o=others: o.get(key) or Var(key))
        found = affine(alone)
        if found is None or not linear(expr):
            return None
        scales[name], offset = found.scale, found.offset
    return scales, offset


def linear(expr: Expr) -> bool:
    """Whether ``expr`` only adds its variables and multiplies them by constants."""
    if not isinstance(expr, App) or not variables(expr):
        return True
    if not all(linear(arg) for arg in expr.args):
        return False
    moving = [bool(variables(arg)) for arg in expr.args]
    if expr.fn in ("add", "sub", "neg"):
        return True
    return (expr.fn == "mul" and sum(moving) == 1) or (expr.fn == "div" and not moving[1])


def as_array(value: Any) -> Array:
    """Return numpy's result as an object array (it unwraps those without axes)."""
    if isinstance(value, np.ndarray):
        return value
    out = np.empty((), dtype=object)
    out[()] = value
    return out


def _inverse(values: Array) -> Array | None:
    if (values == 0).any():
        return None
    return as_array(Fraction(1) / values)


def rational(expr: Expr) -> Array | None:
    """Return a constant expression as exact fractions, None where an element is irrational."""
    if isinstance(expr, Num):
        return fractions(expr.values)
    shape = shape_of(expr)
    out = np.empty(shape, dtype=object)
    for where in np.ndindex(*shape):
        try:
            low, high = exact_at(expr, {}, where, 96)
        except interval.Undefined:
            return None
        if low != high:
            return None
        out[where] = low
    return out


def shape_of(expr: Expr) -> tuple[int, ...]:
    """Return the shape that the constants of ``expr`` broadcast to."""
    if isinstance(expr, Num):
        return expr.values.shape
    if isinstance(expr, App):
        return np.broadcast_shapes(*(shape_of(arg) for arg in expr.args))
    return ()


@dataclass(frozen=True, eq=False)
class Scaled:
    """A constant ``codes * scale``: int64 codes, and ``Fraction`` scales broadcast to them.

    ``codes`` has the constant's shape or broadcasts to it too.
    """

    codes: Ints
    scale: Array


def scaled(expr: Expr, shape: tuple[int, ...]) -> Scaled | None:
    """Return a constant of ``shape`` as integers times scales, None where none are found.

    Arrays that do not fill ``shape`` count as scales, those that do as codes.
    """
    if isinstance(expr, Num):
        small = expr.values.size < max(_size(shape), 2) and expr.values.dtype.kind not in "iu"
        if small or expr.values.size < _size(shape) or expr.values.dtype == object:
            return Scaled(np.ones((), dtype=np.int64), fractions(expr.values))
        return _on_grid(expr.values)
    if not isinstance(expr, App):
        return None
    if expr.fn == "neg":
        inner = scaled(expr.args[0], shape)
        return None if inner is None else Scaled(-inner.codes, inner.scale)
    if expr.fn not in ("mul", "div", "sub", "add"):
        return _as_scale(expr, shape)
    if expr.fn == "div":
        a, b = scaled(expr.args[0], shape), _factor(expr.args[1])
        inverse = None if b is None else _inverse(b)
        return (
            None if a is None or inverse is None else Scaled(a.codes, as_array(a.scale * inverse))
        )
    coded = [_holds_codes(arg) for arg in expr.args]
    if expr.fn == "mul" and coded in ([True, False], [False, True]):
        at = coded.index(True)
        a, b = scaled(expr.args[at], shape), _factor(expr.args[1 - at])
        return None if a is None or b is None else Scaled(a.codes, as_array(a.scale * b))
    a, b = (scaled(arg, shape) for arg in expr.args)
    if a is None or b is None:
        return None
    if expr.fn == "mul":
        return Scaled(np.asarray(a.codes * b.codes), as_array(a.scale * b.scale))
    return _sum(a, b, -1 if expr.fn == "sub" else 1)


def _holds_codes(expr: Expr) -> bool:
    """Whether an array of integers occurs in ``expr``: then the rest of a product is its scale."""
    if isinstance(expr, Num):
        return expr.values.dtype.kind in "iu" and expr.values.ndim > 0
    return isinstance(expr, App) and any(_holds_codes(arg) for arg in expr.args)


def _factor(expr: Expr) -> Array | None:
    """Return a scale exactly, None where it has too many elements to be one."""
    return None if prod(shape_of(expr)) > 1 << 16 else rational(expr)


def _as_scale(expr: Expr, shape: tuple[int, ...]) -> Scaled | None:
    if int(np.prod(shape_of(expr), dtype=np.int64)) >= max(_size(shape), 2):
        return None
    value = rational(expr)
    return None if value is None else Scaled(np.ones((), dtype=np.int64), value)


def _sum(a: Scaled, b: Scaled, sign: int) -> Scaled | None:
    """Return ``a + sign * b`` on the common grid of their scales."""
    shared = np.broadcast_shapes(a.scale.shape, b.scale.shape)
    first, second = (np.broadcast_to(v.scale, shared) for v in (a, b))
    step = np.empty(shared, dtype=object)
    for where in np.ndindex(*shared):
        step[where] = common_step(np.array([first[where], second[where]], dtype=object))
    left, right = (as_array(v.scale / step) for v in (a, b))
    if max(abs(value) for ratio in (left, right) for value in ratio.reshape(-1)) >= 1 << 40:
        return None
    codes = a.codes * left.astype(np.int64) + sign * (b.codes * right.astype(np.int64))
    return Scaled(np.asarray(codes), step)


def _size(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape, dtype=np.int64))


def _on_grid(values: Array) -> Scaled | None:
    """Return float64 or int64 values as integers times one exact step."""
    step = as_array(Fraction(1))
    if values.dtype.kind in "iub":
        return Scaled(values.astype(np.int64), step)
    _, exponent = np.frexp(values)
    if not np.isfinite(values).all():
        return None
    used = values != 0
    if not used.any():
        return Scaled(np.zeros(values.shape, dtype=np.int64), step)
    # float32 has 24 bits of mantissa; float64 constants with more are not on a usable grid
    least = int(exponent[used].min()) - 24
    most = int(exponent[used].max())
    if most - least > 62:
        return None
    codes = np.ldexp(values, -least)
    if (codes != np.rint(codes)).any():
        return None
    whole = codes.astype(np.int64)
    common = int(np.gcd.reduce(np.abs(whole).reshape(-1)))
    return Scaled(whole // common, as_array(Fraction(common) * Fraction(2) ** least))


def common_step(values: Array) -> Fraction:
    """Return the largest number of which every ``Fraction`` of ``values`` is a multiple."""
    numerators, denominators = 0, 1
    for value in {abs(v) for v in values.reshape(-1)}:
        denominators = lcm(denominators, value.denominator)
    for value in {abs(v) for v in values.reshape(-1)}:
        numerators = gcd(numerators, int(value * denominators))
    return Fraction(numerators, denominators) if numerators else Fraction(1)
