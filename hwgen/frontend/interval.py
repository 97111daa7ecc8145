"""Intervals with exact rational ends.

A rational result is a point (both ends equal). Roots and exponentials are enclosed to the asked
precision in bits, by interval arithmetic of mpmath, so a comparison that the interval decides is
decided for the real number.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from math import isqrt
from typing import Any

from mpmath.ctx_iv import MPIntervalContext
from mpmath.ctx_mp import MPContext

Interval = tuple[Fraction, Fraction]

ZERO = Fraction(0)
ONE = Fraction(1)


class Undefined(Exception):  # noqa: N818 - a signal, not an error
    """The expression has no finite real value here (division by zero, root of a negative)."""


def point(value: Fraction) -> Interval:
    """Return the interval that holds only ``value``."""
    return value, value


def add(bits: int, x: Interval, y: Interval) -> Interval:
    """Return x + y."""
    return x[0] + y[0], x[1] + y[1]


def sub(bits: int, x: Interval, y: Interval) -> Interval:
    """Return x - y."""
    return x[0] - y[1], x[1] - y[0]


def mul(bits: int, x: Interval, y: Interval) -> Interval:
    """Return x * y."""
    if x[0] == x[1] and y[0] == y[1]:
        return point(x[0] * y[0])
    ends = [a * b for a in x for b in y]
    return _outward(bits, min(ends), max(ends))


def div(bits: int, x: Interval, y: Interval) -> Interval:
    """Return x / y; ``Undefined`` where y may be 0."""
    if y[0] <= 0 <= y[1]:
        raise Undefined
    return mul(bits, x, (1 / y[1], 1 / y[0]))


def neg(bits: int, x: Interval) -> Interval:
    """Return -x."""
    return -x[1], -x[0]


def absolute(bits: int, x: Interval) -> Interval:
    """Return |x|."""
    if x[0] >= 0:
        return x
    if x[1] <= 0:
        return -x[1], -x[0]
    return ZERO, max(-x[0], x[1])


def maximum(bits: int, x: Interval, y: Interval) -> Interval:
    """Return the larger of x and y."""
    return max(x[0], y[0]), max(x[1], y[1])


def minimum(bits: int, x: Interval, y: Interval) -> Interval:
    """Return the smaller of x and y."""
    return min(x[0], y[0]), min(x[1], y[1])


def rising(fn: Callable[[Fraction], Fraction]) -> Callable[[int, Interval], Interval]:
    """Return the interval form of a non-decreasing rational function."""

    def exact(bits: int, x: Interval) -> Interval:
        low = fn(x[0])
        return low, low if x[0] == x[1] else fn(x[1])

    return exact


def sqrt(bits: int, x: Interval) -> Interval:
    """Return the square root; rational squares give their rational root."""
    if x[1] < 0:
        raise Undefined
    low = max(x[0], ZERO)
    if low == x[1]:
        p, q = isqrt(low.numerator), isqrt(low.denominator)
        if p * p == low.numerator and q * q == low.denominator:
            return point(Fraction(p, q))
    return _root(low, bits)[0], _root(x[1], bits)[1]


@lru_cache(maxsize=4096)
def _root(value: Fraction, bits: int) -> Interval:
    if value == 0:
        return ZERO, ZERO
    # value * 4**shift has at least 2 * bits integer bits, so its root has at least ``bits``
    shift = max(0, bits + (value.denominator.bit_length() - value.numerator.bit_length()) // 2 + 1)
    floor = isqrt((value.numerator << (2 * shift)) // value.denominator)
    return Fraction(floor, 1 << shift), Fraction(floor + 1, 1 << shift)


def exp(bits: int, x: Interval) -> Interval:
    """Return e to the x."""
    return _enclosed(bits, x, "exp", ONE)


def log(bits: int, x: Interval) -> Interval:
    """Return the natural logarithm; ``Undefined`` unless x is positive."""
    if x[0] <= 0:
        raise Undefined
    if x == (ONE, ONE):
        return ZERO, ZERO
    return _call(bits, x[0], "log")[0], _call(bits, x[1], "log")[1]


def sigmoid(bits: int, x: Interval) -> Interval:
    """Return 1 / (1 + exp(-x))."""
    return _enclosed(bits, x, "sigmoid", Fraction(1, 2))


def tanh(bits: int, x: Interval) -> Interval:
    """Return the hyperbolic tangent."""
    return _enclosed(bits, x, "tanh", ZERO)


def softplus(bits: int, x: Interval) -> Interval:
    """Return log(1 + exp(x))."""
    return _call(bits, x[0], "softplus")[0], _call(bits, x[1], "softplus")[1]


def erf(bits: int, x: Interval) -> Interval:
    """Return the error function."""
    return _enclosed(bits, x, "erf", ZERO)


def _enclosed(bits: int, x: Interval, name: str, at_zero: Fraction) -> Interval:
    """Enclose a rising function that is rational at 0 only."""
    low = at_zero if x[0] == 0 else _call(bits, x[0], name)[0]
    high = at_zero if x[1] == 0 else _call(bits, x[1], name)[1]
    return low, high


@lru_cache(maxsize=65536)
def _call(bits: int, value: Fraction, name: str) -> Interval:
    if name == "erf":
        ctx: Any = MPContext()
        ctx.prec = bits + 40
        middle = _from_mpf(ctx.erf(ctx.mpf(value.numerator) / value.denominator))
        slack = Fraction(1, 1 << bits)
        return middle - slack, middle + slack
    iv: Any = MPIntervalContext()
    iv.prec = bits + 20
    x = iv.mpf(value.numerator) / iv.mpf(value.denominator)
    if name == "exp":
        y = iv.exp(x)
    elif name == "log":
        y = iv.log(x)
    elif name == "sigmoid":
        y = 1 / (1 + iv.exp(-x))
    elif name == "tanh":
        y = 1 - 2 / (1 + iv.exp(2 * x))
    else:
        assert name == "softplus"
        y = iv.log(1 + iv.exp(x)) if value <= 0 else x + iv.log(1 + iv.exp(-x))
    low, high = y._mpi_
    return _from_raw(low), _from_raw(high)


def _from_mpf(value: Any) -> Fraction:
    return _from_raw(value._mpf_)


def _from_raw(raw: tuple[int, int, int, int]) -> Fraction:
    sign, mantissa, exponent, _ = raw
    if not mantissa and exponent:
        raise Undefined
    value = Fraction(int(mantissa)) * Fraction(2) ** int(exponent)
    return -value if sign else value


def _outward(bits: int, low: Fraction, high: Fraction) -> Interval:
    """Widen the ends to ``2 * bits`` significant bits, which keeps their terms short."""
    return _rounded(low, 2 * bits, up=False), _rounded(high, 2 * bits, up=True)


def _rounded(value: Fraction, bits: int, *, up: bool) -> Fraction:
    shift = bits - (abs(value.numerator).bit_length() - value.denominator.bit_length())
    if value == 0 or value.denominator.bit_length() <= bits:
        return value
    scaled = value * Fraction(2) ** shift
    return Fraction(-(-scaled // 1) if up else scaled // 1) / Fraction(2) ** shift
