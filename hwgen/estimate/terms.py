"""What each unit is made of, in terms that the calibration prices.

LUT terms are numbers of bits, adders or entries that a component has of a kind; a fitted price turns
them into LUTs. Flip-flops likewise. Block RAMs and DSPs are counted exactly and need no price.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil, log2
from typing import Any

import numpy as np

from hwgen.boards import Family
from hwgen.dataflow import units as u
from hwgen.estimate.memory import bram36, lutram_luts, rom_luts
from hwgen.ir import range_bits
from hwgen.ir.ops import IntArray

# Depth from which a queue lies in LUT memory, and in block RAM.
_FIFO_LUTRAM, _FIFO_BRAM = 5, 257
LUT_INPUTS: Mapping[Family, int] = {"xc7": 6, "xcup": 6, "ecp5": 4, "ice40": 4, "gowin": 4}


@dataclass(frozen=True)
class Terms:
    """A unit as the calibration sees it.

    kind : the calibrated component, such as ``mvu.lut``
    lut, ff : counts of what it is made of, in the order of the kind's prices
    fixed_lut, bram36, dsp : what needs no price
    """

    kind: str
    lut: tuple[float, ...]
    ff: tuple[float, ...]
    fixed_lut: float = 0.0
    bram36: float = 0.0
    dsp: float = 0.0


def terms(unit: u.Unit, family: Family) -> Terms:
    """Return what ``unit`` is made of."""
    return _TERMS[type(unit)](unit, family)


def weight_bits(weights: IntArray) -> int:
    """Return the bits of one stored weight; -1 and +1 alone take one."""
    if bool((np.abs(weights) == 1).all()):
        return 1
    return range_bits(int(weights.min()), int(weights.max()))


def _counter_bits(size: float) -> int:
    return max(1, ceil(log2(max(size, 2))))


def _mvu(unit: u.MvuUnit, family: Family) -> Terms:
    mh, mw = unit.weights.shape
    words, folds = ceil(mw / unit.simd), ceil(mh / unit.pe)
    lanes, depth = unit.pe * unit.simd, words * folds
    wide, x = weight_bits(unit.weights), unit.x.bits
    stored = lanes * wide
    blocks = bram36(depth, stored, family) if unit.memory == "bram" and depth > 1 else 0.0
    in_luts = rom_luts(depth, stored, LUT_INPUTS[family]) if not blocks else 0.0
    accumulate = unit.pe * unit.acc.bits if words > 1 else 0.0
    # Products of x by weight bits, then an adder tree whose width grows by a bit per level.
    tree = unit.pe * (unit.simd - 1) * (wide + x - 1)
    single = float(depth == 1)
    lut = (
        lanes * wide * x * (1 - single),
        tree * (1 - single),
        tree * single * _density(unit.weights, x),
        accumulate,
        in_luts,
        float(_counter_bits(depth)),
        1.0,
    )
    registers = tree / 2, unit.pe * unit.acc.bits, (0.0 if blocks else stored), 1.0
    ff = (*registers, float(_counter_bits(depth)), unit.simd * x)
    return Terms(f"mvu.{unit.style}", lut, ff, bram36=blocks)


def _density(weights: IntArray, x_bits: int) -> float:
    """Return the share of weights that are not zero: constants of zero cost nothing."""
    del x_bits
    return float(np.count_nonzero(weights)) / weights.size


def _threshold(unit: u.ThresholdUnit, family: Family) -> Terms:
    channels, steps = unit.thresholds.shape
    folds = ceil(channels / unit.pe)
    compared = unit.pe * steps * unit.x.bits
    stored = rom_luts(folds, compared, LUT_INPUTS[family])
    counted = unit.pe * max(0, steps - 1)
    lut = compared, stored, counted, float(_counter_bits(folds)), 1.0
    ff = unit.pe * unit.y.bits, float(compared), float(_counter_bits(folds)), 1.0
    return Terms("threshold", lut, ff)


def _table(unit: u.TableUnit, family: Family) -> Terms:
    folds = max(1, len(unit.values) // unit.pe) if len(unit.values) > 1 else 1
    depth = folds << unit.x.bits
    stored = rom_luts(depth, unit.pe * unit.y.bits, LUT_INPUTS[family])
    lut = stored, float(_counter_bits(folds)), 1.0
    return Terms("table", lut, (unit.pe * unit.y.bits, float(_counter_bits(folds)), 1.0))


def _argmax(unit: u.ArgMaxUnit, family: Family) -> Terms:
    del family
    words = ceil(unit.channels / unit.pe)
    index = _counter_bits(unit.channels)
    compared = unit.pe * (unit.x.bits + index)
    return Terms("argmax", (compared, float(index), 1.0), (compared, _counter_bits(words), 1.0))


def _replay(unit: u.ReplayUnit, family: Family) -> Terms:
    width = unit.lanes * unit.x.bits
    memory = lutram_luts(unit.depth, width, family) if unit.depth > 1 else 0.0
    counters = float(_counter_bits(unit.depth) + _counter_bits(unit.times))
    return Terms("replay", (memory, counters, 1.0), (float(width), counters, 1.0))


def _converter(unit: u.ConverterUnit, family: Family) -> Terms:
    del family
    wide, narrow = max(unit.lanes_in, unit.lanes_out), min(unit.lanes_in, unit.lanes_out)
    bits = unit.x.bits * (wide if wide % narrow == 0 else wide + narrow)
    choices = log2(max(2, ceil(wide / narrow)))
    lut = float(bits), bits * choices, 1.0
    return Terms("converter", lut, (float(bits), choices, 1.0))


def _fifo(unit: u.FifoUnit, family: Family) -> Terms:
    depth, width = unit.depth or 2, unit.lanes * unit.x.bits
    counters = float(_counter_bits(depth + 1))
    if depth < _FIFO_LUTRAM:
        lut = float((depth - 1) * width), 0.0, counters, 1.0
        return Terms("fifo", lut, (float(depth * width), counters, 1.0))
    if depth < _FIFO_BRAM:
        lut = 0.0, lutram_luts(depth, width, family), counters, 1.0
        return Terms("fifo", lut, (0.0, counters, 1.0))
    blocks = bram36(depth, width, family)
    return Terms("fifo", (0.0, 0.0, counters, 1.0), (0.0, counters, 1.0), bram36=blocks)


def _fork(unit: u.ForkUnit, family: Family) -> Terms:
    del family
    return Terms("fork", (float(unit.copies),), (float(unit.lanes * unit.x.bits), unit.copies))


_TERMS: Mapping[type[u.Unit], Callable[[Any, Family], Terms]] = {
    u.MvuUnit: _mvu,
    u.ThresholdUnit: _threshold,
    u.TableUnit: _table,
    u.ArgMaxUnit: _argmax,
    u.ReplayUnit: _replay,
    u.ConverterUnit: _converter,
    u.FifoUnit: _fifo,
    u.ForkUnit: _fork,
}
