"""The ways to build the head of a layer: fold, cycles, what it takes, lanes of its input."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from math import ceil, gcd

import numpy as np

from hwgen import timing
from hwgen.boards import Family, Resources
from hwgen.dataflow import Element
from hwgen.dataflow import units as u
from hwgen.dataflow.rows import Rows, framed, rows, taps, window_of
from hwgen.estimate import MvuFacts, mvu_facts, mvu_terms, priced, unit_cost
from hwgen.ir import Fold, Graph, Node, TensorType, ops
from hwgen.ir.folding import Memory, Style
from hwgen.ir.ops import IntArray
from hwgen.search.goal import Pin
from hwgen.search.points import Takes, steps

# Compute and memory styles that can be built, in the order in which ties are decided.
STYLES: tuple[Style, ...] = ("lut",)
MEMORIES: tuple[Memory, ...] = ("const", "lutram", "bram")
PLACE = ("", "", (), ())


@dataclass(frozen=True)
class Head:
    """One way to build the head of a layer.

    cycles, fill : as for ``Point``
    cost : of its units, without what joins it to the layer in front
    """

    fold: Fold
    cycles: int
    cost: Resources
    fill: int
    takes: Takes


@dataclass(frozen=True, eq=False)
class Layer:
    """A node and what it reads; ``window`` is the window in front of it, if there is one."""

    node: Node
    window: ops.Swu | None
    x: TensorType
    y: TensorType
    entry: bool
    family: Family

    @classmethod
    def of(cls, graph: Graph, node: Node, family: Family) -> Layer:
        """Return a node of the graph with its surroundings."""
        before = node.inputs[0]
        window = graph[before].op if before in graph else None
        window = window if isinstance(window, ops.Swu) else None
        x = graph.types[graph[before].inputs[0] if window else before]
        entry = before in {one.name for one in graph.inputs}
        return cls(node, window, x, graph.types[node.name], entry, family)


def heads(layer: Layer, pin: Pin) -> Iterator[Head]:
    """Yield every way to build a layer that the pin allows."""
    match layer.node.op:
        case ops.Mvu(weights=weights):
            yield from _matrices(layer, weights[None], pin)
        case ops.GroupedMvu(weights=weights):
            yield from _matrices(layer, weights, pin)
        case ops.Vvu():
            yield from _depthwise(layer, pin)
        case _:
            for pe in _lanes(layer, pin):
                for simd, cycles, cost in _streaming(layer, pe):
                    fold = Fold(pe=pe, simd=simd)
                    if pin.allows(fold):
                        yield Head(fold, cycles, cost, _fill(layer, cycles), (pe, False))


def _matrices(layer: Layer, weights: IntArray, pin: Pin) -> Iterator[Head]:
    groups, mh, mw = weights.shape
    x = Element.of(layer.x)
    if layer.window is not None and any(layer.window.pads):
        x = Element.of(layer.window.infer(layer.x))
    facts = mvu_facts(weights.reshape(-1, mw), x, Element.of(layer.y))
    for pe in [pin.pe] if pin.pe else steps(mh):
        unit = replace(facts, height=groups * ceil(mh / pe) * pe)
        for simd in [pin.simd] if pin.simd else _columns(layer, mw):
            folds = ceil(mh / pe)
            feed = _feed(layer, simd, folds, groups, mw)
            for style in STYLES:
                for memory in MEMORIES:
                    fold = Fold(pe=pe, simd=simd, style=style, memory=memory)
                    # A matrix that is read in one step has nothing to address.
                    once = pe >= mh and simd >= mw and groups == 1
                    if pin.allows(fold) and (memory == "const" or not once):
                        yield _matrix(layer, unit, fold, feed)


@dataclass(frozen=True)
class _Feed:
    """How vectors reach a matrix."""

    cycles: int
    cost: Resources
    takes: Takes


def _matrix(layer: Layer, facts: MvuFacts, fold: Fold, feed: _Feed) -> Head:
    made_of = mvu_terms(facts, fold.pe, fold.simd, fold.style, fold.memory, layer.family)
    cost = priced(made_of, layer.family) + feed.cost
    vector = feed.cycles // layer.y.pixels
    fill = vector + _fill(layer, feed.cycles)
    return Head(fold, feed.cycles, cost, min(fill, feed.cycles), feed.takes)


def _columns(layer: Layer, mw: int) -> Iterator[int]:
    """Yield the columns at once that matter: behind a window those that divide its rows."""
    if layer.window is None:
        yield from steps(mw)
    else:
        yield from (n for n in range(1, mw + 1) if mw % n == 0)


def _feed(layer: Layer, simd: int, folds: int, groups: int, mw: int) -> _Feed:
    words = ceil(mw / simd)
    if layer.window is None:
        cost, lane = Resources(), Element.of(layer.x)
        if folds > 1:
            twice = layer.entry or words == 1
            cost = replay(lane, simd, words, 1 + twice, layer.family, folds)
        cycles = layer.x.pixels * groups * words * folds
        return _Feed(cycles, cost, (simd, folds > 1))
    chosen = rows(layer.window, layer.x, simd, folds)
    assert chosen is not None, "single pixels reach any matrix"
    cost = _window(layer, chosen, folds)
    lane = Element.of(layer.window.infer(layer.x))
    given = chosen.lanes * (layer.window.taps if chosen.mode == "whole" else 1)
    if given != simd:
        gearbox = u.ConverterUnit(*PLACE, lane, mw, given, simd)
        cost = cost + unit_cost(gearbox, layer.family)
    if chosen.mode in ("narrow", "whole") and folds > 1:
        cost = cost + replay(lane, simd, words, 2, layer.family, folds)
    return _Feed(chosen.cycles, cost, (chosen.lanes, False))


def replay(
    lane: Element, simd: int, words: int, vectors: int, family: Family, times: int = 2
) -> Resources:
    """Return the cost of a replay with room for so many vectors."""
    unit = u.ReplayUnit(*PLACE, lane, simd, words, times, vectors * words)
    return unit_cost(unit, family)


def _window(layer: Layer, chosen: Rows, folds: int) -> Resources:
    if chosen.mode == "whole":
        return _whole(layer, chosen.lanes)
    return _taps(layer, chosen.lanes, 1 if chosen.mode == "narrow" else folds)


def _taps(layer: Layer, lanes: int, times: int = 1) -> Resources:
    """Return the cost of a window unit that gives taps one after another."""
    assert layer.window is not None
    op, x, pads = framed(layer.window, layer.x)
    window, words = window_of(op, x), ceil(x.channels / lanes)
    lane, out = Element.of(x), Element.of(op.infer(x))
    depth = _pixels_held(window) * words
    unit = u.SwuUnit(
        *PLACE,
        x=lane,
        words=words,
        lanes=lanes,
        depth=depth,
        window=window,
        y=out,
        groups=op.groups,
        times=times,
        pad_code=op.pad_code,
    )
    cost = unit_cost(unit, layer.family)
    return cost if pads is None else cost + _bits_moved(layer, lanes, x)


def _whole(layer: Layer, lanes: int) -> Resources:
    """Return the cost of line memories and shifting windows."""
    assert layer.window is not None
    op, x, _ = framed(layer.window, layer.x)
    window, words = window_of(op, x), ceil(x.channels / lanes)
    lane, out = Element.of(x), Element.of(op.infer(x))
    banks = _banks(window)
    lines = u.LinesUnit(
        *PLACE,
        window=window,
        x=lane,
        y=out,
        words=words,
        lanes=lanes,
        banks=banks,
        pad_code=op.pad_code,
    )
    shifts = u.WindowsUnit(
        *PLACE, window=window, y=out, words=words, lanes=lanes, pad_code=op.pad_code
    )
    return unit_cost(lines, layer.family) + unit_cost(shifts, layer.family)


def _pixels_held(window: timing.Window) -> int:
    """Return the pixels that a window unit stores, nearly: its reach and what a stride skips."""
    (high, wide), down = window.reach, window.stride[0]
    return min((high - 1 + down - 1) * window.width + wide, window.height * window.width)


@cache
def _banks(window: timing.Window) -> int:
    return timing.line_banks(window, 1)


def _depthwise(layer: Layer, pin: Pin) -> Iterator[Head]:
    assert isinstance(layer.node.op, ops.Vvu)
    weights = layer.node.op.weights
    channels, count = weights.shape
    x = Element.of(layer.x if layer.window is None else layer.window.infer(layer.x))
    acc = Element.of(layer.y)
    for pe in [pin.pe] if pin.pe else steps(channels):
        for simd in sorted({1, count}):
            fed = _tapped(layer, pe, simd, count)
            if fed is None:
                continue
            cycles, feed = fed
            for memory in ("const", "bram"):
                fold = Fold(pe=pe, simd=simd, memory=memory)
                if not pin.allows(fold):
                    continue
                unit = u.VvuUnit(*PLACE, weights, x, acc, pe, simd, memory)
                cost = unit_cost(unit, layer.family) + feed
                yield Head(fold, cycles, cost, _fill(layer, cycles), (pe, False))


def _tapped(layer: Layer, pe: int, simd: int, count: int) -> tuple[int, Resources] | None:
    """Return in how many cycles taps reach a unit that reduces them, and what brings them.

    None where so many cannot be brought at once.
    """
    words = ceil(layer.y.channels / pe)
    if layer.window is None:
        return (layer.y.pixels * ceil(count / simd) * words, Resources())
    chosen = taps(layer.window, layer.x, pe, simd)
    if chosen is None:
        return None
    lane = Element.of(layer.window.infer(layer.x))
    cost = _whole(layer, pe) if chosen.mode == "whole" else _taps(layer, pe)
    given = pe * (count if chosen.mode == "whole" else 1)
    if given != simd * pe:
        gearbox = u.ConverterUnit(*PLACE, lane, count * pe, given, simd * pe)
        cost = cost + unit_cost(gearbox, layer.family)
    return chosen.cycles, cost


def _lanes(layer: Layer, pin: Pin) -> Iterator[int]:
    """Yield the lanes of a layer without weights; cuts and joints need such as divide them."""
    size = layer.y.channels
    match layer.node.op:
        case ops.Slice(start=start, stop=stop):
            size = gcd(start, stop, layer.x.channels)
        case ops.DepthToSpace(mode=mode):
            size = size if mode == "DCR" else 1
        case ops.Concat():
            size = gcd(layer.x.channels, size)
        case _:
            yield from [pin.pe] if pin.pe else steps(size)
            return
    yield from [pin.pe] if pin.pe else (n for n in range(1, size + 1) if size % n == 0)


def _streaming(layer: Layer, pe: int) -> Iterator[tuple[int, int, Resources]]:
    """Yield SIMD, cycles and cost of a layer without weights, on ``pe`` lanes."""
    x, y = layer.x, layer.y
    lane, out = Element.of(x), Element.of(y)
    words = ceil(y.channels / pe)
    match layer.node.op:
        case ops.MaxPool(taps=count) | ops.SumPool(taps=count):
            yield from _pools(layer, pe, count)
            return
        case ops.Add(m_a=m_a, m_b=m_b):
            m_a, m_b = (np.resize(m, words * pe) if len(m) > 1 else m for m in (m_a, m_b))
            unit = u.AddUnit(*PLACE, m_a, m_b, lane, lane, out, words, pe)
        case ops.Slice(start=start, stop=stop):
            words = x.channels // pe
            unit = u.SliceUnit(*PLACE, lane, words, start // pe, stop // pe, pe)
        case _:
            yield 1, y.pixels * words, _bits_moved(layer, pe, y)
            return
    yield 1, y.pixels * words, unit_cost(unit, layer.family)


def _pools(layer: Layer, pe: int, count: int) -> Iterator[tuple[int, int, Resources]]:
    """Yield SIMD, cycles and cost of a pool on ``pe`` lanes: a tap, or a window at once."""
    lane, out = Element.of(layer.x), Element.of(layer.y)
    if layer.window is not None:
        lane = Element.of(layer.window.infer(layer.x))
    kind = "max" if isinstance(layer.node.op, ops.MaxPool) else "sum"
    for simd in sorted({1, count}) if layer.window is not None else (1,):
        fed = _tapped(layer, pe, simd, count)
        if fed is not None:
            words = ceil(layer.y.channels / pe)
            unit = u.PoolUnit(*PLACE, kind, count, lane, out, words, pe, simd)
            yield simd, fed[0], unit_cost(unit, layer.family) + fed[1]


def _bits_moved(layer: Layer, pe: int, y: TensorType) -> Resources:
    """Return the cost of units that only choose between words."""
    rows, cols = np.ones(1, np.bool_), np.ones(max(y.pixels, 2), np.bool_)
    words = ceil(y.channels / pe)
    lane, out = Element.of(layer.x), Element.of(y)
    cost = unit_cost(u.InsertUnit(*PLACE, rows, cols, lane, out, words, pe, 0), layer.family)
    if isinstance(layer.node.op, ops.Upsample | ops.DepthToSpace):
        width, words = layer.x.shape[-2], ceil(layer.x.channels / pe)
        line = u.UpsampleUnit(*PLACE, lane, words, pe, 2 * width * words, 1, width, (1, 1))
        cost = cost + unit_cost(line, layer.family)
    return cost


def _fill(layer: Layer, cycles: int) -> int:
    """Return the cycles from the first input to the first output of a window or of a pool."""
    if layer.window is None:
        whole = isinstance(layer.node.op, ops.SumPool | ops.MaxPool)
        return cycles if whole else 1
    window = window_of(*framed(layer.window, layer.x)[:2])
    rows_needed = window.reach[0] - 1 - window.pads[0]
    return max(1, cycles * max(rows_needed, 0) // window.height)
