"""Turn "expression, then quantizer" into thresholds or a table over the codes.

For every channel the function from code to output code is found exactly. Where the expression is
known to rise or fall, each threshold is bracketed by bisection, which needs few evaluations however
wide the accumulator; elsewhere every code is evaluated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hwgen.frontend.decide import Bools, decide
from hwgen.frontend.evaluate import MIXED, direction
from hwgen.frontend.expr import Expr
from hwgen.frontend.quantizer import Steps

Ints = npt.NDArray[np.int64]

CHUNK = 1 << 21
LIMIT = 1 << 28
"""Most codes times channels that are evaluated one by one."""


class TooManyCodes(Exception):  # noqa: N818 - a signal, not an error
    """A function that neither rises nor falls would need too many evaluations."""


@dataclass(frozen=True, eq=False)
class Staircase:
    """A function of one code per channel, constant between breakpoints.

    starts : (channels, pieces) first code of each piece, rising; padding is ``end``, never reached
    codes : (channels, pieces) output code of each piece; padding repeats the last one
    low, end : first code, and one past the last, of each channel
    ties : (channel, code) of every exact tie met at a breakpoint
    """

    starts: Ints
    codes: Ints
    low: Ints
    end: Ints
    ties: tuple[tuple[int, int], ...]

    @property
    def rising(self) -> Bools:
        """Channels whose output never falls."""
        return np.asarray((np.diff(self.codes, axis=1) >= 0).all(axis=1))

    @property
    def falling(self) -> Bools:
        """Channels whose output never rises."""
        return np.asarray((np.diff(self.codes, axis=1) <= 0).all(axis=1))

    def table(self, first: int, entries: int) -> Ints:
        """Return (channels, entries) output codes of ``first``, ``first + 1``, ..."""
        x = np.arange(first, first + entries)
        piece = (x[None, :, None] >= self.starts[:, None, 1:]).sum(axis=2)
        return np.take_along_axis(self.codes, piece, axis=1)


def tabulate(expr: Expr, steps: Steps, name: str, low: Ints, high: Ints) -> Staircase:
    """Return ``steps(expr)`` as a function of variable ``name`` over ``low..high`` per channel.

    low, high : int64 (channels,)
    Raises ``TooManyCodes``, or ``interval.Undefined`` where the expression has no value.
    """
    channels = len(low)
    way = np.broadcast_to(direction(expr), (channels,))
    if int((high - low).max()) < 64 or (way == MIXED).any():
        return _enumerate(expr, steps, name, low, high)
    return _bisect(expr, steps, name, low, high, np.where(way < 0, -1, 1))


def _enumerate(expr: Expr, steps: Steps, name: str, low: Ints, high: Ints) -> Staircase:
    channels = len(low)
    first, last = int(low.min()), int(high.max())
    if (last - first + 1) * channels > LIMIT:
        raise TooManyCodes
    rows = max(1, CHUNK // channels)
    starts: list[list[int]] = [[] for _ in range(channels)]
    codes: list[list[int]] = [[] for _ in range(channels)]
    ties: list[tuple[int, int]] = []
    before: Ints | None = None
    for begin in range(first, last + 1, rows):
        x = np.arange(begin, min(begin + rows, last + 1))
        grid = np.clip(x[:, None], low, high)  # outside its range a channel repeats its end
        found = decide(expr, steps, {name: grid.astype(np.float64)}, grid.shape)
        inside = (x[:, None] >= low) & (x[:, None] <= high)
        ties += [(int(c), int(x[i])) for i, c in np.argwhere(found.ties & inside)]
        previous = found.codes[:1] - 1 if before is None else before
        change = np.diff(found.codes, axis=0, prepend=previous) != 0
        for i, channel in np.argwhere(change):
            starts[channel].append(int(x[i]))
            codes[channel].append(int(found.codes[i, channel]))
        before = found.codes[-1:]
    for row, begin in zip(starts, low.tolist(), strict=True):
        row[0] = begin
    return _padded(starts, codes, low, high + 1, tuple(sorted(ties)))


def _padded(
    starts: list[list[int]],
    codes: list[list[int]],
    low: Ints,
    end: Ints,
    ties: tuple[tuple[int, int], ...],
) -> Staircase:
    pieces = max(len(row) for row in starts)
    padded = np.array([r + [int(end[c])] * (pieces - len(r)) for c, r in enumerate(starts)])
    values = np.array([r + [r[-1]] * (pieces - len(r)) for r in codes])
    return Staircase(padded.astype(np.int64), values.astype(np.int64), low, end, ties)


def _bisect(expr: Expr, steps: Steps, name: str, low: Ints, high: Ints, way: Ints) -> Staircase:
    """Bracket every level of every channel at once; ``way`` is +1 (rising) or -1 (falling)."""
    start, stop = np.where(way > 0, low, high), np.where(way > 0, high, low)
    ends = np.stack([start, stop]).astype(np.float64)
    bottom, top = decide(expr, steps, {name: ends}, ends.shape).codes
    levels = int(bottom.min()) + 1 + np.arange(max(int(top.max() - bottom.min()), 0))
    wanted = levels[:, None]
    # distance along ``way``: at 0 the level may not be reached, at ``length`` it may be
    length = (high - low)[None, :] + 1
    near = np.broadcast_to(np.int64(-1), (len(levels), len(low))).copy()
    far = np.broadcast_to(length, near.shape).copy()
    near = np.where(wanted > top, length - 1, near)  # never reached
    far = np.where(wanted <= bottom, 0, far)  # always reached
    ties: list[Ints] = []
    while (far - near > 1).any():
        middle = (near + far) // 2
        spots = np.clip(middle, 0, length - 1)
        x = start + way * spots
        found = decide(expr, steps, {name: x.astype(np.float64)}, x.shape)
        if found.ties.any():
            where = np.nonzero(found.ties)
            ties.append(np.stack([where[1], x[where]], axis=1))
        open_ = far - near > 1
        reached = found.codes >= wanted
        far = np.where(open_ & reached, middle, far)
        near = np.where(open_ & ~reached, middle, near)
    return from_levels(levels, far, (low, high, way), (bottom, top), _listed(ties))


def _listed(parts: list[Ints]) -> tuple[tuple[int, int], ...]:
    """Return (channel, code) pairs, each once, in order."""
    if not parts:
        return ()
    pairs = np.concatenate(parts)
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    fresh = np.append(True, (np.diff(pairs, axis=0) != 0).any(axis=1))
    return tuple((channel, code) for channel, code in pairs[fresh].tolist())


def from_levels(
    levels: Ints,
    far: Ints,
    span: tuple[Ints, Ints, Ints],
    ends: tuple[Ints, Ints],
    ties: tuple[tuple[int, int], ...],
) -> Staircase:
    """Return the staircase whose level ``levels[k]`` starts ``far[k]`` codes along the way.

    levels : (levels,), far : (levels, channels); 0 means always reached, the length never
    span : low, high and way (+1 or -1), ends : codes at the start and end of the way; (channels,)
    """
    low, high, way = span
    bottom, top = ends
    starts: list[list[int]] = []
    codes: list[list[int]] = []
    for c in range(len(low)):
        used = (levels > bottom[c]) & (levels <= top[c])
        at, to = far[used, c], levels[used]
        keep = np.append(np.diff(at) > 0, True) if len(at) else np.zeros(0, dtype=bool)
        at, to = at[keep], to[keep]
        values = [int(bottom[c]), *(int(v) for v in to)]
        if way[c] > 0:
            starts.append([int(low[c]), *(int(low[c] + a) for a in at)])
            codes.append(values)
        else:
            starts.append([int(low[c]), *(int(high[c] - a + 1) for a in at[::-1])])
            codes.append(values[::-1])
    return _padded(starts, codes, low, high + 1, ties)
