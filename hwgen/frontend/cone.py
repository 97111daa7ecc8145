"""The multipliers on which thresholds over a sum of two streams reproduce a quantizer."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from hwgen.frontend.decide import decide
from hwgen.frontend.expr import Array, Expr, rebuild
from hwgen.frontend.quantizer import Steps
from hwgen.frontend.tensors import Dynamic

if TYPE_CHECKING:
    from hwgen.frontend.context import Context

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Cone:
    """For every channel, which ratios ``m_narrow / m_wide`` keep the quantizer's code.

    Codes are counted along their ways, so that the function rises in both.

    wide, narrow : the two streams; ways : (2, channels) +1 or -1, in this order
    codes : (n,) of the narrow stream times (channels,), along its way
    first : (levels, n, channels) smallest wide code along its way that reaches a level
    span : (2, channels) smallest and largest wide code along its way
    levels : (levels,) output codes; ends : output codes at the bottom and at the top, (channels,)
    low, high : open bounds of the ratio for each channel; high None for infinite
    likeness : (channels,) which row of ``ties`` stands for each channel
    ties : (n, 3) likeness, wide code, narrow code (along their ways) of exact ties at a border
    """

    wide: str
    narrow: str
    ways: Ints
    codes: Ints
    first: Ints
    span: Ints
    levels: Ints
    ends: tuple[Ints, Ints]
    low: list[Fraction]
    high: list[Fraction | None]
    likeness: Ints
    ties: Ints

    def thresholds(self, chosen: Ints, low: Ints, high: Ints) -> tuple[Ints, Ints]:
        """Return the levels and, (levels, channels), the smallest sum that reaches each.

        chosen : (2, channels or 1) positive multipliers; low, high : range of the sum
        """
        sums = chosen[0] * self.first + chosen[1] * self.codes
        reached = self.first <= self.span[1]
        never = np.iinfo(np.int64).max
        least = np.where(reached, sums, never).min(axis=1)
        below = self.first - 1 >= self.span[0]
        most = np.where(below, sums - chosen[0], -never).max(axis=1)
        assert (most < least).all(), "multipliers outside their cone"
        least = np.where(reached.any(axis=1), least, high + 1)
        return self.levels, np.where(below.any(axis=1), least, low)


def cone_of(ctx: Context, tensor: Dynamic, steps: Steps, ways: list[Ints]) -> Cone:
    """Return the cone of a tensor over two streams; ``ways`` are its directions in them."""
    leaves = [ctx.builder.leaves[name] for name in tensor.leaves]
    sizes = [leaf.type.high - leaf.type.low for leaf in leaves]
    order = (0, 1) if sizes[0] >= sizes[1] else (1, 0)
    wide, narrow = (leaves[k] for k in order)
    signs = np.stack([np.where(ways[k] < 0, -1, 1) for k in order])
    # one range for all channels, so that channels with equal constants are alike
    ends = [
        np.stack(
            [
                np.where(s > 0, v.low.min(), -v.high.max()),
                np.where(s > 0, v.high.max(), -v.low.min()),
            ]
        )
        for s, v in zip(signs, (wide, narrow), strict=True)
    ]
    count = int((ends[1][1] - ends[1][0]).max()) + 1
    codes = np.minimum(ends[1][0] + np.arange(count)[:, None], ends[1][1])
    # channels with equal constants and ranges are searched once
    some, back = _distinct(tensor.expr, np.concatenate([signs, *ends]))
    expr = rebuild(tensor.expr, num=lambda v: v if v.ndim == 0 else v[some])
    search = _Search(expr, steps, (wide.name, narrow.name), signs[:, some])
    spans = [end[:, some] for end in ends]
    bottom = search.codes(spans[0][:1], spans[1][:1])[0]
    top = search.codes(spans[0][1:], spans[1][1:])[0]
    levels = np.arange(int(bottom.min()) + 1, int(top.max()) + 1)
    first = search.first(levels, codes[:, some], spans[0])
    low, high = _bounds(first, codes[:, some], spans[0])
    return Cone(
        wide.name,
        narrow.name,
        signs,
        codes,
        first[:, :, back],
        ends[0],
        levels,
        (bottom[back], top[back]),
        [low[k] for k in back],
        [high[k] for k in back],
        back,
        search.ties(first, codes[:, some], spans[0]),
    )


def _distinct(expr: Expr, ranges: Ints) -> tuple[Ints, Ints]:
    """Return channels of which no two are alike, and for each channel its likeness among them."""
    rows: list[list[object]] = [list(column) for column in ranges.T.tolist()]

    def note(values: Array) -> Array:
        if values.ndim:
            for row, value in zip(rows, np.broadcast_to(values, (len(rows),)), strict=True):
                row.append(value)
        return values

    rebuild(expr, num=note)
    known: dict[tuple[object, ...], int] = {}
    back = [known.setdefault(tuple(row), len(known)) for row in rows]
    some = [back.index(k) for k in range(len(known))]
    return np.array(some, dtype=np.int64), np.array(back, dtype=np.int64)


class _Search:
    """Evaluates the quantizer on pairs of codes counted along their ways."""

    def __init__(self, expr: Expr, steps: Steps, names: tuple[str, str], signs: Ints) -> None:
        self._expr, self._steps, self._names, self._signs = expr, steps, names, signs

    def codes(self, wide: Ints, narrow: Ints) -> Ints:
        """Return output codes of pairs, arrays (..., channels)."""
        return self._decided(wide, narrow)[0]

    def ties(self, first: Ints, codes: Ints, span: Ints) -> Ints:
        """Return (n, 3) channel, wide code and narrow code of exact ties next to a border."""
        found: list[Ints] = []
        narrow = np.broadcast_to(codes, first.shape)
        for wide in (first, first - 1):
            probe = np.clip(wide, span[0], span[1])
            where = self._decided(probe, narrow)[1]
            found.append(np.stack([np.nonzero(where)[-1], wide[where], narrow[where]], axis=1))
        return np.concatenate(found)

    def _decided(self, wide: Ints, narrow: Ints) -> tuple[Ints, npt.NDArray[np.bool_]]:
        values = [v * s for v, s in zip((wide, narrow), self._signs, strict=True)]
        shape = np.broadcast_shapes(*(v.shape for v in values))
        full = [np.broadcast_to(v, shape) for v in values]
        env = {n: v.astype(np.float64) for n, v in zip(self._names, full, strict=True)}
        found = decide(self._expr, self._steps, env, shape)
        return found.codes, found.ties

    def first(self, levels: Ints, codes: Ints, span: Ints) -> Ints:
        """Return (levels, n, channels) the smallest wide code that reaches each level."""
        shape = (len(levels), *codes.shape)
        near = np.broadcast_to(span[0] - 1, shape).copy()
        far = np.broadcast_to(span[1] + 1, shape).copy()
        wanted = levels[:, None, None]
        while (far - near > 1).any():
            middle = (near + far) // 2
            probe = np.clip(middle, span[0], span[1])
            reached = self.codes(probe, np.broadcast_to(codes, shape)) >= wanted
            open_ = far - near > 1
            far = np.where(open_ & reached, middle, far)
            near = np.where(open_ & ~reached, middle, near)
        return far


def _bounds(first: Ints, codes: Ints, span: Ints) -> tuple[list[Fraction], list[Fraction | None]]:
    """Return the open bounds of ``m_narrow / m_wide`` for each channel.

    A reached point (a, b) and an unreached one (a', b') of a level demand
    ``(a - a') + ratio * (b - b') > 0``; unreached points next to the border are the tightest.
    """
    lows: list[Fraction] = []
    highs: list[Fraction | None] = []
    far = np.int64(1) << 60
    for channel in range(codes.shape[1]):
        a = np.unique(first[:, :, channel], axis=0)
        reached = np.where(a <= span[1, channel], a, far)
        unreached = np.where(a - 1 >= span[0, channel], a, -far)
        low, high = Fraction(-1), None
        count = len(np.unique(codes[:, channel]))
        for gap in range(1, count):
            rise = int((reached[:, gap:count] - unreached[:, : count - gap]).min(initial=far)) + 1
            if rise < far // 2:
                low = max(low, Fraction(-rise, gap))
            rise = int((reached[:, : count - gap] - unreached[:, gap:count]).min(initial=far)) + 1
            if rise < far // 2:
                high = Fraction(rise, gap) if high is None else min(high, Fraction(rise, gap))
        lows.append(low)
        highs.append(high)
    return lows, highs


def simplest(low: Fraction, high: Fraction | None) -> Fraction | None:
    """Return the simplest non-negative number strictly between, None where there is none.

    Simplest means the smallest denominator, then numerator: a walk down the Stern-Brocot tree.
    """
    if high is not None and (high <= 0 or low >= high):
        return None
    if low < 0:
        return Fraction(0)
    whole = low.numerator // low.denominator
    if high is None or whole + 1 < high:
        return Fraction(whole + 1)
    rest = simplest(_inverse(high - whole), _inverse_or_none(low - whole))
    assert rest is not None
    return whole + 1 / rest


def _inverse(value: Fraction) -> Fraction:
    return 1 / value


def _inverse_or_none(value: Fraction) -> Fraction | None:
    return None if value == 0 else 1 / value
