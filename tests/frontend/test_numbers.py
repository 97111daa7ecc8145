"""Exact arithmetic under the lowering: functions, intervals, decisions, cones."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwgen.frontend import interval
from hwgen.frontend.cone import simplest
from hwgen.frontend.decide import decide
from hwgen.frontend.evaluate import approx, direction, exact_at
from hwgen.frontend.expr import Var, apply, number
from hwgen.frontend.functions import EXACT, FUNCTIONS
from hwgen.frontend.quantizer import MODES, Rounding, Sign
from hwgen.frontend.tabulate import tabulate

floats = st.floats(-50, 50, allow_nan=False).map(lambda v: float(np.float32(v)))
UNARY = sorted(n for n, f in FUNCTIONS.items() if f.direction != 0)
BINARY = ["add", "sub", "mul", "div", "max", "min"]


def enclosed(expr, env):
    pairs = {k: (np.array([v]), np.zeros(1)) for k, v in env.items()}
    with np.errstate(all="ignore"):
        value, error = approx(expr, pairs)
    try:
        low, high = exact_at(expr, {k: Fraction(v) for k, v in env.items()}, (0,), 200)
    except interval.Undefined:
        return None
    return float(np.ravel(value)[0]), float(np.ravel(error)[0]), low, high


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(UNARY), st.sampled_from(BINARY), floats, floats, floats)
def test_float_bound_holds_the_real_value(fn, op, a, b, c):
    x = apply(op, apply("mul", Var("a"), number(Fraction(c))), Var("b"))
    found = enclosed(apply(fn, x), {"a": a, "b": b})
    if found is None:
        return
    value, error, low, high = found
    if not np.isfinite(value) or not np.isfinite(error):
        return
    assert Fraction(value) - Fraction(error) <= high
    assert low <= Fraction(value) + Fraction(error)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(BINARY[:4]), floats, floats)
def test_no_error_is_claimed_only_where_there_is_none(op, a, b):
    found = enclosed(apply(op, Var("a"), Var("b")), {"a": a, "b": b})
    if found is not None and found[1] == 0:
        assert Fraction(found[0]) == found[2]


@pytest.mark.parametrize("fn", [n for n in UNARY if n not in ("sign", "step", "abs")])
def test_intervals_shrink_around_the_value(fn):
    x = Fraction(7, 3)
    previous = None
    for bits in (64, 256):
        low, high = FUNCTIONS[fn].exact(bits, (x, x))
        assert low <= high
        assert high - low <= Fraction(1, 1 << (bits - 8))
        if previous:
            assert previous[0] <= low
            assert high <= previous[1]
        previous = low, high


def test_rational_roots_are_points():
    assert interval.sqrt(64, (Fraction(9, 4), Fraction(9, 4))) == (Fraction(3, 2), Fraction(3, 2))
    assert interval.sigmoid(64, (Fraction(0), Fraction(0))) == (Fraction(1, 2), Fraction(1, 2))


def exact_code(mode, u, low, high):
    """A rounding mode by its definition, on a fraction."""
    u = min(max(u, Fraction(low)), Fraction(high))
    floor, half = u.numerator // u.denominator, Fraction(1, 2)
    away = floor + 1 if u > 0 else floor
    rest = u - floor
    if rest == 0:
        return floor
    nearest = floor if rest < half else floor + 1
    return {
        "CEIL": floor + 1,
        "FLOOR": floor,
        "UP": floor + 1 if u > 0 else floor,
        "DOWN": floor if u > 0 else floor + 1,
        "HALF_EVEN": floor + floor % 2 if rest == half else nearest,
        "ROUND": floor + floor % 2 if rest == half else nearest,
        "HALF_UP": away if rest == half else nearest,
        "HALF_DOWN": (floor if u > 0 else floor + 1) if rest == half else nearest,
    }[mode]


@pytest.mark.parametrize("mode", MODES)
def test_rounding_modes_on_both_sides_of_every_border(mode):
    steps = Rounding(mode, -5, 4)
    spots = [Fraction(n, 4) for n in range(-30, 30)]
    near = [s + e for s in spots for e in (0, Fraction(1, 1 << 51), -Fraction(1, 1 << 51))]
    near = [s for s in near if Fraction(float(s)) == s]
    codes = steps.codes(np.array([float(s) for s in near]))
    assert codes.tolist() == [exact_code(mode, s, -5, 4) for s in near]
    assert [steps.at(s, 0) for s in near] == codes.tolist()


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_tabulated_staircase_is_the_function(data):
    """BatchNorm-like lines with rational factors, against plain fractions at every code."""
    draw = data.draw
    channels = draw(st.integers(1, 3))
    small = st.fractions(-4, 4, max_denominator=64)
    factors = [draw(small) for _ in range(channels)]
    shifts = [draw(small) for _ in range(channels)]
    low, high = draw(st.integers(-300, 0)), draw(st.integers(1, 300))
    mode, bits = draw(st.sampled_from(sorted(MODES))), draw(st.integers(1, 6))
    relu = draw(st.booleans())
    as_object = [np.array(v, dtype=object) for v in (factors, shifts)]
    expr = apply("add", apply("mul", Var("a"), number(as_object[0])), number(as_object[1]))
    expr = apply("max", expr, number(0)) if relu else expr
    steps = Rounding(mode, -(1 << bits) // 2, (1 << bits) // 2)
    ends = np.full(channels, low), np.full(channels, high)
    table = tabulate(expr, steps, "a", *ends).table(low, high - low + 1)
    for channel in range(channels):
        for at, code in enumerate(range(low, high + 1)):
            u = factors[channel] * code + shifts[channel]
            u = max(u, Fraction(0)) if relu else u
            assert table[channel, at] == exact_code(mode, u, steps.low, steps.high)


def test_irrational_values_are_decided_beyond_float64():
    """sqrt(2) against a threshold closer to it than float64 can tell."""
    near = Fraction(*(14142135623730950488016887242097, 10**31))
    gap = apply("sub", apply("mul", Var("a"), apply("sqrt", number(2))), number(near))
    found = decide(gap, Sign(), {"a": np.ones((1, 1))}, (1, 1))
    assert found.codes[0, 0] == -1 if near**2 > 2 else 1
    assert not found.ties[0, 0]
    value, error = approx(gap, {"a": (np.ones((1, 1)), np.zeros((1, 1)))}, EXACT)
    assert abs(value[0, 0]) <= error[0, 0]  # float64 alone cannot decide it


def test_direction_of_functions():
    x = Var("a")
    assert direction(apply("sub", number(3), x)) == -1
    assert direction(apply("mul", apply("sigmoid", x), number(-2))) == -1
    assert direction(apply("mul", x, apply("sigmoid", x))) == 2
    assert direction(apply("add", x, apply("neg", x))) == 2
    assert direction(number(3)) == 0
    both = apply("sub", x, apply("mul", Var("b"), number(2)))
    assert (direction(both, "a"), direction(both, "b")) == (1, -1)


@settings(max_examples=100, deadline=None)
@given(st.fractions(0, 20, max_denominator=500), st.fractions(0, 1, max_denominator=500))
def test_simplest_number_between(low, width):
    if width == 0:
        assert simplest(low, low) is None
        return
    high = low + width
    found = simplest(low, high)
    assert low < found < high
    smaller = range(1, found.denominator)
    for bottom in smaller:  # nothing with a smaller denominator fits
        top = low.numerator * bottom // low.denominator + 1
        assert not low < Fraction(top, bottom) < high


def test_simplest_number_without_upper_bound():
    assert simplest(Fraction(-1), None) == 0
    assert simplest(Fraction(5, 2), None) == 3
    assert simplest(Fraction(0), Fraction(1, 3)) == Fraction(1, 4)
