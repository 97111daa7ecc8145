"""The choices of each layer, what joining them costs, and which can never be in an optimum."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby, product
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hwgen.boards import Resources
from hwgen.ir import Fold

FloatArray = npt.NDArray[np.float64]


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


@dataclass(frozen=True)
class Layer:
    """A layer of the network and its choices, at least one."""

    name: str
    points: tuple[Point, ...]

    @cached_property
    def cycles(self) -> npt.NDArray[np.int64]:
        """The interval of each point."""
        return np.array([point.cycles for point in self.points], dtype=np.int64)

    @cached_property
    def fills(self) -> npt.NDArray[np.int64]:
        """The fill of each point."""
        return np.array([point.fill for point in self.points], dtype=np.int64)

    @cached_property
    def costs(self) -> FloatArray:
        """The cost of each point, shape (points, 4): LUT, FF, BRAM36, DSP."""
        return np.array([list(point.cost) for point in self.points], dtype=np.float64)


@dataclass(frozen=True)
class Link:
    """A stream from one layer to another.

    before, after : numbers of the layers
    costs : what joins them, by what a point in front ``gives`` and one behind ``takes``
    """

    before: int
    after: int
    costs: Mapping[tuple[Gives, Takes], Resources] = field(repr=False)

    @cached_property
    def given(self) -> list[Gives]:
        """What the layer in front may give."""
        return sorted({pair[0] for pair in self.costs})

    @cached_property
    def taken(self) -> list[Takes]:
        """What the layer behind may take."""
        return sorted({pair[1] for pair in self.costs})

    @cached_property
    def table(self) -> FloatArray:
        """The costs, shape (given, taken, 4)."""
        rows = [[list(self.costs[a, b]) for b in self.taken] for a in self.given]
        return np.array(rows, dtype=np.float64)

    def among(self, layers: Sequence[Layer]) -> Link:
        """Return the link for layers with fewer points."""
        given = {point.gives for point in layers[self.before].points}
        taken = {point.takes for point in layers[self.after].points}
        pairs = product(given, taken)
        return Link(self.before, self.after, {pair: self.costs[pair] for pair in pairs})


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


def undominated(points: Iterable[Point]) -> tuple[Point, ...]:
    """Return the points that no other of the same lanes beats or equals in every respect."""

    def lanes(point: Point) -> tuple[Gives, Takes]:
        return point.gives, point.takes

    found: list[Point] = []
    for _, group in groupby(sorted(points, key=lanes), key=lanes):
        alike = sorted(group, key=lambda p: (p.cycles, p.fill, *p.cost))
        kept: list[Point] = []
        for point in alike:
            if not any(_beats(other, point) for other in kept):
                kept.append(point)
        found += kept
    return tuple(found)


def _beats(one: Point, other: Point) -> bool:
    pairs = zip(one.cost, other.cost, strict=True)
    return one.cycles <= other.cycles and one.fill <= other.fill and all(a <= b for a, b in pairs)


def prune(
    layers: Sequence[Layer], links: Sequence[Link], *, speed: bool = True
) -> tuple[Layer, ...]:
    """Return the layers without points that another beats whatever its neighbours choose.

    The other is charged its dearest joints, the point itself its cheapest ones.

    speed : whether being faster counts; not so where all points are fast enough
    """
    found: list[Layer] = []
    for number, layer in enumerate(layers):
        least, most = layer.costs.copy(), layer.costs.copy()
        for link in links:
            if link.before == number:
                index = {lanes: at for at, lanes in enumerate(link.given)}
                at = [index[point.gives] for point in layer.points]
                least += link.table.min(axis=1)[at]
                most += link.table.max(axis=1)[at]
            if link.after == number:
                order = {lanes: at for at, lanes in enumerate(link.taken)}
                at = [order[point.takes] for point in layer.points]
                least += link.table.min(axis=0)[at]
                most += link.table.max(axis=0)[at]
        found.append(Layer(layer.name, _unbeaten(layer, least, most, speed)))
    return tuple(found)


def _unbeaten(layer: Layer, least: FloatArray, most: FloatArray, speed: bool) -> tuple[Point, ...]:
    """Return the points whose ``least`` cost no other one's ``most`` undercuts."""
    pace = np.stack([layer.cycles, layer.fills], axis=1).astype(np.float64) * speed
    floor, ceiling = np.hstack([pace, least]), np.hstack([pace, most])
    front = np.empty_like(ceiling)
    kept: list[Point] = []
    for index in np.lexsort(ceiling.T[::-1]):
        if not (front[: len(kept)] <= floor[index]).all(axis=1).any():
            front[len(kept)] = ceiling[index]
            kept.append(layer.points[index])
    return tuple(kept)
