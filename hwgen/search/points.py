"""The choices of each layer, and which of them can never be part of an optimum."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from hwgen.boards import Resources
from hwgen.ir import Fold

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Point:
    """One way to build a layer.

    cycles : its interval, in cycles per frame
    fill : cycles between its first input and the moment its output keeps pace with its input;
        what a frame's latency grows by, at most ``cycles``
    cost : what it takes, with its share of the queues and converters around it
    """

    fold: Fold
    cycles: int
    cost: Resources
    fill: int = 0


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
    """Return the points that no other point beats or equals in every respect, fastest first."""
    ordered = sorted(points, key=lambda p: (p.cycles, p.fill, *p.cost))
    rows = np.array([(p.cycles, p.fill, *p.cost) for p in ordered], dtype=np.float64)
    kept = np.empty_like(rows)
    found: list[Point] = []
    for point, row in zip(ordered, rows, strict=True):
        front = kept[: len(found)]
        if not (front <= row).all(axis=1).any():
            kept[len(found)] = row
            found.append(point)
    return tuple(found)
