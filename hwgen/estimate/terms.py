"""What each unit is made of: bits, adders, entries of each kind that a calibration prices.

Block RAMs and DSPs are counted exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from math import ceil, gcd, lcm
from typing import Any

import numpy as np
import numpy.typing as npt

from hwgen import timing
from hwgen.arith.const import ConstPlan
from hwgen.arith.dsp import DspPlan
from hwgen.arith.threshold import in_block_ram, stage_levels
from hwgen.boards import Family
from hwgen.dataflow import units as u
from hwgen.estimate import windows
from hwgen.estimate.memory import (
    LUT_INPUTS,
    bram36,
    counter_bits,
    counter_luts,
    index_bits,
    lutram_choice,
    lutram_luts,
    rom_luts,
)
from hwgen.estimate.mvu import mvu_facts, mvu_terms
from hwgen.estimate.packed import packed_terms, unrolled_terms
from hwgen.estimate.parts import Terms
from hwgen.ir.ops import IntArray

# Words from which a replay's vectors lie in block RAM.
_REPLAY_LUTRAM = 64
# Register loads of a converter that are counted one by one; beyond, they are bounded.
_GEARBOX_WORK = 20_000
# Levels among so few are chosen in the LUT that compares a bit, among so many in part.
_FEW_WORDS, _COMPARED_WORDS = 4, 16


def terms(unit: u.Unit, family: Family) -> Terms:
    """Return what ``unit`` is made of."""
    return _TERMS[type(unit)](unit, family)


def _mvu(unit: u.MvuUnit, family: Family) -> Terms:
    if isinstance(unit.plan, ConstPlan):
        return unrolled_terms(unit.plan, unit.m, family)
    if isinstance(unit.plan, DspPlan):
        return packed_terms(unit.plan, unit.m, family)
    facts = mvu_facts(unit.weights, unit.x, unit.acc)
    # Deep memories are priced by their blocks, which a few bits that are alike can decide.
    width = unit.plan.stored[0].shape[1] if unit.memory == "bram" else None
    return mvu_terms(facts, unit.pe, unit.simd, unit.style, unit.memory, family, unit.m, width)


def _threshold(unit: u.ThresholdUnit, family: Family) -> Terms:
    """Binary search: per bit of the code a comparator whose level is looked up."""
    channels, steps = unit.thresholds.shape
    folds = ceil(channels / unit.pe)
    bits = max(steps.bit_length(), 1)
    wide = unit.x.bits
    top = (1 << wide - (unit.x.low < 0)) - 1  # of what the wire carries
    spare = folds * unit.pe - channels
    thresholds = np.pad(unit.thresholds, ((0, spare), (0, 0)), mode="edge")
    thresholds = np.clip(thresholds, unit.x.low, top + 1)
    constant = merged = looked_up = indexed = stored = held_in_blocks = 0.0
    for stage in range(bits):
        levels = stage_levels(thresholds, stage + 1, top + 1)
        if in_block_ram(stage + 1, folds):
            size = wide + bool((levels > top).any())
            held_in_blocks += unit.pe * bram36(folds << stage, size, family)
            constant += unit.pe * wide
            continue
        # Counts that no channel has cost nothing.
        some = levels[:, (levels != top + 1).any(axis=0)]
        lanes = some.reshape(folds, unit.pe, some.shape[1]).transpose(1, 0, 2)
        if (lanes == lanes[:, :1]).all():  # whatever the fold
            lanes = lanes[:, :1]
        lanes = lanes.reshape(unit.pe, -1)
        depth = lanes.shape[1]
        moving = _moving_bits(lanes, wide)
        fixed = lanes[moving == 0, 0]
        constant += int((~_free(fixed, unit.x.low < 0)).sum()) * wide
        chosen = unit.pe - len(fixed)
        if depth <= _FEW_WORDS:
            merged += chosen * wide
        elif depth <= _COMPARED_WORDS:
            looked_up += chosen * wide
        else:
            indexed += chosen * wide
            stored += rom_luts(depth, int(moving.sum()), LUT_INPUTS[family])
    offset = float(unit.pe * unit.y.bits * (unit.low != 0 and not unit.y.bipolar))
    lut = constant, merged, looked_up, indexed, stored, offset, counter_luts(folds), float(bits)
    held = unit.pe * (sum(range(1, bits)) + (bits - 1) * wide + unit.y.bits)
    index = counter_bits(folds) * (bits - 1) + index_bits(folds)
    ff = float(held), float(index), float(bits)
    return Terms("threshold", lut, ff, held_in_blocks)


def _moving_bits(rows: IntArray, bits: int) -> IntArray:
    """Return how many of the lowest bits of each row's numbers are not the same in all of them."""
    changes = np.bitwise_or.reduce(rows ^ rows[:, :1], axis=1)
    return (changes[:, None] >> np.arange(bits) & 1).sum(axis=1)


def _free(levels: IntArray, signed: bool) -> npt.NDArray[np.bool_]:
    """Return which constants numbers are compared with at no cost.

    Single bits tell whether one reaches a power of two, its sign whether it reaches 0.
    """
    return levels == 0 if signed else (levels & (levels - 1)) == 0


def _table(unit: u.TableUnit, family: Family) -> Terms:
    folds = ceil(len(unit.values) / unit.pe) if len(unit.values) > 1 else 1
    width = unit.pe * unit.y.bits
    stored = rom_luts(folds << unit.x.bits, width, LUT_INPUTS[family])
    counters = float(counter_bits(folds))
    return Terms("table", (stored, counter_luts(folds), 1.0), (float(width), counters, 1.0))


def _argmax(unit: u.ArgMaxUnit, family: Family) -> Terms:
    del family
    words, index = ceil(unit.channels / unit.pe), counter_bits(unit.channels)
    lane = unit.x.bits + counter_bits(unit.pe)
    pairs = float((unit.pe - 1) * lane)
    registers, left = 0, unit.pe
    while left > 1:
        left = ceil(left / 2)
        registers += left * lane
    best = float(unit.x.bits + index)
    stages = float(counter_bits(unit.pe))
    return Terms(
        "argmax",
        (pairs, best, float(counter_bits(words)), stages),
        (registers + best, 2.0 * counter_bits(words), stages),
    )


def _replay(unit: u.ReplayUnit, family: Family) -> Terms:
    width = unit.lanes * unit.x.bits
    counters = float(3 * counter_bits(unit.depth) + counter_bits(unit.times))
    counted = 2 * counter_luts(unit.depth) + counter_luts(unit.words, compared=True)
    counted += counter_luts(unit.times, compared=True)
    levels = float(2 * counter_bits(unit.depth + 1))
    if unit.depth > _REPLAY_LUTRAM:
        blocks = bram36(unit.depth, width, family, written=True)
        return Terms("replay", (0.0, counted, levels, 1.0), (0.0, counters, levels, 1.0), blocks)
    memory = lutram_luts(unit.depth, width, family)
    return Terms("replay", (memory, counted, levels, 1.0), (float(width), counters, levels, 1.0))


def _blended(lanes_in: int, lanes_out: int, common: int) -> tuple[int, int, int, int]:
    """Return what ``_gearbox`` does where every lane meets nearly every other."""
    moves = common // min(lanes_in, lanes_out)
    registers = lanes_in + 2 * lanes_out - 1
    sources = min(moves, lanes_in + lanes_out)
    return registers, registers * (sources - 1), registers * -(-(sources - 1) // 3), moves


@cache
def _gearbox(elements: int, lanes_in: int, lanes_out: int) -> tuple[int, int, int, int]:
    """Return a converter's registers and multiplexer inputs and LUTs, in lanes, and its steps.

    Each step loads lanes of the output and waiting elements from others that wait or arrive; a
    register with several sources has a multiplexer, four inputs to two LUTs and so on.
    """
    common = lcm(lanes_in, lanes_out)
    elements = min(elements, common + elements % common)
    if elements * (lanes_in + lanes_out) > _GEARBOX_WORK * min(lanes_in, lanes_out):
        return _blended(lanes_in, lanes_out, common)
    takes, emits = timing.width_steps(elements, lanes_in, elements, lanes_out)
    taken = np.minimum(np.cumsum(takes) * lanes_in, elements)
    left = np.minimum(np.cumsum(emits) * lanes_out, elements)
    held = np.append(0, (taken - left)[:-1])
    moves = np.unique(
        np.stack([held, np.diff(taken, prepend=0), np.diff(left, prepend=0), emits], axis=1), axis=0
    )
    held, new, gone, emits = moves.T[:, :, None]
    slots = np.arange(int((taken - left).max(initial=0)))
    lanes = np.arange(lanes_out)
    # A source is the number of what waits, or behind these of what arrives; -1 for none.
    far = len(slots)
    out = np.where(lanes < held, lanes, np.where(lanes < held + new, far + lanes - held, -2))
    out = np.where(emits == 1, out, -1)
    at = slots + gone
    kept = np.where(at < held, at, far + at - held)
    kept = np.where((at < held + new) & (kept != slots), kept, -1)
    rows = np.sort(np.concatenate([out, kept], axis=1), axis=0)
    fresh = np.diff(rows, axis=0, prepend=-1) != 0
    sources = np.maximum((fresh & (rows != -1)).sum(axis=0), 1)
    luts = np.ceil((sources - 1) / 3)
    return len(sources), int((sources - 1).sum()), int(luts.sum()), len(moves)


def _converter(unit: u.ConverterUnit, family: Family) -> Terms:
    del family
    sizes = unit.elements, unit.lanes_in, unit.lanes_out
    alike = gcd(*sizes)  # so many lanes always move together
    registers, inputs, luts, moves = _gearbox(*(size // alike for size in sizes))
    bits, counters = unit.m * unit.x.bits * alike, float(counter_bits(moves))
    whole = float(moves & (moves - 1) == 0)  # a counter that starts over by itself
    chosen = float(bits * inputs), float(bits * luts)
    lut = *chosen, moves * whole, moves * (1.0 - whole), counters, 1.0
    return Terms("converter", lut, (float(bits * registers), counters, 1.0))


def _fifo(unit: u.FifoUnit, family: Family) -> Terms:
    depth, width = unit.depth or unit.likely, unit.lanes * unit.x.bits
    style = unit.style
    counters = float(counter_bits(depth + 1))
    if style == "reg":
        lut = float((depth - 1) * width), 0.0, 0.0, counters, 1.0
        return Terms("fifo", lut, (float(depth * width), counters, 1.0))
    if style == "lutram":
        memory = lutram_luts(depth, width, family)
        lut = 0.0, memory, lutram_choice(depth, width), 3 * counters, 1.0
        return Terms("fifo", lut, (0.0, 3 * counters, 1.0))
    blocks = bram36(depth, width, family, written=True)
    return Terms("fifo", (0.0, 0.0, 0.0, 4 * counters, 1.0), (0.0, 4 * counters, 1.0), blocks)


def _fork(unit: u.ForkUnit, family: Family) -> Terms:
    del family
    held = float(unit.lanes * unit.x.bits)
    return Terms("fork", (float(unit.copies), 1.0), (held, float(unit.copies)))


_TERMS: Mapping[type[u.Unit], Callable[[Any, Family], Terms]] = {
    u.MvuUnit: _mvu,
    u.ThresholdUnit: _threshold,
    u.TableUnit: _table,
    u.ArgMaxUnit: _argmax,
    u.ReplayUnit: _replay,
    u.ConverterUnit: _converter,
    u.FifoUnit: _fifo,
    u.ForkUnit: _fork,
    u.SwuUnit: windows.walk,
    u.UpsampleUnit: windows.walk,
    u.DepthToSpaceUnit: windows.walk,
    u.LinesUnit: windows.lines,
    u.WindowsUnit: windows.windows,
    u.InsertUnit: windows.insert,
    u.AddUnit: windows.add,
    u.AffineUnit: windows.affine,
    u.ConcatUnit: windows.concat,
    u.SliceUnit: windows.slice_words,
    u.PoolUnit: windows.pool,
    u.VvuUnit: windows.vvu,
}
