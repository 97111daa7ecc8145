"""Which points of a layer can never be in an optimum, whatever the other layers choose."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

import numba
import numpy as np

from hwgen.search.points import FloatArray, Gives, IndexArray, Layer, Link, Point, Takes


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
    layers: Sequence[Layer],
    links: Sequence[Link],
    *,
    speed: bool = True,
    measures: FloatArray | None = None,
) -> tuple[Layer, ...]:
    """Return the layers without points that another beats whatever its neighbours choose.

    speed : whether being faster counts; not so where all points are fast enough
    measures : (4, n), the sums of resources that count; each of them by itself where not given
    """
    counted = np.eye(4) if measures is None else measures
    return tuple(
        _Rivals(number, layer, links, speed, counted).unbeaten()
        for number, layer in enumerate(layers)
    )


class _Rivals:
    """The points of one layer, and what each choice of lanes costs its neighbours."""

    def __init__(
        self,
        number: int,
        layer: Layer,
        links: Sequence[Link],
        speed: bool,
        measures: FloatArray,
    ) -> None:
        self.layer = layer
        pace = np.stack([layer.cycles, layer.fills], axis=1).astype(np.float64)
        self.values = np.hstack([pace if speed else pace[:, :0], layer.costs @ measures])
        self.first = 2 * speed  # column of the first cost
        # For each link its table, this layer's lanes first, and the row of each point.
        self.sides: list[tuple[FloatArray, IndexArray]] = []
        for link in links:
            table = link.table @ measures
            if link.before == number:
                lanes = {gives: at for at, gives in enumerate(link.given)}
                rows = np.array([lanes[point.gives] for point in layer.points])
                self.sides.append((table, rows))
            if link.after == number:
                place = {takes: at for at, takes in enumerate(link.taken)}
                rows = np.array([place[point.takes] for point in layer.points])
                self.sides.append((table.swapaxes(0, 1), rows))

    def unbeaten(self) -> Layer:
        """Return the layer with the points that no other beats.

        One beats another if it does so in every respect and beside every neighbour, hence also in
        the sum of all respects with average neighbours: in that order a point meets those that
        could beat it first. Beating is transitive, so only what was kept needs to be looked at.
        """
        rank = self.values.sum(axis=1)
        for table, rows in self.sides:
            rank += table.mean(axis=1).sum(axis=1)[rows]
        most = max((len(table) for table, _ in self.sides), default=0)
        excess = np.zeros((len(self.sides), most, most, self.values.shape[1] - self.first))
        for number, (table, _) in enumerate(self.sides):
            excess[number, : len(table), : len(table)] = _excess(table)
        rows = np.zeros((len(self.sides), len(rank)), dtype=np.intp)
        for number, (_, row) in enumerate(self.sides):
            rows[number] = row
        order = np.argsort(rank, kind="stable")
        kept = _kept(order, self.values, self.first, excess, rows)
        return self.layer.only(np.sort(kept))


def _excess(table: FloatArray) -> FloatArray:
    """Return by how much row ``a`` of a table exceeds row ``b`` at most, shape (rows, rows, n)."""
    return np.stack([(table - row).max(axis=1) for row in table], axis=1)


@numba.njit(cache=True)
def _kept(
    order: IndexArray, values: FloatArray, first: int, excess: FloatArray, rows: IndexArray
) -> IndexArray:  # pragma: no cover - compiled
    """Return the points, in order, that none kept before them beats.

    values : (points, columns), costs from column ``first`` on
    excess : (sides, rows, rows, costs), what the first row costs more than the second at most
    rows : (sides, points)
    """
    kept = np.empty(len(order), order.dtype)
    count = 0
    for index in order:
        beaten = False
        for at in range(count):
            rival = kept[at]
            beaten = True
            for column in range(values.shape[1]):
                value = values[rival, column]
                if column >= first:
                    for side in range(len(rows)):
                        pair = excess[side, rows[side, rival], rows[side, index]]
                        value += pair[column - first]
                if value > values[index, column]:
                    beaten = False
                    break
            if beaten:
                break
        if not beaten:
            kept[count] = index
            count += 1
    return kept[:count]
