"""What brings windows and vectors to a unit costs."""

from __future__ import annotations

from functools import cache
from math import ceil

import numpy as np

from hwgen import timing
from hwgen.boards import Family, Resources
from hwgen.dataflow import Element
from hwgen.dataflow import units as u
from hwgen.dataflow.rows import Rows, framed, window_of
from hwgen.estimate import unit_cost
from hwgen.ir import TensorType, ops
from hwgen.search.layer import PLACE, Layer


def window_cost(layer: Layer, chosen: Rows, folds: int, m: int = 1) -> Resources:
    """Return the cost of the window unit of a way to feed a matrix."""
    if chosen.mode == "whole":
        return whole_cost(layer, chosen.lanes, chosen.across, m)
    return taps_cost(layer, chosen.lanes, 1 if chosen.mode == "narrow" else folds)


def taps_cost(layer: Layer, lanes: int, times: int = 1) -> Resources:
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
    return cost if pads is None else cost + moving_cost(layer, lanes, x)


def whole_cost(layer: Layer, lanes: int, across: int = 1, m: int = 1) -> Resources:
    """Return the cost of line memories and shifting windows."""
    assert layer.window is not None
    op, x, _ = framed(layer.window, layer.x)
    window, words = window_of(op, x), ceil(x.channels / lanes)
    lane, out = Element.of(x), Element.of(op.infer(x))
    banks = _banks(window, across)
    lines = u.LinesUnit(
        *PLACE,
        window=window,
        x=lane,
        y=out,
        words=words,
        lanes=lanes,
        banks=banks,
        pad_code=op.pad_code,
        across=across,
    )
    shifts = u.WindowsUnit(*PLACE, window, out, words, lanes, op.pad_code, across, m)
    return unit_cost(lines, layer.family) + unit_cost(shifts, layer.family)


def replay(
    lane: Element, codes: int, words: int, vectors: int, family: Family, times: int = 2
) -> Resources:
    """Return the cost of a replay with room for so many vectors."""
    unit = u.ReplayUnit(*PLACE, lane, codes, words, times, vectors * words)
    return unit_cost(unit, family)


def moving_cost(layer: Layer, pe: int, y: TensorType) -> Resources:
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


def _pixels_held(window: timing.Window) -> int:
    """Return the pixels that a window unit stores, nearly: its reach and what a stride skips."""
    (high, wide), down = window.reach, window.stride[0]
    return min((high - 1 + down - 1) * window.width + wide, window.height * window.width)


@cache
def _banks(window: timing.Window, across: int) -> int:
    return timing.line_banks(window, 1, across=across)
