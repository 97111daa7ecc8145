"""The ways to build layers that treat every channel by itself: depthwise, pools, joins, moves."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, gcd

import numpy as np

from hwgen.boards import Resources
from hwgen.dataflow import Element
from hwgen.dataflow import units as u
from hwgen.dataflow.rows import taps
from hwgen.estimate import unit_cost
from hwgen.ir import Fold, ops
from hwgen.search.goal import Pin
from hwgen.search.layer import PLACE, Head, Layer, fill_cycles, pixels_at_once, transfers
from hwgen.search.points import Takes, steps
from hwgen.search.windows import moving_cost, taps_cost, whole_cost


def depthwise(layer: Layer, pin: Pin) -> Iterator[Head]:
    """Yield every way to build a depthwise product that the pin allows."""
    assert isinstance(layer.node.op, ops.Vvu)
    weights = layer.node.op.weights
    channels, count = weights.shape
    x = Element.of(layer.x if layer.window is None else layer.window.infer(layer.x))
    acc = Element.of(layer.y)
    for pe in [pin.pe] if pin.pe else steps(channels):
        for simd, m in _at_once(layer, pin, pe, count):
            fed = _tapped(layer, pe, simd, count, m)
            if fed is None:
                continue
            cycles, feed, takes = fed
            for memory in ("const", "bram"):
                fold = Fold(pe=pe, simd=simd, m=m, memory=memory)
                if not pin.allows(fold):
                    continue
                unit = u.VvuUnit(*PLACE, weights, x, acc, pe, simd, memory, m)
                cost = unit_cost(unit, layer.family) + feed
                yield Head(fold, cycles, cost, fill_cycles(layer, cycles), takes)


def streaming(layer: Layer, pin: Pin) -> Iterator[Head]:
    """Yield every way to build a layer without weights that the pin allows."""
    for pe in _lanes(layer, pin):
        for fold, cycles, cost, takes in _streaming(layer, pin, pe):
            if pin.allows(fold):
                yield Head(fold, cycles, cost, fill_cycles(layer, cycles), takes)


def _at_once(layer: Layer, pin: Pin, pe: int, count: int) -> Iterator[tuple[int, int]]:
    """Yield the taps and pixels at once that are worth trying."""
    for simd in sorted({1, count, pin.simd or 1}):
        unfolded = pe == layer.y.channels and simd == count and layer.window is not None
        for m in pixels_at_once(layer, pin, unfolded=unfolded):
            yield simd, m


def _tapped(
    layer: Layer, pe: int, simd: int, count: int, m: int
) -> tuple[int, Resources, Takes] | None:
    """Return in how many cycles taps reach a unit that reduces them, and what brings them.

    None where so many cannot be brought at once.
    """
    words = ceil(layer.y.channels / pe)
    if layer.window is None:
        if m > 1 and count > 1:
            return None
        cycles = transfers(layer.y, m) * ceil(count / simd) * words
        return cycles, Resources(), Takes(pe, m=m if count == 1 else simd)
    chosen = taps(layer.window, layer.x, pe, simd, m)
    if chosen is None:
        return None
    lane = Element.of(layer.window.infer(layer.x))
    whole = chosen.mode == "whole"
    cost = whole_cost(layer, chosen.lanes, chosen.across, m) if whole else taps_cost(layer, pe)
    given = chosen.lanes * (count if whole else 1)
    if given != simd * pe:
        gearbox = u.ConverterUnit(*PLACE, lane, count * chosen.lanes, given, simd * pe, m)
        cost = cost + unit_cost(gearbox, layer.family)
    return chosen.cycles, cost, Takes(chosen.lanes, m=chosen.across)


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


_Way = tuple[Fold, int, Resources, Takes]


def _streaming(layer: Layer, pin: Pin, pe: int) -> Iterator[_Way]:
    """Yield fold, cycles, cost and what it takes of a layer without weights, on ``pe`` lanes."""
    y, op = layer.y, layer.node.op
    words = ceil(y.channels / pe)
    if isinstance(op, ops.MaxPool | ops.SumPool):
        yield from _pools(layer, pin, pe, op.taps)
        return
    if isinstance(op, ops.Add | ops.Concat | ops.Slice):
        for m in pixels_at_once(layer, pin, unfolded=pe == y.channels):
            cost = unit_cost(_join(layer, pe, m, words), layer.family)
            read = layer.x.channels // pe if isinstance(op, ops.Slice) else words
            yield Fold(pe=pe, m=m), transfers(y, m) * read, cost, Takes(pe, m=m)
        return
    yield Fold(pe=pe), y.pixels * words, moving_cost(layer, pe, y), Takes(pe)


def _join(layer: Layer, pe: int, m: int, words: int) -> u.Unit:
    """Return the unit of a sum, a cut or a joint of ``m`` pixels at once."""
    lane, out, lanes = Element.of(layer.x), Element.of(layer.y), m * pe
    match layer.node.op:
        case ops.Add(m_a=m_a, m_b=m_b):
            m_a, m_b = (np.resize(f, words * lanes) if len(f) > 1 else f for f in (m_a, m_b))
            return u.AddUnit(*PLACE, m_a, m_b, lane, lane, out, words, lanes)
        case ops.Slice(start=start, stop=stop):
            read = layer.x.channels // pe
            return u.SliceUnit(*PLACE, lane, read, start // pe, stop // pe, lanes)
        case _:
            first = layer.x.channels // pe
            return u.ConcatUnit(*PLACE, (first, words - first), (lane, lane), out, lanes)


def _pools(layer: Layer, pin: Pin, pe: int, count: int) -> Iterator[_Way]:
    """Yield the ways to build a pool on ``pe`` lanes: a tap, or a window at once."""
    lane, out = Element.of(layer.x), Element.of(layer.y)
    if layer.window is not None:
        lane = Element.of(layer.window.infer(layer.x))
    kind = "max" if isinstance(layer.node.op, ops.MaxPool) else "sum"
    words = ceil(layer.y.channels / pe)
    for simd, m in _at_once(layer, pin, pe, count if layer.window is not None else 1):
        fed = _tapped(layer, pe, simd, count, m)
        if fed is not None:
            unit = u.PoolUnit(*PLACE, kind, count, lane, out, words, pe, simd, m)
            cost = unit_cost(unit, layer.family) + fed[1]
            yield Fold(pe=pe, simd=simd, m=m), fed[0], cost, fed[2]
