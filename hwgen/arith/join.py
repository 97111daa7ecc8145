"""Integer multipliers for a join: thresholds on ``m_a * a + m_b * b`` instead of a rational sum.

Two branches meet with real values ``scale_a * a`` and ``scale_b * b`` (plus constants), and a
monotone function of their sum gives the output code. The function is its levels: code ``k`` or
more where the sum reaches level ``k``. Which integer vectors ``(m_a, m_b)`` order the pairs of
codes as the levels need is decided by their ratio alone: an open interval around
``scale_b / scale_a``. Its simplest fraction gives the smallest multipliers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Level:
    """A real number that the sum must reach for the next code.

    value : the level
    strict : whether a sum equal to ``value`` is still below it
    """

    value: Fraction
    strict: bool = False


@dataclass(frozen=True, eq=False)
class Join:
    """Multipliers and thresholds that reproduce a function of two codes for every pair.

    thresholds : int64, shape (levels,): level k is reached where m_a * a + m_b * b >= thresholds[k]
    """

    m_a: int
    m_b: int
    thresholds: IntArray


def join_multipliers(
    scale_a: Fraction,
    scale_b: Fraction,
    range_a: tuple[int, int],
    range_b: tuple[int, int],
    levels: Sequence[Level],
) -> Join:
    """Return the smallest multipliers on which thresholds count the levels reached.

    scale_a, scale_b : real value of one code step of each branch, of either sign, zero allowed;
        constant offsets belong into the levels
    range_a, range_b : lowest and highest code of each branch, both inclusive
    levels : in any order; a level that no pair (or every pair) reaches is allowed
    Exact for every pair of codes: the boundary of every level is computed for every code of the
    smaller range, so nothing is sampled. Cost grows with levels times the smaller range.
    """
    if range_b[1] - range_b[0] > range_a[1] - range_a[0]:
        turned = join_multipliers(scale_b, scale_a, range_b, range_a, levels)
        return Join(turned.m_b, turned.m_a, turned.thresholds)
    if scale_a == 0:
        return _without_a(scale_b, range_a, range_b, levels)
    sign_a, sign_b = (-1 if scale < 0 else 1 for scale in (scale_a, scale_b))
    upright_a, upright_b = _upright(range_a, sign_a), _upright(range_b, sign_b)
    first = _boundaries(abs(scale_a), abs(scale_b), upright_a, upright_b, levels)
    m_a, m_b, thresholds = _smallest(first, upright_a, upright_b)
    return Join(sign_a * m_a, sign_b * m_b, thresholds)


def simplest_between(low: Fraction, high: Fraction | None) -> Fraction:
    """Return the fraction of smallest denominator (then numerator) with ``low < f < high``.

    low : at least 0; high : None for no bound. A Stern-Brocot walk, taken in strides.
    """
    assert low >= 0, "the walk starts at 0"
    assert high is None or high > low, "the interval holds something"
    whole = low.numerator // low.denominator
    if high is None or whole + 1 < high:
        return Fraction(whole + 1)
    rest_low, rest_high = low - whole, high - whole  # rest_high <= 1
    inner = simplest_between(1 / rest_high, 1 / rest_low if rest_low else None)
    return whole + 1 / inner


def _upright(span: tuple[int, int], sign: int) -> tuple[int, int]:
    return span if sign > 0 else (-span[1], -span[0])


def _boundaries(
    scale_a: Fraction,
    scale_b: Fraction,
    range_a: tuple[int, int],
    range_b: tuple[int, int],
    levels: Sequence[Level],
) -> IntArray:
    """Return per level and code b the lowest code a that reaches the level, int64 (levels, codes).

    ``range_a[1] + 1`` where none does; scales are positive (scale_b may be 0).
    """
    unit = lcm(
        scale_a.denominator,
        scale_b.denominator,
        *(level.value.denominator for level in levels),
    )
    step_a, step_b = int(scale_a * unit), int(scale_b * unit)
    rows: list[list[int]] = []
    for level in levels:
        target = int(level.value * unit) + level.strict
        rows.append([-((step_b * b - target) // step_a) for b in range(range_b[0], range_b[1] + 1)])
    clipped = [[min(max(a, range_a[0]), range_a[1] + 1) for a in row] for row in rows]
    return np.array(clipped, dtype=np.int64).reshape(len(levels), range_b[1] - range_b[0] + 1)


def _smallest(
    first: IntArray, range_a: tuple[int, int], range_b: tuple[int, int]
) -> tuple[int, int, IntArray]:
    """Return the smallest (m_a, m_b, thresholds), by cutting the interval of their ratio.

    A pair of codes in the wrong order bounds the ratio; each try is the simplest one left.
    """
    codes = np.arange(range_b[0], range_b[1] + 1, dtype=np.int64)
    for m_a, m_b in ((1, 0), (0, 1)):
        thresholds, wrong = _ordered(first, range_a, codes, m_a, m_b)
        if not wrong:
            return m_a, m_b, thresholds
    low, high = Fraction(0), None
    while True:
        ratio = simplest_between(low, high)
        m_a, m_b = ratio.denominator, ratio.numerator
        thresholds, wrong = _ordered(first, range_a, codes, m_a, m_b)
        if not wrong:
            return m_a, m_b, thresholds
        for da, db in wrong:  # m_a * da + m_b * db > 0 must hold, and does not
            bound = Fraction(-da, db)
            if db > 0:
                low = max(low, bound)
            else:
                high = bound if high is None else min(high, bound)


def _ordered(
    first: IntArray, range_a: tuple[int, int], codes: IntArray, m_a: int, m_b: int
) -> tuple[IntArray, list[tuple[int, int]]]:
    """Return the thresholds on the sums, and steps from a pair below to one above that do not rise.

    The lowest pair above a level and the highest one below it decide; one step per failing level.
    """
    extreme = np.iinfo(np.int64)
    above = np.where(first <= range_a[1], m_a * first + m_b * codes, extreme.max)
    below = np.where(first > range_a[0], m_a * (first - 1) + m_b * codes, extreme.min)
    up, down = above.argmin(axis=1), below.argmax(axis=1)
    rows = np.arange(len(first))
    lowest, highest = above[rows, up], below[rows, down]
    failing = np.flatnonzero(lowest <= highest)
    wrong = {
        (int(first[k, up[k]] - first[k, down[k]] + 1), int(codes[up[k]] - codes[down[k]]))
        for k in failing
    }
    unreachable = m_a * range_a[1] + int((m_b * codes).max()) + 1
    return np.minimum(lowest, unreachable), sorted(wrong)


def _without_a(
    scale_b: Fraction, range_a: tuple[int, int], range_b: tuple[int, int], levels: Sequence[Level]
) -> Join:
    if scale_b == 0:
        reached = [(v.value < 0) if v.strict else (v.value <= 0) for v in levels]
        top = range_a[1] + 1
        found = [range_a[0] if hit else top for hit in reached]
        return Join(1, 0, np.array(found, dtype=np.int64))
    sign = -1 if scale_b < 0 else 1
    span = _upright(range_b, sign)
    first = _boundaries(abs(scale_b), Fraction(0), span, (0, 0), levels)
    return Join(0, sign, first[:, 0])
