"""The choices of a graph's layers, with cycles from their folds and costs from the estimates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil

from hwgen.boards import Family, Resources
from hwgen.dataflow import Element
from hwgen.dataflow import units as u
from hwgen.errors import FoldingError
from hwgen.estimate import unit_cost
from hwgen.ir import Fold, Graph, Node, TensorType, ops
from hwgen.ir.folding import Memory, Style
from hwgen.search.goal import Pin
from hwgen.search.points import Layer, Point, steps, undominated

# Compute and memory styles that can be built, in the order in which ties are decided.
STYLES: tuple[Style, ...] = ("lut",)
MEMORIES: tuple[Memory, ...] = ("const", "lutram", "bram")
_PLACE = ("", "", (), ())
# Words in the queue in front of a layer before it is sized.
_QUEUE = 2


@dataclass(frozen=True, eq=False)
class Group:
    """A layer that chooses its lanes, with those behind it that work on the lanes it gives.

    head : the matrix layer, or the thresholds or table at the input
    tail : thresholds, tables and ArgMax up to the next head
    entry : whether the head reads the graph's input, so that nothing stands in front of it
    """

    head: Node
    tail: tuple[Node, ...]
    entry: bool


def groups(graph: Graph) -> list[Group]:
    """Return the layers of ``graph`` in order; reshapes belong to none."""
    found: list[Group] = []
    entering = {entry.name for entry in graph.inputs}
    for node in graph.nodes:
        entry = node.inputs[0] in entering
        if isinstance(node.op, ops.Reshape):
            if entry:
                entering.add(node.name)
        elif isinstance(node.op, ops.Mvu) or entry:
            found.append(Group(node, (), entry))
        else:
            last = found[-1]
            found[-1] = Group(last.head, (*last.tail, node), last.entry)
    return found


def layers(graph: Graph, family: Family, pins: Mapping[str, Pin]) -> tuple[Layer, ...]:
    """Return the undominated choices of each layer that the pins allow.

    Raises ``FoldingError`` where a pin allows none.
    """
    found: list[Layer] = []
    for group in groups(graph):
        pin = pins.get(group.head.name, Pin())
        points = undominated(_points(graph, group, family, pin))
        if not points:
            raise FoldingError(
                f"{group.head.name}: nothing can be built with {pin}; it offers the styles "
                f"{', '.join(STYLES)} and the memories {', '.join(MEMORIES)}"
            )
        found.append(Layer(group.head.name, points))
    return tuple(found)


def _points(graph: Graph, group: Group, family: Family, pin: Pin) -> Iterator[Point]:
    x = graph.types[group.head.inputs[0]]
    if isinstance(group.head.op, ops.Mvu):
        for fold in _mvu_folds(group.head.op, pin):
            yield _mvu_point(graph, group, x, fold, family)
    else:
        for pe in [pin.pe] if pin.pe else steps(x.channels):
            fold = Fold(pe=pe)
            tail = _pointwise(graph, (group.head, *group.tail), pe, family)
            yield Point(fold, ceil(x.channels / pe) * x.pixels, _whole(tail), fill=1)


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


def _mvu_point(graph: Graph, group: Group, x: TensorType, fold: Fold, family: Family) -> Point:
    op = group.head.op
    assert isinstance(op, ops.Mvu)
    mh, mw = op.weights.shape
    words, times = ceil(mw / fold.simd), ceil(mh / fold.pe)
    lane = Element.of(x)
    acc = Element.of(graph.types[group.head.name])
    unit = u.MvuUnit(*_PLACE, op.weights, lane, acc, fold.pe, fold.simd, fold.style, fold.memory)
    cost = unit_cost(unit, family) + _pointwise(graph, group.tail, fold.pe, family)
    if times > 1:
        replay = u.ReplayUnit(*_PLACE, lane, fold.simd, words, times, 2 * words)
        cost = cost + unit_cost(replay, family)
    if not group.entry:
        queue = u.FifoUnit(*_PLACE, lane, fold.simd, _QUEUE)
        gearbox = u.ConverterUnit(*_PLACE, lane, mw, max(1, fold.simd // 2), fold.simd)
        cost = cost + unit_cost(queue, family) + unit_cost(gearbox, family)
    vector = words * times
    return Point(fold, vector * x.pixels, _whole(cost), fill=vector)


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


def _whole(cost: Resources) -> Resources:
    """Round LUTs and flip-flops up to whole cells, which keeps the program exact."""
    return Resources(ceil(cost.lut), ceil(cost.ff), cost.bram36, ceil(cost.dsp))
