"""Walks through a line buffer: which stored word every step reads, and what it sets free.

Window units, enlargements and pixel shuffles all write their input words one after another into a
circular memory and read them along a fixed nest of loops. A walk is that nest; from it follow the
schedule, the memory that suffices, and the constants of the hardware that walks it.

Words are counted from the frame's first one. A padded walk also steps to places outside the frame,
whose counted position is fictitious; ``row`` and ``col`` tell which these are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod

import numba
import numpy as np

from hwgen.timing.schedule import BoolArray, Buffer, IntArray


@dataclass(frozen=True)
class Loop:
    """One loop of a walk.

    count : iterations
    step : words by which the position moves per iteration
    places : positions of the iterations relative to the first, where they are not evenly spaced
    row, col : pixels by which the coordinates move per iteration
    release : words set free when an iteration ends that is not the last
    since, until : iterations (of this loop) within which it and the loops inside release anything
    """

    count: int
    step: int
    row: int = 0
    col: int = 0
    release: int = 0
    since: int = 0
    until: int | None = None
    places: tuple[int, ...] | None = None

    @property
    def span(self) -> int:
        """Position of the last iteration relative to the first."""
        return (self.count - 1) * self.step if self.places is None else self.places[-1]

    def steps(self) -> tuple[int, ...]:
        """Return by how much the position moves after each iteration but the last."""
        if self.places is None:
            return (self.step,) * (self.count - 1)
        return tuple(int(step) for step in np.diff(self.places))

    @property
    def limit(self) -> int:
        """First iteration that releases nothing any more."""
        return self.count if self.until is None else self.until


@dataclass(frozen=True)
class Walk:
    """A nest of loops over the words of a frame, outermost first.

    words : words of one frame
    start : position of the first step; negative where that is padding
    base : the first word that memory holds room for at a frame's begin, not positive; None: start
    rows, cols : (first coordinate, size) of an axis with padding, None where there is none
    """

    loops: tuple[Loop, ...]
    words: int
    start: int = 0
    base: int | None = None
    rows: tuple[int, int] | None = None
    cols: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        assert all(loop.count >= 1 for loop in self.loops), "loops have iterations"
        assert self.kept <= 0, "memory has room for the first word at once"
        assert self.start >= 0 or not self.real[0], "a step before the first word is padding"
        assert self.last_release >= 0, "no more is released than was stored"

    @property
    def steps(self) -> int:
        """Steps of one frame."""
        return prod(loop.count for loop in self.loops)

    @property
    def padded(self) -> bool:
        """Whether some steps read padding."""
        return self.rows is not None or self.cols is not None

    @property
    def kept(self) -> int:
        """The first word that memory holds room for when a frame begins."""
        return self.start if self.base is None else self.base

    @cached_property
    def positions(self) -> IntArray:
        """Position of each step, int64 (steps,)."""
        places = [
            np.arange(loop.count, dtype=np.int64) * loop.step
            if loop.places is None
            else np.array(loop.places, np.int64)
            for loop in self.loops
        ]
        return self.start + _sum(places)

    @cached_property
    def waits(self) -> IntArray:
        """The word each step waits for unless it is later padding; the first one always waits."""
        places = self.positions.copy()
        places[0] = max(self.start, 0)
        return places

    @cached_property
    def real(self) -> BoolArray:
        """Whether each step reads a word of the frame, bool (steps,)."""
        real = np.ones(self.steps, np.bool_)
        for axis, moves in (
            (self.rows, [loop.row for loop in self.loops]),
            (self.cols, [loop.col for loop in self.loops]),
        ):
            if axis is not None:
                first, size = axis
                counts = [np.arange(loop.count, dtype=np.int64) for loop in self.loops]
                place = first + _sum([n * move for n, move in zip(counts, moves, strict=True)])
                real &= (place >= 0) & (place < size)
        return real

    @cached_property
    def needs(self) -> IntArray:
        """The last word that must be stored before each step, int64 (steps,)."""
        own = np.where(self.real, self.positions, 0)
        return np.maximum.accumulate(np.maximum(own, 0))

    @cached_property
    def released(self) -> IntArray:
        """Words set free once each step has fired, counted within the frame, int64 (steps,)."""
        amounts = np.zeros(tuple(loop.count for loop in self.loops), np.int64)
        for level, loop in enumerate(self.loops):
            if loop.release:
                where = [slice(one.since, one.limit) for one in self.loops[: level + 1]]
                where[level] = slice(loop.since, min(loop.limit, loop.count - 1))
                where += [slice(-1, None)] * (len(self.loops) - level - 1)
                amounts[tuple(where)] = loop.release
        flat = amounts.ravel()
        flat[-1] = self.last_release
        return np.cumsum(flat)

    @cached_property
    def last_release(self) -> int:
        """Words set free by the last step of a frame."""
        total = 0
        for level, loop in enumerate(self.loops):
            outer = prod(one.limit - one.since for one in self.loops[:level])
            total += outer * loop.release * max(min(loop.limit, loop.count - 1) - loop.since, 0)
        return self.words - total

    def moves(self) -> tuple[tuple[int, ...], ...]:
        """Return how far the position moves when each loop goes on.

        Entry ``l`` has a number per iteration but the last of loop ``l``: for the step after which
        that loop goes on and all inside it start anew. One more entry, with one number, is for the
        frame's last step: the way to the first word of the next frame, or to its first step where
        that comes later.
        """
        spans = [loop.span for loop in self.loops]
        levels = [
            tuple(step - sum(spans[level + 1 :]) for step in loop.steps())
            for level, loop in enumerate(self.loops)
        ]
        return (*levels, (self.words + max(self.start, 0) - self.start - sum(spans),))

    def turns(self, axis: str) -> tuple[int, ...]:
        """Return how far the coordinate ``"row"`` or ``"col"`` moves when each loop goes on.

        The last entry is for the frame's last step, back to its first one.
        """
        own = [int(getattr(loop, axis)) for loop in self.loops]
        spans = [(loop.count - 1) * move for loop, move in zip(self.loops, own, strict=True)]
        inner = [sum(spans[level + 1 :]) for level in range(len(self.loops))]
        return (*(move - back for move, back in zip(own, inner, strict=True)), -sum(spans))

    @property
    def smallest_depth(self) -> int:
        """Words of memory without which some step never gets its data."""
        before = self.kept + np.concatenate([[0], self.released[:-1]])
        return int((self.needs + 1 - before).max())

    def ahead_range(self, depth: int) -> tuple[int, int]:
        """Return the bounds of: the word the current step waits for minus words stored."""
        before = self.kept + np.concatenate([[0], self.released[:-1]])
        stored = np.concatenate([[self.needs[-1] - self.words], self.needs[:-1]]) + 1
        return int((self.waits - before).min()) - depth, int((self.waits - stored).max())

    def most_room(self, depth: int) -> int:
        """Return the most words that can ever be free."""
        after = self.kept + self.released - (self.needs + 1)
        return depth + max(self.kept, int(after.max()))

    def schedule(self, depth: int, latency: int) -> Buffer:
        """Return the exact schedule with a memory of ``depth`` words."""
        assert depth >= self.smallest_depth, f"{depth} words of memory deadlock"
        return Buffer(self.needs, self._frees(depth), latency)

    def depth_for(self, interval: int | None = None, pace: int = 1, drain: int = 0) -> int:
        """Return the smallest depth with which a frame takes no more than ``interval`` cycles.

        interval : None for the best there is, max(words * pace, steps, drain)
        pace : cycles from one input word to the next, at least
        drain : cycles in which what comes behind takes the steps of a frame, evenly, at the least
        """
        drain = max(drain, self.steps)
        goal = max(self.words * pace, drain, interval or 0)
        low = self.smallest_depth
        if self._interval(low, pace, drain) <= goal:
            return low
        high = low
        while self._interval(high, pace, drain) > goal:
            low, high = high, high + max(high // 2, 8)
        while high - low > 1:
            middle = (low + high) // 2
            fits = self._interval(middle, pace, drain) <= goal
            low, high = (low, middle) if fits else (middle, high)
        return high

    def _frees(self, depth: int) -> IntArray:
        target = np.arange(self.words, dtype=np.int64) + 1 - depth - self.kept
        frame = (target - 1) // self.words
        step = np.searchsorted(self.released, target - frame * self.words, side="left")
        return frame * self.steps + step

    def _interval(self, depth: int, pace: int, drain: int) -> int:
        return int(_cycles_per_frame(self.needs, self._frees(depth), pace, drain))


def _sum(places: list[IntArray]) -> IntArray:
    """Return the sum over a nest of loops, one array per loop, int64 (steps,)."""
    total = np.zeros((), np.int64)
    for place in places:
        total = total[..., None] + place
    return total.ravel()


@numba.njit(cache=True)
def _cycles_per_frame(
    needs: IntArray, frees: IntArray, pace: int, drain: int
) -> int:  # pragma: no cover - compiled
    """Return the interval of the fifth frame, source and sink never stalling."""
    frames, steps, words = 5, len(needs), len(frees)
    fired = np.zeros(frames * steps, np.int64)
    taken = np.zeros(frames * words, np.int64)
    step = word = 0
    last_step = last_word = -1
    while step < frames * steps:
        need = needs[step % steps] + step // steps * words
        while word <= need or word < frames * words:
            free = frees[word % words] + word // words * steps
            if free >= step:
                break
            last_word += pace
            if free >= 0:
                last_word = max(last_word, fired[free] + 1)
            taken[word] = last_word
            word += 1
        waited = (step + 1) * drain // steps - step * drain // steps
        last_step = max(last_step + waited, taken[need] + 1)
        fired[step] = last_step
        step += 1
    return fired[-1] - fired[(frames - 1) * steps - 1]


def line_latency(walk: Walk, memory: str) -> int:
    """Return the register stages of a line buffer: padding behind block RAM needs one more.

    memory : "lutram" or "bram"
    """
    return 2 if memory == "bram" and walk.padded else 1
