"""Join multipliers against exact fractions, for every pair of codes."""

from fractions import Fraction
from math import gcd

import numpy as np
import pytest

from hwgen.arith.join import Level, join_multipliers, simplest_between


def count_levels(scale_a, scale_b, a, b, levels):
    total = scale_a * a + scale_b * b
    return sum(total > v.value if v.strict else total >= v.value for v in levels)


def assert_reproduces(join, scale_a, scale_b, range_a, range_b, levels):
    for a in range(range_a[0], range_a[1] + 1):
        for b in range(range_b[0], range_b[1] + 1):
            reached = int((join.m_a * a + join.m_b * b >= join.thresholds).sum())
            assert reached == count_levels(scale_a, scale_b, a, b, levels), (a, b)


def reproducible(m_a, m_b, scale_a, scale_b, range_a, range_b, levels):
    """Whether thresholds on these sums can separate the pairs at every level."""
    for level in levels:
        below, above = [], []
        for a in range(range_a[0], range_a[1] + 1):
            for b in range(range_b[0], range_b[1] + 1):
                side = above if count_levels(scale_a, scale_b, a, b, [level]) else below
                side.append(m_a * a + m_b * b)
        if below and above and max(below) >= min(above):
            return False
    return True


def rounding(scale, low, high):
    """Levels of clip(round_half_even(x / scale), low, high)."""
    return [
        Level(scale * (k - Fraction(1, 2)), strict=k % 2 == 1) for k in range(low + 1, high + 1)
    ]


@pytest.mark.parametrize("seed", range(40))
def test_every_pair_is_reproduced_and_nothing_smaller_does(seed):
    rng = np.random.default_rng(seed)
    sign = rng.choice([-1, 1], 2)
    scale_a = Fraction(int(sign[0] * rng.integers(1, 9)), int(rng.integers(1, 9)))
    scale_b = Fraction(int(sign[1] * rng.integers(1, 9)), int(rng.integers(1, 9)))
    range_a, range_b = [(0, 3), (-4, 3), (0, 7)][seed % 3], [(-2, 1), (0, 6)][seed % 2]
    levels = rounding(Fraction(int(rng.integers(1, 9)), int(rng.integers(1, 9))), -3, 4)

    join = join_multipliers(scale_a, scale_b, range_a, range_b, levels)

    case = scale_a, scale_b, range_a, range_b, levels
    assert_reproduces(join, *case)
    sign_a, sign_b = int(sign[0]), int(sign[1])
    for m_a in range(abs(join.m_a) + 1):
        for m_b in range(abs(join.m_b) + 1):
            if gcd(m_a, m_b) == 1 and (m_a, m_b) != (abs(join.m_a), abs(join.m_b)):
                assert not reproducible(sign_a * m_a, sign_b * m_b, *case)


def test_eight_bit_codes_of_float_scales():
    scale_a, scale_b = (Fraction(float(np.float32(s))) for s in (0.0237, 0.0411))
    levels = rounding(Fraction(float(np.float32(0.0519))), -128, 127)
    join = join_multipliers(scale_a, scale_b, (-128, 127), (-128, 127), levels)
    a = np.arange(-128, 128)
    sums = join.m_a * a[:, None] + join.m_b * a
    codes = np.searchsorted(join.thresholds, sums.ravel(), side="right").reshape(sums.shape)
    real = [[scale_a * int(p) + scale_b * int(q) for q in a] for p in a]
    for row, values in zip(codes, real, strict=True):
        for code, value in zip(row, values, strict=True):
            assert code == min(max(round(value / levels_scale(levels)), -128), 127) + 128
    assert (np.diff(join.thresholds) >= 0).all()


def levels_scale(levels):
    return levels[1].value - levels[0].value


def test_accumulators_are_joined_too():
    scale_a, scale_b = Fraction(1, 3), Fraction(7, 2)
    levels = rounding(Fraction(100), 0, 15)
    join = join_multipliers(scale_a, scale_b, (-3000, 3000), (-200, 200), levels)
    a, b = np.arange(-3000, 3001), np.arange(-200, 201)
    exact = 2 * a[:, None] + 21 * b  # in sixths
    reached = np.zeros(exact.shape, np.int64)
    for level in levels:
        value = int(6 * level.value)
        reached += exact > value if level.strict else exact >= value
    sums = (join.m_a * a[:, None] + join.m_b * b)[..., None]
    np.testing.assert_array_equal((sums >= join.thresholds).sum(axis=-1), reached)
    assert (join.m_a, join.m_b) <= (2, 21)


@pytest.mark.parametrize("scales", [(0, 2), (3, 0), (0, 0), (0, -2), (-3, 0)])
def test_a_branch_may_not_count(scales):
    scale_a, scale_b = map(Fraction, scales)
    levels = [Level(Fraction(v), strict) for v in (-3, 0, 4, 100) for strict in (False, True)]
    join = join_multipliers(scale_a, scale_b, (-3, 4), (-2, 2), levels)
    assert_reproduces(join, scale_a, scale_b, (-3, 4), (-2, 2), levels)


def test_simplest_fraction_is_the_simplest():
    rng = np.random.default_rng(0)
    for _ in range(50):
        low = Fraction(int(rng.integers(0, 40)), int(rng.integers(1, 40)))
        high = low + Fraction(1, int(rng.integers(1, 60)))
        found = simplest_between(low, high)
        assert low < found < high
        for q in range(1, found.denominator):
            assert int(low * q) + 1 >= high * q  # no fraction with denominator q inside
    assert simplest_between(Fraction(5, 2), None) == 3
