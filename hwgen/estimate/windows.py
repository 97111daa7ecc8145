"""What the units of convolutions and joins are made of."""

from __future__ import annotations

from math import ceil

import numpy as np

from hwgen import timing
from hwgen.boards import Family
from hwgen.dataflow import units as u
from hwgen.estimate.memory import LUT_INPUTS, bram36, counter_bits, lutram_luts, rom_luts
from hwgen.estimate.parts import Terms
from hwgen.ir import range_bits
from hwgen.ir.ops import IntArray


def _stored(
    kind: str, depth: int, width: int, style: str, counters: float, family: Family, out: float
) -> Terms:
    """Return the terms of a memory with its counters; ``out`` bits are chosen and registered."""
    if style == "bram":
        blocks = bram36(depth, width, family)
        return Terms(kind, (0.0, out, counters, 1.0), (out, counters, 1.0), blocks)
    memory = lutram_luts(depth, width, family)
    return Terms(kind, (memory, out, counters, 1.0), (width + out, counters, 1.0))


def walk(unit: u.WalkUnit, family: Family) -> Terms:
    """Line buffer read along nested loops: a counter per loop, addresses, padding."""
    width = unit.lanes * unit.x.bits
    address = counter_bits(unit.depth)
    counters = 6.0 * address
    out = 0.0
    if isinstance(unit, u.SwuUnit):
        counters = address * (2.0 * len(unit.window.kernel) + 4.0)
        out = float(unit.lanes * unit.y.bits)
    return _stored("walk", unit.depth, width, unit.style, counters, family, out)


def lines(unit: u.LinesUnit, family: Family) -> Terms:
    """One memory for each row that a window covers."""
    lanes = unit.across * unit.lanes
    width = lanes * unit.x.bits
    counters = 4.0 * counter_bits(unit.line)
    out = float(unit.banks * lanes * unit.y.bits)
    one = _stored("walk", unit.line, width, unit.style, counters, family, out)
    lut = one.lut[0] * unit.banks, *one.lut[1:]
    return Terms("walk", lut, one.ff, one.bram36 * unit.banks)


def windows(unit: u.WindowsUnit, family: Family) -> Terms:
    """Shift registers that hold the columns of a window."""
    del family
    window, lane = unit.window, unit.window.kernel[0] * unit.lanes * unit.y.bits
    ages = np.unique(timing.window_ages(window, unit.across, unit.m))
    subs = (ages[ages % unit.across == sub] for sub in range(unit.across))
    shifts = sum(1 + int(own.max()) // unit.across * unit.words for own in subs if len(own))
    counters = 3.0 * counter_bits(window.width * unit.words)
    masked = int(timing.window_masks(window, unit.m).sum())
    lut = 0.0, float(masked * lane), counters, 1.0
    return Terms("walk", lut, (float(shifts * lane), counters, 1.0))


def insert(unit: u.InsertUnit, family: Family) -> Terms:
    """Counters over the frame and a choice between input and constant."""
    del family
    bits = float(unit.lanes * unit.y.bits)
    counters = float(counter_bits(len(unit.rows)) + counter_bits(len(unit.cols)))
    return Terms("walk", (0.0, bits, counters, 1.0), (bits, counters, 1.0))


def _factor_luts(factors: IntArray, bits: int, words: int, lanes: int, family: Family) -> float:
    """Return the LUTs of constant multiplications, one lane each; 1 and -1 cost nothing."""
    most = int(np.abs(factors).max())
    width = range_bits(int(factors.min()), int(factors.max()))
    adders = max(0, int(most).bit_count() - 1) if len(set(factors.tolist())) == 1 else width - 1
    stored = rom_luts(words, width, LUT_INPUTS[family]) if len(factors) > 1 else 0.0
    return lanes * (adders * (bits + width) + stored)


def add(unit: u.AddUnit, family: Family) -> Terms:
    """Two products and their sum."""
    products = _factor_luts(unit.m_a, unit.a.bits, unit.words, unit.lanes, family)
    products += _factor_luts(unit.m_b, unit.b.bits, unit.words, unit.lanes, family)
    bits = float(unit.lanes * unit.y.bits)
    held = bits + unit.lanes * (unit.a.bits + unit.b.bits) * (products > 0)
    counters = float(counter_bits(unit.words))
    return Terms("join", (products, bits, counters, 1.0), (held, counters, 1.0))


def affine(unit: u.AffineUnit, family: Family) -> Terms:
    """A product and a sum."""
    products = _factor_luts(unit.scale, unit.x.bits, unit.words, unit.lanes, family)
    bits = float(unit.lanes * unit.y.bits)
    counters = float(counter_bits(unit.words))
    return Terms("join", (products, bits, counters, 1.0), (2 * bits, counters, 1.0))


def concat(unit: u.ConcatUnit, family: Family) -> Terms:
    """A choice between inputs."""
    del family
    bits = float(unit.lanes * unit.y.bits)
    counters = float(counter_bits(sum(unit.words)))
    lut = 0.0, bits * ceil((len(unit.words) - 1) / 2), counters, 1.0
    return Terms("join", lut, (bits, counters, 1.0))


def slice_words(unit: u.SliceUnit, family: Family) -> Terms:
    """A counter that lets some transfers pass."""
    del family
    counters = float(counter_bits(unit.words))
    bits = float(unit.lanes * unit.x.bits)
    return Terms("join", (0.0, 0.0, counters, 1.0), (bits, counters, 1.0))


def pool(unit: u.PoolUnit, family: Family) -> Terms:
    """Comparisons or additions of each lane's taps, and what was kept so far."""
    bits = float(unit.m * unit.lanes * unit.y.bits)
    delay = lutram_luts(unit.words, int(bits), family) / 4 if unit.words > 1 else 0.0
    counters = float(counter_bits(unit.steps) + counter_bits(unit.words))
    joins = unit.simd - (unit.steps == 1)
    lut = delay, bits * joins * (2.0 if unit.kind == "max" else 1.0), counters, 1.0
    return Terms("taps", lut, (2 * bits, counters, 1.0))


def vvu(unit: u.VvuUnit, family: Family) -> Terms:
    """Products of constants from a memory, a tree over SIMD, sums kept for each channel."""
    weight = range_bits(int(unit.weights.min()), int(unit.weights.max()))
    depth, stored = unit.words * unit.steps, unit.pe * unit.simd * weight
    blocks = bram36(depth, stored, family) if unit.memory == "bram" and depth > 1 else 0.0
    rom = 0.0 if blocks else rom_luts(depth, stored, LUT_INPUTS[family])
    channels = unit.m * unit.pe
    products = float(channels * unit.simd * weight * unit.x.bits)
    sums = float(channels * unit.acc.bits * (1 + (unit.steps > 1)))
    delay = lutram_luts(unit.words, channels * unit.acc.bits, family) / 4 if unit.words > 1 else 0.0
    counters = float(counter_bits(unit.steps) + counter_bits(unit.words))
    lut = rom + delay, products + channels * (unit.simd - 1) * unit.acc.bits + sums, counters, 1.0
    held = 2.0 * channels * unit.acc.bits + unit.simd * channels * unit.x.bits + stored
    return Terms("taps", lut, (held, counters, float(timing.VVU_LATENCY)), blocks)
