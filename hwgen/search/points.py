"""The choices of each layer, and what joining them costs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hwgen.boards import Resources
from hwgen.ir import Fold

FloatArray = npt.NDArray[np.float64]
CountArray = npt.NDArray[np.int64]
IndexArray = npt.NDArray[np.intp]


class Gives(NamedTuple):
    """How a layer gives its output: on so many lanes, of ``m`` pixels side by side."""

    lanes: int
    m: int = 1


class Takes(NamedTuple):
    """How a layer takes its input: on so many lanes, of ``m`` pixels side by side.

    replays : it stores and repeats its vectors
    """

    lanes: int
    replays: bool = False
    m: int = 1


_SERIAL = Takes(1)


@dataclass(frozen=True)
class Point:
    """One way to build a layer.

    cycles : its interval, in cycles per frame
    fill : cycles between its first input and the moment its output keeps pace with its input;
        what a frame's latency grows by, at most ``cycles``
    cost : what it takes, without what joins it to its neighbours
    """

    fold: Fold
    cycles: int
    cost: Resources
    fill: int = 0
    takes: Takes = _SERIAL

    @property
    def gives(self) -> Gives:
        """How it gives its output."""
        return Gives(self.fold.pe, self.fold.m)


@dataclass(frozen=True, eq=False)
class Layer:
    """A layer of the network and its choices, at least one.

    cycles, fills : the interval and the fill of each point, int64
    costs : shape (points, 4): LUT, FF, BRAM36, DSP
    """

    name: str
    points: tuple[Point, ...]
    cycles: CountArray = field(repr=False)
    fills: CountArray = field(repr=False)
    costs: FloatArray = field(repr=False)

    @classmethod
    def of(cls, name: str, points: Iterable[Point]) -> Layer:
        """Return the layer with these points."""
        every = tuple(points)
        cycles, fills = (
            np.array([getattr(point, key) for point in every], dtype=np.int64)
            for key in ("cycles", "fill")
        )
        costs = np.array([list(point.cost) for point in every], dtype=np.float64)
        return cls(name, every, cycles, fills, costs.reshape(-1, 4))

    def only(self, which: IndexArray) -> Layer:
        """Return the layer with some of its points, by their indices."""
        points = tuple(self.points[index] for index in which)
        return Layer(self.name, points, self.cycles[which], self.fills[which], self.costs[which])


@dataclass(frozen=True, eq=False)
class Link:
    """A stream from one layer to another.

    before, after : numbers of the layers
    given : lanes that the layer in front may give
    taken : what the layer behind may take
    table : the cost of what joins them, shape (given, taken, 4)
    """

    before: int
    after: int
    given: tuple[Gives, ...]
    taken: tuple[Takes, ...]
    table: FloatArray = field(repr=False)

    @classmethod
    def of(cls, before: int, after: int, costs: Mapping[tuple[Gives, Takes], Resources]) -> Link:
        """Return the link with these costs of every pair of lanes."""
        given = tuple(sorted({pair[0] for pair in costs}))
        taken = tuple(sorted({pair[1] for pair in costs}))
        rows = [[list(costs[a, b]) for b in taken] for a in given]
        return cls(before, after, given, taken, np.array(rows, dtype=np.float64))

    def cost(self, front: Point, back: Point) -> Resources:
        """Return the cost of what joins two points."""
        at = self.given.index(front.gives), self.taken.index(back.takes)
        return Resources(*self.table[at].tolist())

    def among(self, layers: Sequence[Layer]) -> Link:
        """Return the link for layers with fewer points."""
        have = {point.gives for point in layers[self.before].points}
        want = {point.takes for point in layers[self.after].points}
        rows = [at for at, lanes in enumerate(self.given) if lanes in have]
        columns = [at for at, takes in enumerate(self.taken) if takes in want]
        return Link(
            self.before,
            self.after,
            tuple(self.given[at] for at in rows),
            tuple(self.taken[at] for at in columns),
            self.table[np.ix_(rows, columns)],
        )


def steps(size: int) -> Iterator[int]:
    """Yield the lane counts for ``size`` that matter: the smallest for each number of folds.

    Factors between two of them cost more lanes for the same ``ceil(size / lanes)``.
    """
    lanes = 1
    while True:
        yield lanes
        folds = -(-size // lanes)
        if folds == 1:
            return
        lanes = -(-size // (folds - 1))
