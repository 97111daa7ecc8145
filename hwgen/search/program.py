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
from hwgen.search.dominance import prune
from hwgen.search.milp import Rule, beside, matrix, minimise
from hwgen.search.points import FloatArray, Layer, Link, Point

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
    scarce : the resources whose budget is asked for. A choice that is best within some of the
        budgets, and happens to meet the others, is best within all: so a program begins with none
        and adds what turns out to be exceeded, and fewer points are then worth keeping
    """

    layers: tuple[Layer, ...]
    budget: Resources
    worth: Resources
    links: tuple[Link, ...] = ()
    scarce: tuple[int, ...] = tuple(range(_KINDS))

    def price(self, cost: Resources) -> float:
        """Return the total price of ``cost``."""
        return sum(count * price for count, price in zip(cost, self.worth, strict=True))

    def choice(self, points: Sequence[Point]) -> Choice:
        """Return the choice of these points, joints included."""
        joints = Resources()
        for link in self.links:
            joints = joints + link.cost(points[link.before], points[link.after])
        return Choice(tuple(points), joints)

    @cached_property
    def intervals(self) -> list[int]:
        """Every interval that some choice has, in increasing order: the slowest layer's cycles."""
        slowest = max(int(layer.cycles.min()) for layer in self.layers)
        every = np.unique(np.concatenate([layer.cycles for layer in self.layers]))
        return [int(cycles) for cycles in every if cycles >= slowest]

    @property
    def least(self) -> Resources:
        """The least of each resource, had every one a choice of its own."""
        parts = [layer.costs for layer in self.layers]
        parts += [link.table.reshape(-1, _KINDS) for link in self.links]
        return Resources(*np.sum([part.min(axis=0) for part in parts], axis=0).tolist())

    def exceeded(self, choice: Choice) -> set[int]:
        """Return the kinds of cells of which a choice takes more than the budget."""
        return {kind for kind, most in enumerate(choice.cost.excess(self.budget)) if most > 0}

    def within(self, interval: float) -> Program | None:
        """Return the program of the points that are fast enough, None if a layer has none."""
        return self._only([layer.cycles <= interval for layer in self.layers])

    def near(self, latency: int) -> Program | None:
        """Return the program without the points that no choice of this latency can have."""
        fills = [int(layer.fills.min()) for layer in self.layers]
        rests = [layer.cycles - layer.fills for layer in self.layers]
        floor = max(int(rest.min()) for rest in rests)
        return self._only(
            [
                sum(fills) - least + layer.fills + np.maximum(rest, floor) <= latency
                for layer, least, rest in zip(self.layers, fills, rests, strict=True)
            ]
        )

    def _only(self, which: Sequence[np.ndarray]) -> Program | None:
        pairs = zip(self.layers, which, strict=True)
        layers = tuple(layer.only(np.flatnonzero(mask)) for layer, mask in pairs)
        if not all(layer.points for layer in layers):
            return None
        return self._with(layers)

    def _with(self, layers: tuple[Layer, ...]) -> Program:
        return replace(self, layers=layers, links=tuple(link.among(layers) for link in self.links))

    def slim(self, scarce: tuple[int, ...], *, speed: bool, price: bool = True) -> Program:
        """Return the program that knows these budgets only, with the points that then matter.

        speed, price : whether being faster, and being cheaper, counts
        """
        columns = [np.array(list(self.worth))] * price + [np.eye(_KINDS)[kind] for kind in scarce]
        measures = np.array(columns).reshape(-1, _KINDS).T
        slim = replace(self, scarce=scarce)
        count = 0
        while slim._points != count:  # fewer lanes on one side leave fewer on the other
            count = slim._points
            slim = slim._with(prune(slim.layers, slim.links, speed=speed, measures=measures))
        return slim

    def cheapest(self, *, most_latency: float | None = None, exact: bool = True) -> Choice | None:
        """Return the choice of least price, None if none meets the scarce budgets.

        most_latency : limit of the latency
        exact : whether any choice within the limits will do where not
        """
        return self._solve(self._prices, most_latency=most_latency, exact=exact)

    def quickest(self) -> Choice | None:
        """Return a choice of least latency, None if none meets the scarce budgets."""
        fills = np.concatenate([layer.fills for layer in self.layers]).astype(np.float64)
        return self._solve(self._padded(fills), rest_price=1.0)

    def least_excess(self) -> Choice:
        """Return the choice that exceeds the scarce budgets by the least sum of shares of them."""
        kinds = list(self.scarce)
        over = np.ones(len(kinds))
        rules = list(self._shape)
        if kinds:
            rows = beside(self._shares[kinds], -np.eye(len(kinds)))
            rules.append(Rule(rows, -np.inf, self._limits[kinds]))
        x = minimise(
            np.concatenate([self._prices * 1e-9, over]),
            rules,
            whole=self._points,
            upper=np.concatenate([np.ones(len(self._prices)), over * np.inf]),
        )
        assert x is not None, "any choice meets an unbounded excess"
        return self._chosen(x)

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

    def _solve(
        self,
        prices: FloatArray,
        *,
        rest_price: float = 0.0,
        most_latency: float | None = None,
        exact: bool = True,
    ) -> Choice | None:
        """Minimise ``prices`` plus ``rest_price`` times the longest ``cycles - fill``."""
        rules = list(self._shape)
        if self.scarce:
            scarce = list(self.scarce)
            rules.append(Rule(self._shares[scarce], -np.inf, self._limits[scarce]))
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
        x = minimise(
            np.append(prices, rest_price), rules, whole=self._points, upper=upper, exact=exact
        )
        return None if x is None else self._chosen(x)

    def _chosen(self, x: FloatArray) -> Choice:
        ends = np.cumsum([0, *(len(layer.points) for layer in self.layers)])
        return self.choice(
            [
                layer.points[int(x[start:end].argmax())]
                for layer, (start, end) in zip(self.layers, pairwise(ends), strict=True)
            ]
        )
