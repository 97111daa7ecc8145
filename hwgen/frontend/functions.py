"""The functions of expressions: float64 with an error bound, exact intervals, directions.

Three views of each function. ``approx`` computes in float64 and bounds the distance to the real
value; an operation that float64 happens to do exactly adds nothing. Given a larger unit roundoff
the same formulas bound what a float32 execution may be off. ``exact`` works on intervals of
``Fraction`` that shrink to a point wherever the result is rational. ``direction`` says whether the
function rises or falls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from hwgen.frontend import interval
from hwgen.frontend.interval import Interval

Floats = npt.NDArray[np.float64]
Pair = tuple[Floats, Floats]

EXACT = 2.0**-53
"""Unit roundoff of float64; exact operations are recognised only under it."""


def _add(u: float, x: Pair, y: Pair) -> Pair:
    (a, ea), (b, eb) = x, y
    value = a + b
    step = u * (np.abs(a) + np.abs(b))
    if u == EXACT:
        part = value - a
        residue = (a - (value - part)) + (b - part)
        step = np.where(residue == 0, 0.0, step)
    return value, ea + eb + step


def _sub(u: float, x: Pair, y: Pair) -> Pair:
    return _add(u, x, (-y[0], y[1]))


def _split(a: Floats) -> tuple[Floats, Floats]:
    high = a * 134217729.0
    high = high - (high - a)
    return high, a - high


def _product_residue(a: Floats, b: Floats, value: Floats) -> Floats:
    (ah, al), (bh, bl) = _split(a), _split(b)
    return al * bl - (((value - ah * bh) - al * bh) - ah * bl)


def _tame(value: Floats) -> npt.NDArray[np.bool_]:
    size = np.abs(value)
    return (size == 0) | ((size > 1e-140) & (size < 1e140))


def _mul(u: float, x: Pair, y: Pair) -> Pair:
    (a, ea), (b, eb) = x, y
    value = a * b
    step = u * np.abs(value) + 5e-324
    if u == EXACT:
        tame = _tame(a) & _tame(b) & _tame(value)
        step = np.where(tame & (_product_residue(a, b, value) == 0), 0.0, step)
    with np.errstate(invalid="ignore"):
        return value, np.abs(a) * eb + np.abs(b) * ea + ea * eb + step


def _div(u: float, x: Pair, y: Pair) -> Pair:
    (a, ea), (b, eb) = x, y
    with np.errstate(divide="ignore", invalid="ignore"):
        value = a / b
        step = u * np.abs(value) + 5e-324
        if u == EXACT:
            back = value * b
            tame = _tame(a) & _tame(b) & _tame(value)
            exact = (back == a) & (_product_residue(value, b, back) == 0)
            step = np.where(tame & exact, 0.0, step)
        room = np.abs(b) - eb
        error = (ea + np.abs(value) * eb) / room + step
    return value, np.where(room > 0, error, np.inf)


def _neg(u: float, x: Pair) -> Pair:
    return -x[0], x[1]


def _abs(u: float, x: Pair) -> Pair:
    return np.abs(x[0]), x[1]


def _max(u: float, x: Pair, y: Pair) -> Pair:
    return np.maximum(x[0], y[0]), np.maximum(*np.broadcast_arrays(x[1], y[1]))


def _min(u: float, x: Pair, y: Pair) -> Pair:
    return np.minimum(x[0], y[0]), np.maximum(*np.broadcast_arrays(x[1], y[1]))


def _jump(fn: Callable[[Floats], Floats]) -> Callable[[float, Pair], Pair]:
    def approx(u: float, x: Pair) -> Pair:
        a, ea = x
        value = fn(a)
        return value, np.maximum(np.abs(fn(a + ea) - value), np.abs(fn(a - ea) - value))

    return approx


def _sqrt(u: float, x: Pair) -> Pair:
    a, ea = x
    value = np.where(a + ea < 0, np.nan, np.sqrt(np.maximum(a, 0.0)))
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.where(ea == 0, 0.0, ea / np.sqrt(np.maximum(a - ea, 0.0)))
    step = u * value
    if u == EXACT:
        step = np.where((value * value == a) & (_product_residue(value, value, a) == 0), 0.0, step)
    return value, np.minimum(slope, np.sqrt(ea)) + step


def _exp(u: float, x: Pair) -> Pair:
    a, ea = x
    with np.errstate(over="ignore", invalid="ignore"):
        value = np.exp(a)
        return value, np.where(ea == 0, 0.0, value * np.expm1(ea)) + 8 * u * value


def _log(u: float, x: Pair) -> Pair:
    a, ea = x
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.log(a)
        error = ea / (a - ea) + 8 * u * np.maximum(np.abs(value), 1.0)
    return value, np.where(a > ea, error, np.inf)


def _smooth(
    fn: Callable[[Floats], Floats], slope: float, zero: float
) -> Callable[[float, Pair], Pair]:
    """Bounded slope; exact at 0, where the value is ``zero``."""

    def approx(u: float, x: Pair) -> Pair:
        a, ea = x
        value = fn(a)
        step = 16 * u * np.maximum(np.abs(value), 1.0)
        if u == EXACT:
            step = np.where((a == 0) & (value == zero), 0.0, step)
        return value, slope * ea + step

    return approx


def _sigmoid_values(a: Floats) -> Floats:
    small = np.exp(-np.abs(a))
    return np.where(a >= 0, 1.0 / (1.0 + small), small / (1.0 + small))


def _softplus_values(a: Floats) -> Floats:
    return np.maximum(a, 0.0) + np.log1p(np.exp(-np.abs(a)))


def _erf_values(a: Floats) -> Floats:
    from scipy.special import erf

    return erf(a)


@dataclass(frozen=True)
class Function:
    """One function: its float64 and exact views, and its direction in its only argument.

    direction : 1 rises, -1 falls, 0 decided elsewhere (functions of two arguments), None unknown
    """

    approx: Callable[..., Pair]
    exact: Callable[..., Interval]
    direction: int | None = None


def _step_values(a: Floats) -> Floats:
    return (a >= 0).astype(np.float64)


FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {
        "add": Function(_add, interval.add, 0),
        "sub": Function(_sub, interval.sub, 0),
        "mul": Function(_mul, interval.mul, 0),
        "div": Function(_div, interval.div, 0),
        "max": Function(_max, interval.maximum, 0),
        "min": Function(_min, interval.minimum, 0),
        "neg": Function(_neg, interval.neg, -1),
        "abs": Function(_abs, interval.absolute),
        "sign": Function(_jump(np.sign), interval.rising(lambda v: Fraction((v > 0) - (v < 0))), 1),
        "step": Function(_jump(_step_values), interval.rising(lambda v: Fraction(int(v >= 0))), 1),
        "floor": Function(_jump(np.floor), interval.rising(lambda v: Fraction(v // 1)), 1),
        "ceil": Function(_jump(np.ceil), interval.rising(lambda v: Fraction(-(-v // 1))), 1),
        "round": Function(_jump(np.round), interval.rising(lambda v: Fraction(round(v))), 1),
        "sqrt": Function(_sqrt, interval.sqrt, 1),
        "exp": Function(_exp, interval.exp, 1),
        "log": Function(_log, interval.log, 1),
        "sigmoid": Function(_smooth(_sigmoid_values, 0.25, 0.5), interval.sigmoid, 1),
        "tanh": Function(_smooth(np.tanh, 1.0, 0.0), interval.tanh, 1),
        "softplus": Function(_smooth(_softplus_values, 1.0, -1.0), interval.softplus, 1),
        "erf": Function(_smooth(_erf_values, 1.13, 0.0), interval.erf, 1),
    }
)
"""Every function by name; immutable."""
