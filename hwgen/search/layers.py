"""The choices of a graph's layers, with cycles from their folds and costs from the estimates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import ceil

from hwgen.boards import Family, Resources
from hwgen.dataflow import Element, Stream
from hwgen.dataflow import units as u
from hwgen.errors import FoldingError
from hwgen.estimate import MvuFacts, mvu_facts, mvu_terms, priced, unit_cost
from hwgen.ir import Fold, Graph, Node, ops
from hwgen.ir.folding import Memory, Style
from hwgen.search.goal import Pin
from hwgen.search.points import Layer, Link, Point, Takes, prune, steps, undominated

# Compute and memory styles that can be built, in the order in which ties are decided.
STYLES: tuple[Style, ...] = ("lut",)
MEMORIES: tuple[Memory, ...] = ("const", "lutram", "bram")
_PLACE = ("", "", (), ())
# Words in the queue in front of a layer: as sized, nearly always.
_QUEUE = 2


@dataclass(frozen=True, eq=False)
class Group:
    """A layer that chooses its lanes, with those behind it that work on the lanes it gives.

    head : the matrix layer, or the thresholds or table at the input
    tail : thresholds, tables and ArgMax up to the next head
    before : number of the layer whose tensor the head reads, None for the graph's input
    """

    head: Node
    tail: tuple[Node, ...]
    before: int | None


def groups(graph: Graph) -> list[Group]:
    """Return the layers of ``graph`` in order; reshapes belong to none."""
    found: list[Group] = []
    owner: dict[str, int | None] = {entry.name: None for entry in graph.inputs}
    for node in graph.nodes:
        before = owner[node.inputs[0]]
        if isinstance(node.op, ops.Reshape):
            owner[node.name] = before
            continue
        if isinstance(node.op, ops.Mvu) or before is None:
            found.append(Group(node, (), before))
            owner[node.name] = len(found) - 1
        else:
            found[before] = replace(found[before], tail=(*found[before].tail, node))
            owner[node.name] = before
    return found


def choices(
    graph: Graph, family: Family, pins: Mapping[str, Pin]
) -> tuple[tuple[Layer, ...], tuple[Link, ...]]:
    """Return the choices of each layer that the pins allow, and what joining the layers costs.

    Raises ``FoldingError`` where a pin allows none.
    """
    layers: list[Layer] = []
    every = groups(graph)
    for group in every:
        pin = pins.get(group.head.name, Pin())
        points = undominated(_points(graph, group, family, pin))
        if not points:
            raise FoldingError(
                f"{group.head.name}: nothing can be built with {pin}; it offers the styles "
                f"{', '.join(STYLES)} and the memories {', '.join(MEMORIES)}"
            )
        layers.append(Layer(group.head.name, points))
    links = tuple(
        _link(graph, group, number, layers, family)
        for number, group in enumerate(every)
        if group.before is not None
    )
    return prune(tuple(layers), links), links


def _link(graph: Graph, group: Group, number: int, layers: list[Layer], family: Family) -> Link:
    """Return what joins a layer to the one before it.

    A queue, a converter where needed, and the second vector of a replay that one fills slowly.
    """
    assert group.before is not None
    root = group.head.inputs[0]
    while isinstance(graph[root].op, ops.Reshape):
        root = graph[root].inputs[0]
    have, want = graph.types[root], graph.types[group.head.inputs[0]]
    given = {point.gives for point in layers[group.before].points}
    taken = {point.takes for point in layers[number].points}
    lane = Element.of(want)
    costs: dict[tuple[int, Takes], Resources] = {}
    for pe in given:
        queue = unit_cost(u.FifoUnit(*_PLACE, lane, pe, _QUEUE), family)
        for simd, replays in taken:
            cost = queue
            if not Stream("", "", have, pe).same_layout(Stream("", "", want, simd)):
                gearbox = u.ConverterUnit(*_PLACE, lane, want.channels, pe, simd)
                cost = cost + unit_cost(gearbox, family)
                words = ceil(want.channels / simd)
                if replays and pe < simd and words > 1:
                    once, twice = (_replay(lane, simd, words, n, family) for n in (1, 2))
                    cost = cost + twice + once * -1
            costs[pe, (simd, replays)] = cost
    return Link(group.before, number, costs)


def _points(graph: Graph, group: Group, family: Family, pin: Pin) -> Iterator[Point]:
    x = graph.types[group.head.inputs[0]]
    if isinstance(group.head.op, ops.Mvu):
        y = graph.types[group.head.name]
        facts = mvu_facts(group.head.op.weights, Element.of(x), Element.of(y))
        for fold in _mvu_folds(group.head.op, pin):
            yield _mvu_point(graph, group, facts, fold, family)
    else:
        for pe in [pin.pe] if pin.pe else steps(x.channels):
            fold = Fold(pe=pe)
            tail = _pointwise(graph, (group.head, *group.tail), pe, family)
            yield Point(fold, ceil(x.channels / pe) * x.pixels, tail, fill=1)


def _mvu_folds(op: ops.Mvu, pin: Pin) -> Iterator[Fold]:
    mh, mw = op.weights.shape
    for pe in [pin.pe] if pin.pe else steps(mh):
        for simd in [pin.simd] if pin.simd else steps(mw):
            for style in STYLES:
                for memory in MEMORIES:
                    fold = Fold(pe=pe, simd=simd, style=style, memory=memory)
                    # A matrix that is read in one step has nothing to address.
                    once = pe >= mh and simd >= mw
                    if pin.allows(fold) and (memory == "const" or not once):
                        yield fold


def _mvu_point(graph: Graph, group: Group, facts: MvuFacts, fold: Fold, family: Family) -> Point:
    x = graph.types[group.head.inputs[0]]
    words, times = ceil(facts.width / fold.simd), ceil(facts.height / fold.pe)
    made_of = mvu_terms(facts, fold.pe, fold.simd, fold.style, fold.memory, family)
    cost = priced(made_of, family) + _pointwise(graph, group.tail, fold.pe, family)
    lane = Element.of(x)
    if times > 1:
        twice = group.before is None or words == 1
        cost = cost + _replay(lane, fold.simd, words, 1 + twice, family, times)
    vector = words * times
    return Point(fold, vector * x.pixels, cost, fill=vector, takes=(fold.simd, times > 1))


def _replay(
    lane: Element, simd: int, words: int, vectors: int, family: Family, times: int = 2
) -> Resources:
    """Return the cost of a replay with room for so many vectors."""
    unit = u.ReplayUnit(*_PLACE, lane, simd, words, times, vectors * words)
    return unit_cost(unit, family)


def _pointwise(graph: Graph, nodes: tuple[Node, ...], pe: int, family: Family) -> Resources:
    """Return the cost of thresholds, tables and ArgMax on ``pe`` lanes."""
    total = Resources()
    for node in nodes:
        x = graph.types[node.inputs[0]]
        lane, code = Element.of(x), Element.of(graph.types[node.name])
        match node.op:
            case ops.Threshold(thresholds=levels, low=low):
                unit: u.Unit = u.ThresholdUnit(*_PLACE, levels, low, lane, code, pe)
            case ops.Table(values=values, first=first):
                unit = u.TableUnit(*_PLACE, values, first, lane, code, pe)
            case ops.ArgMax():
                unit = u.ArgMaxUnit(*_PLACE, x.channels, lane, code, pe)
            case _:
                continue
        total = total + unit_cost(unit, family)
    return total
