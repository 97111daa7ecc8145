"""The choices of a graph's layers, with cycles from their folds and costs from the estimates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import ceil

import numpy as np

from hwgen.boards import Family, Resources
from hwgen.dataflow import Element, Stream
from hwgen.dataflow import units as u
from hwgen.dataflow.delays import delays, waiting
from hwgen.dataflow.regroup import regroup
from hwgen.errors import FoldingError
from hwgen.estimate import unit_cost
from hwgen.ir import Fold, Graph, Node, ops
from hwgen.ir.folding import STREAMING
from hwgen.search import heads
from hwgen.search.dominance import prune, undominated
from hwgen.search.goal import Pin
from hwgen.search.heads import MEMORIES, STYLES
from hwgen.search.layer import PLACE as _PLACE
from hwgen.search.layer import Layer as Candidate
from hwgen.search.points import Gives, Layer, Link, Point, Takes, steps
from hwgen.search.windows import replay

# Words in the queue in front of a layer: as sized, nearly always.
_QUEUE = 2
_HEADS = (ops.Mvu, ops.GroupedMvu, ops.Vvu, *STREAMING)


@dataclass(frozen=True, eq=False)
class Group:
    """A layer that chooses its lanes, with those behind it that work on the lanes it gives.

    head : the layer with weights, the pool or join, or the thresholds or table at the input
    tail : thresholds, tables and ArgMax up to the next head
    before : for each input of the head the number of the layer that gives it, None for the
        graph's input
    """

    head: Node
    tail: tuple[Node, ...]
    before: tuple[int | None, ...]


def groups(graph: Graph) -> list[Group]:
    """Return the layers of ``graph`` in order; reshapes and windows belong to none."""
    found: list[Group] = []
    owner: dict[str, int | None] = {entry.name: None for entry in graph.inputs}
    for node in graph.nodes:
        before = tuple(owner[name] for name in node.inputs)
        first = before[0]
        if isinstance(node.op, ops.Reshape | ops.Swu):
            owner[node.name] = first
        elif isinstance(node.op, _HEADS) or first is None:
            found.append(Group(node, (), before))
            owner[node.name] = len(found) - 1
        else:
            found[first] = replace(found[first], tail=(*found[first].tail, node))
            owner[node.name] = first
    return found


def choices(
    graph: Graph, family: Family, pins: Mapping[str, Pin], budget: Resources | None = None
) -> tuple[tuple[Layer, ...], tuple[Link, ...]]:
    """Return the choices of each layer that the pins allow, and what joining the layers costs.

    budget : choices that exceed it by themselves are left out where a layer has others
    Raises ``FoldingError`` where a pin allows none.
    """
    layers: list[Layer] = []
    every = groups(graph)
    for group in every:
        pin = pins.get(group.head.name, Pin())
        points = undominated(_points(graph, group, family, pin))
        if not points:
            raise FoldingError(
                f"{group.head.name}: nothing can be built with {pin}; {_ways(group.head)}"
            )
        if budget is not None:
            points = tuple(point for point in points if point.cost.fits(budget)) or points
        layers.append(Layer.of(group.head.name, points))
    begins = delays(graph)
    links = tuple(
        _link(graph, group, port, number, layers, family, begins)
        for number, group in enumerate(every)
        for port, before in enumerate(group.before)
        if before is not None
    )
    return prune(tuple(layers), links), links


def _ways(node: Node) -> str:
    """Return how a layer can be built, in words."""
    if isinstance(node.op, ops.Vvu):
        return "it offers the style lut and the memories const and bram"
    if not isinstance(node.op, ops.Mvu | ops.GroupedMvu):
        return "it has no weights, hence neither styles nor memories"
    height, width = node.op.weights.shape[-2:]
    return (
        f"it offers the styles {', '.join(STYLES)} and the memories {', '.join(MEMORIES)}; "
        f"style=const takes the whole matrix at once, pe={height} and simd={width}, and no memory; "
        f"style=dsp needs codes and weights that a multiplier holds"
    )


def _link(
    graph: Graph,
    group: Group,
    port: int,
    number: int,
    layers: list[Layer],
    family: Family,
    begins: dict[str, float],
) -> Link:
    """Return what joins a layer to the one before it.

    A queue, a converter where needed, and the second vector of a replay that one fills slowly.
    """
    before = group.before[port]
    assert before is not None
    entry = group.head.inputs[port]
    root = entry = graph[entry].inputs[0] if isinstance(graph[entry].op, ops.Swu) else entry
    while isinstance(graph[root].op, ops.Reshape):
        root = graph[root].inputs[0]
    have, want = graph.types[root], graph.types[entry]
    if isinstance(group.head.op, ops.MaxPool | ops.SumPool) and entry == group.head.inputs[port]:
        want = replace(want, shape=(group.head.op.taps, want.channels // group.head.op.taps))
    waits = waiting(graph, group.head, begins)[port]
    given = {point.gives for point in layers[before].points}
    taken = {point.takes for point in layers[number].points}
    lane = Element.of(want)
    costs: dict[tuple[Gives, Takes], Resources] = {}
    for gives in given:
        front = Stream("", "", have, gives.lanes, m=gives.m)
        depth = _QUEUE + ceil(waits * front.transfers)
        queue = unit_cost(u.FifoUnit(*_PLACE, lane, front.codes, depth), family)
        for takes in taken:
            cost = queue
            simd, words = takes.lanes, ceil(want.channels / takes.lanes)
            parts = list(regroup(front, Stream("", "", want, simd, m=takes.m)))
            for part in parts:
                sizes = part.elements, part.lanes_in, part.lanes_out, part.m
                cost = cost + unit_cost(u.ConverterUnit(*_PLACE, lane, *sizes), family)
            if parts and takes.replays and front.codes < simd * takes.m and words > 1:
                vectors = (replay(lane, simd * takes.m, words, n, family) for n in (1, 2))
                once, twice = vectors
                cost = cost + twice + once * -1
            costs[gives, takes] = cost
    return Link.of(before, number, costs)


def _points(graph: Graph, group: Group, family: Family, pin: Pin) -> Iterator[Point]:
    if isinstance(group.head.op, _HEADS):
        tails: dict[tuple[int, int], Resources] = {}
        for head in heads.heads(Candidate.of(graph, group.head, family), pin):
            sizes = head.fold.pe, head.fold.m
            if sizes not in tails:
                tails[sizes] = _pointwise(graph, group.tail, *sizes, family)
            yield Point(head.fold, head.cycles, head.cost + tails[sizes], head.fill, head.takes)
        return
    x = graph.types[group.head.inputs[0]]
    for pe in [pin.pe] if pin.pe else steps(x.channels):
        tail = _pointwise(graph, (group.head, *group.tail), pe, 1, family)
        yield Point(Fold(pe=pe), ceil(x.channels / pe) * x.pixels, tail, fill=1)


def _pointwise(graph: Graph, nodes: tuple[Node, ...], pe: int, m: int, family: Family) -> Resources:
    """Return the cost of thresholds, tables and ArgMax on ``pe`` lanes of ``m`` pixels."""
    total = Resources()
    for node in nodes:
        x = graph.types[node.inputs[0]]
        lane, code = Element.of(x), Element.of(graph.types[node.name])
        match node.op:
            case ops.Threshold(thresholds=levels, low=low):
                levels = np.repeat(levels, m, axis=0)
                unit: u.Unit = u.ThresholdUnit(*_PLACE, levels, low, lane, code, pe * m)
            case ops.Table(values=values, first=first):
                values = values if len(values) == 1 else np.repeat(values, m, axis=0)
                unit = u.TableUnit(*_PLACE, values, first, lane, code, pe * m)
            case ops.ArgMax():
                unit = u.ArgMaxUnit(*_PLACE, x.channels, lane, code, pe)
            case ops.Affine(scale=scale, bias=bias):
                words = ceil(x.channels / pe)
                unit = u.AffineUnit(*_PLACE, scale, bias, lane, code, words, pe * m)
            case _:
                continue
        total = total + unit_cost(unit, family)
    return total
