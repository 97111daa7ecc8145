"""The ways to build the head of a layer: fold, cycles, what it takes, lanes of its input."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from math import ceil

from hwgen.boards import Family, Resources
from hwgen.dataflow import Element
from hwgen.dataflow import units as u
from hwgen.dataflow.rows import rows
from hwgen.estimate import (
    MvuFacts,
    Packing,
    constant_terms,
    mvu_facts,
    mvu_terms,
    priced,
    unit_cost,
)
from hwgen.ir import Fold, ops
from hwgen.ir.folding import Memory, Style
from hwgen.ir.ops import IntArray
from hwgen.search.goal import Pin
from hwgen.search.layer import PLACE, Head, Layer, fill_cycles, pixels_at_once, transfers
from hwgen.search.points import Takes, steps
from hwgen.search.reducers import depthwise, streaming
from hwgen.search.windows import replay, window_cost

# Compute and memory styles that can be built, in the order in which ties are decided.
STYLES: tuple[Style, ...] = ("lut", "const", "dsp")
# Families whose multipliers take the packed operands, and bits of weight times bits of input from
# which one is tried: smaller products cost less as adders than what takes them apart again.
_PACKING: frozenset[Family] = frozenset(("xc7", "xcup"))
_PACKED_BITS = 9
# Words up to which a memory in logic takes no more than one LUT for each bit of a word.
_SHALLOW = 64
# Weights up to which shared terms of a matrix are looked for, which takes seconds: larger ones fill
# any board that has a family here.
_PLANNED = 1 << 16
MEMORIES: tuple[Memory, ...] = ("const", "lutram", "bram")


def heads(layer: Layer, pin: Pin) -> Iterator[Head]:
    """Yield every way to build a layer that the pin allows."""
    match layer.node.op:
        case ops.Mvu(weights=weights):
            yield from _matrices(layer, weights[None], pin)
        case ops.GroupedMvu(weights=weights):
            yield from _matrices(layer, weights, pin)
        case ops.Vvu():
            yield from depthwise(layer, pin)
        case _:
            yield from streaming(layer, pin)


def _matrices(layer: Layer, weights: IntArray, pin: Pin) -> Iterator[Head]:
    groups, mh, mw = weights.shape
    family = layer.family
    x = Element.of(layer.x)
    if layer.window is not None and any(layer.window.pads):
        x = Element.of(layer.window.infer(layer.x))
    acc = Element.of(layer.y)
    facts = mvu_facts(weights.reshape(-1, mw), x, acc)
    packing = Packing.of(weights.reshape(-1, mw), x, acc)
    constant = constant_terms(weights[0], x, acc, family)
    for pe in [pin.pe] if pin.pe else steps(mh):
        unit = replace(facts, height=groups * ceil(mh / pe) * pe)
        for simd in [pin.simd] if pin.simd else _columns(layer, mw):
            whole = pe >= mh and simd >= mw and groups == 1
            for m in pixels_at_once(layer, pin, unfolded=whole):
                feed = _feed(layer, simd, ceil(mh / pe), groups, mw, m)
                if feed is None:
                    continue
                for style, memory in product(STYLES, MEMORIES):
                    fold = Fold(pe=pe, simd=simd, m=m, style=style, memory=memory)
                    # A matrix that is read in one step has nothing to address.
                    if not pin.allows(fold) or (memory != "const" and whole):
                        continue
                    if style == "lut":
                        made_of = mvu_terms(unit, pe, simd, style, memory, family, m)
                    elif style == "const" and whole and _shares(weights, pin):
                        made_of = constant(m)
                    elif style == "dsp" and _packs(packing, unit, fold, family, pin):
                        made_of = packing.terms(unit.height, mw, pe, simd, memory, m, family)
                    else:
                        continue
                    yield _matrix(layer, fold, feed, priced(made_of, family))


def _packs(packing: Packing, unit: MvuFacts, fold: Fold, family: Family, pin: Pin) -> bool:
    """Return whether packed multipliers are worth a look, or asked for."""
    if not packing.fits:
        return False
    if pin.style != "dsp" and not (packing.bits >= _PACKED_BITS and family in _PACKING):
        return False
    steps = unit.height // fold.pe * ceil(unit.width / fold.simd)
    return fold.memory != "bram" or pin.memory is not None or steps > _SHALLOW


def _shares(weights: IntArray, pin: Pin) -> bool:
    """Return whether a matrix is worth planning as constants, or asked for as such."""
    return pin.style == "const" or weights.size <= _PLANNED


@dataclass(frozen=True)
class _Feed:
    """How vectors reach a matrix."""

    cycles: int
    cost: Resources
    takes: Takes


def _matrix(layer: Layer, fold: Fold, feed: _Feed, unit: Resources) -> Head:
    cost = unit + feed.cost
    vector = feed.cycles // layer.y.pixels
    fill = vector + fill_cycles(layer, feed.cycles)
    return Head(fold, feed.cycles, cost, min(fill, feed.cycles), feed.takes)


def _columns(layer: Layer, mw: int) -> Iterator[int]:
    """Yield the columns at once that matter: behind a window those that divide its rows."""
    if layer.window is None:
        yield from steps(mw)
    else:
        yield from (n for n in range(1, mw + 1) if mw % n == 0)


def _feed(layer: Layer, simd: int, folds: int, groups: int, mw: int, m: int) -> _Feed | None:
    """Return how vectors reach a matrix, None where so many pixels cannot come at once."""
    words = ceil(mw / simd)
    if m > 1 and groups > 1:
        return None
    if layer.window is None:
        cost, lane = Resources(), Element.of(layer.x)
        if folds > 1:
            twice = layer.entry or words == 1
            cost = replay(lane, m * simd, words, 1 + twice, layer.family, folds)
        cycles = transfers(layer.x, m) * groups * words * folds
        return _Feed(cycles, cost, Takes(simd, folds > 1, m))
    chosen = rows(layer.window, layer.x, simd, folds, m)
    if chosen is None:
        return None
    cost = window_cost(layer, chosen, folds, m)
    lane = Element.of(layer.window.infer(layer.x))
    given = chosen.lanes * (layer.window.taps if chosen.mode == "whole" else 1)
    if given != simd:
        gearbox = u.ConverterUnit(*PLACE, lane, mw, given, simd, m)
        cost = cost + unit_cost(gearbox, layer.family)
    if chosen.mode in ("narrow", "whole") and folds > 1:
        cost = cost + replay(lane, m * simd, words, 2, layer.family, folds)
    return _Feed(chosen.cycles, cost, Takes(chosen.lanes, m=chosen.across))
