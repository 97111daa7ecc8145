"""The integer program: one point for each layer, within a budget, at least cost.

A link's cost depends on the lanes in front and behind. It enters as a flow: one unit goes from the
lanes that the layer in front gives to those that the layer behind takes, at the price of that pair.
With whole points the flow is whole, so only the points need to be integers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
from scipy.sparse import csr_array

from hwgen.boards import Resources
from hwgen.search.milp import Rule, beside, matrix, minimise
from hwgen.search.points import FloatArray, Layer, Link, Point, prune

_KINDS = 4  # LUT, FF, BRAM36, DSP


@dataclass(frozen=True)
class Choice:
    """One point for each layer, in the layers' order.

    joints : what joins the layers
    """

    points: tuple[Point, ...]
    joints: Resources = field(default_factory=Resources)

    @property
    def interval(self) -> int:
        """Cycles between frames: those of the slowest layer."""
        return max(point.cycles for point in self.points)

    @property
    def latency(self) -> int:
        """Cycles of one frame: the fills of all layers, then what the slowest has left."""
        rest = max(point.cycles - point.fill for point in self.points)
        return sum(point.fill for point in self.points) + rest

    @property
    def cost(self) -> Resources:
        """What all layers and joints take together."""
        return sum((point.cost for point in self.points), self.joints)


@dataclass(frozen=True)
class Program:
    """The layers, what they may take together, and what a cell of each kind is worth.

    budget : most of each resource
    worth : price of one LUT, FF, BRAM36 and DSP, for comparing choices of equal speed
    """

    layers: tuple[Layer, ...]
    budget: Resources
    worth: Resources
    links: tuple[Link, ...] = ()

    def price(self, cost: Resources) -> float:
        """Return the total price of ``cost``."""
        return sum(count * price for count, price in zip(cost, self.worth, strict=True))

    def choice(self, points: Sequence[Point]) -> Choice:
        """Return the choice of these points, joints included."""
        joints = Resources()
        for link in self.links:
            pair = points[link.before].gives, points[link.after].takes
            joints = joints + link.costs[pair]
        return Choice(tuple(points), joints)

    @cached_property
    def intervals(self) -> list[int]:
        """Every interval that some choice has, in increasing order: the slowest layer's cycles."""
        slowest = max(int(layer.cycles.min()) for layer in self.layers)
        every = np.unique(np.concatenate([layer.cycles for layer in self.layers]))
        return [int(cycles) for cycles in every if cycles >= slowest]

    def cheapest(self, interval: float) -> Choice | None:
        """Return the choice of least price with every layer's cycles within ``interval``.

        None if no choice meets the budget.
        """
        quick = self._within(interval)
        if quick is None:
            return None
        easy = quick.separately()
        if not self.links and easy.cost.fits(self.budget):
            return easy
        return quick._solve(quick._prices)

    def fastest(self, least: float = 0) -> Choice | None:
        """Return the cheapest choice of the shortest interval that meets the budget.

        least : an interval below this is worth nothing. None where no choice meets the budget.
        """
        candidates = sorted({max(cycles, least) for cycles in self.intervals})
        low, high = 0, len(candidates)
        while low < high:  # whether an interval can be met is monotone
            middle = (low + high) // 2
            if self._feasible(candidates[middle]):
                high = middle
            else:
                low = middle + 1
        return self.cheapest(candidates[low]) if low < len(candidates) else None

    def quickest(self) -> Choice | None:
        """Return the choice of least latency; among these the cheapest. None over the budget."""
        fills = np.concatenate([layer.fills for layer in self.layers]).astype(np.float64)
        best = self._solve(self._padded(fills), rest_price=1.0)
        if best is None:
            return None
        return self._solve(self._prices, most_latency=best.latency) or best

    def least_excess(self) -> Choice:
        """Return the choice that exceeds the budget by the least sum of shares of it."""
        columns = len(self._prices)
        x = minimise(
            np.concatenate([self._prices * 1e-9, np.ones(_KINDS)]),
            [Rule(beside(self._shares, -np.eye(_KINDS)), -np.inf, self._limits), *self._shape],
            whole=self._points,
            upper=np.concatenate([np.ones(columns), np.full(_KINDS, np.inf)]),
        )
        assert x is not None, "any choice meets an unbounded excess"
        return self._chosen(x)

    def front(self, most: int = 24) -> list[Choice]:
        """Return cheapest choices for up to ``most`` intervals from slow to fast.

        The intervals are spread evenly in their logarithm between the slowest that still saves
        anything and the fastest that meets the budget; both of these are included.
        """
        if not most:
            return []
        fastest, slowest = self.fastest(), self.cheapest(np.inf)
        if fastest is None or slowest is None:
            return []
        ends = fastest.interval, slowest.interval
        wanted = np.geomspace(*ends, most) if ends[0] < ends[1] else [ends[0]]
        known = np.array(self.intervals)
        found: list[Choice] = []
        for goal in sorted(wanted, reverse=True):
            at = int(np.searchsorted(known, round(goal), side="right")) - 1
            choice = self.cheapest(int(known[max(at, 0)]))
            if choice is not None and all(choice.interval < old.interval for old in found):
                found.append(choice)
        return found

    @cached_property
    def _points(self) -> int:
        return sum(len(layer.points) for layer in self.layers)

    @cached_property
    def _costs(self) -> FloatArray:
        """Costs of the columns: all points, then all pairs of each link; shape (columns, 4)."""
        parts = [layer.costs for layer in self.layers]
        return np.concatenate([*parts, *(link.table.reshape(-1, _KINDS) for link in self.links)])

    @cached_property
    def _prices(self) -> FloatArray:
        return self._costs @ np.array(list(self.worth))

    @cached_property
    def _scale(self) -> FloatArray:
        return np.maximum(np.array(list(self.budget)), 1.0)

    @cached_property
    def _limits(self) -> FloatArray:
        return np.array(list(self.budget)) / self._scale

    @cached_property
    def _shares(self) -> csr_array:
        """Costs as shares of the budget, shape (4, columns): conditions the program well."""
        return matrix((self._costs / self._scale).T)

    @cached_property
    def _one_each(self) -> csr_array:
        sizes = [len(layer.points) for layer in self.layers]
        return matrix(np.repeat(np.eye(len(sizes)), sizes, axis=1))

    @cached_property
    def _shape(self) -> list[Rule]:
        """One point for each layer; flows that agree with the points on both sides."""
        rules = [Rule(self._one_each, 1, 1)]
        starts = np.cumsum([0, *(len(layer.points) for layer in self.layers)])
        column = self._points
        for link in self.links:
            given, taken = len(link.given), len(link.taken)
            front = np.zeros((given, column + given * taken))
            back = np.zeros((taken, column + given * taken))
            lanes = {lane: at for at, lane in enumerate(link.given)}
            takes = {lane: at for at, lane in enumerate(link.taken)}
            for index, point in enumerate(self.layers[link.before].points):
                front[lanes[point.gives], starts[link.before] + index] = -1
            for index, point in enumerate(self.layers[link.after].points):
                back[takes[point.takes], starts[link.after] + index] = -1
            front[:, column:] = np.repeat(np.eye(given), taken, axis=1)
            back[:, column:] = np.tile(np.eye(taken), given)
            rules += [Rule(matrix(front), 0, 0), Rule(matrix(back), 0, 0)]
            column += given * taken
        return rules

    def _padded(self, values: FloatArray) -> FloatArray:
        """Return values of the points as values of all columns."""
        return np.concatenate([values, np.zeros(len(self._prices) - len(values))])

    def _within(self, interval: float) -> Program | None:
        """Return the program of the points that are fast enough, None if a layer has none."""
        layers = [
            Layer(layer.name, tuple(p for p in layer.points if p.cycles <= interval))
            for layer in self.layers
        ]
        if not all(layer.points for layer in layers):
            return None
        links = [link.among(layers) for link in self.links]
        slim = prune(layers, links, speed=False)
        joints = tuple(link.among(slim) for link in links)
        return replace(self, layers=slim, links=joints)

    def _feasible(self, interval: float) -> bool:
        quick = self._within(interval)
        if quick is None:
            return False
        if quick.separately().cost.fits(self.budget):
            return True
        return quick._solve(np.zeros_like(quick._prices)) is not None

    def separately(self) -> Choice:
        """Return the cheapest point of each layer by itself."""
        worth = np.array(list(self.worth))
        cheapest = (layer.points[int((layer.costs @ worth).argmin())] for layer in self.layers)
        return self.choice(list(cheapest))

    def _solve(
        self,
        prices: FloatArray,
        *,
        rest_price: float = 0.0,
        most_latency: float | None = None,
    ) -> Choice | None:
        """Minimise ``prices`` plus ``rest_price`` times the longest ``cycles - fill``."""
        rules = [Rule(self._shares, -np.inf, self._limits), *self._shape]
        columns = len(prices)
        if rest_price or most_latency is not None:
            rest = np.concatenate([layer.cycles - layer.fills for layer in self.layers])
            longest = self._one_each.multiply(rest.reshape(1, -1))
            spare = np.zeros((len(self.layers), columns - self._points))
            column = -np.ones((len(self.layers), 1))
            rules.append(Rule(beside(longest, spare, column), -np.inf, 0))
        if most_latency is not None:
            fills = np.concatenate([layer.fills for layer in self.layers]).astype(np.float64)
            rules.append(Rule(matrix([np.append(self._padded(fills), 1.0)]), -np.inf, most_latency))
        upper = np.append(np.ones(columns), np.inf)
        x = minimise(np.append(prices, rest_price), rules, whole=self._points, upper=upper)
        return None if x is None else self._chosen(x)

    def _chosen(self, x: FloatArray) -> Choice:
        ends = np.cumsum([0, *(len(layer.points) for layer in self.layers)])
        return self.choice(
            [
                layer.points[int(x[start:end].argmax())]
                for layer, (start, end) in zip(self.layers, pairwise(ends), strict=True)
            ]
        )
