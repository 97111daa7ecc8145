"""What the units of convolutions and joins are made of."""

from __future__ import annotations

from math import ceil

import numpy as np

from hwgen import timing
from hwgen.boards import Family
from hwgen.dataflow import units as u
from hwgen.estimate.memory import (
    LUT_INPUTS,
    SHIFT_REGISTER,
    bram36,
    counter_bits,
    delay_luts,
    lutram_choice,
    lutram_luts,
    rom_luts,
)
from hwgen.estimate.parts import Terms
from hwgen.ir import range_bits
from hwgen.ir.ops import IntArray

# Words of weights that Yosys makes part of what they multiply with.
_MERGED_WORDS = 4


def _memory(depth: int, width: int, style: str, family: Family) -> tuple[float, float, float]:
    """Return the LUTs of a line memory, those that choose among its blocks, and block RAMs."""
    if style == "bram":
        return 0.0, 0.0, bram36(depth, width, family, written=True)
    return lutram_luts(depth, width, family), lutram_choice(depth, width), 0.0


def walk(unit: u.WalkUnit, family: Family) -> Terms:
    """Line buffer read along nested loops: a counter per loop, addresses, padding."""
    width = unit.lanes * unit.x.bits
    address = counter_bits(unit.depth)
    counters, padded = 6.0 * address, 0.0
    if isinstance(unit, u.SwuUnit):
        counters = address * (2.0 * len(unit.window.kernel) + 4.0)
        padded = float(unit.lanes * unit.y.bits * any(unit.window.pads))
    memory, chosen, blocks = _memory(unit.depth, width, unit.style, family)
    held = float(width) * (unit.style != "bram")
    lut = memory, chosen, padded, counters, float(padded > 0), 1.0
    return Terms("walk", lut, (held, counters, 1.0), blocks)


def lines(unit: u.LinesUnit, family: Family) -> Terms:
    """One memory for each row that a window covers; every row of the window chooses among them."""
    window, lanes = unit.window, unit.across * unit.lanes
    memory, chosen, blocks = _memory(unit.line, lanes * unit.x.bits, unit.style, family)
    out = float(window.kernel[0] * lanes * unit.y.bits)
    over = window.height - (window.out[0] - 1) * window.stride[0]
    if window.stride[0] % unit.banks or over % unit.banks:  # rows lie elsewhere from step to step
        chosen += out * ceil(unit.banks / 4) / unit.banks
    counters, padded = float(counter_bits(unit.line)), float(any(window.pads))
    lut = unit.banks * memory, unit.banks * chosen, counters, float(unit.banks), padded, 1.0
    return Terms("lines", lut, (out, counters, float(unit.banks), 1.0), blocks * unit.banks)


def windows(unit: u.WindowsUnit, family: Family) -> Terms:
    """Shift registers that hold the columns of a window."""
    window, lane = unit.window, unit.window.kernel[0] * unit.lanes * unit.y.bits
    ages = np.unique(timing.window_ages(window, unit.across, unit.m))
    luts = registers = 0.0
    for sub in range(unit.across):
        shifts = ages[ages % unit.across == sub] // unit.across * unit.words + 1
        for depth in np.diff(shifts, prepend=0).tolist():
            luts += delay_luts(depth, lane, family)
            registers += lane * depth * (depth < SHIFT_REGISTER)
    counters = float(counter_bits(window.width * unit.words) + counter_bits(window.out[0]))
    masked = int(timing.window_masks(window, unit.m).sum())
    lut = luts, float(masked * lane), counters, float(masked > 0), 1.0
    return Terms("windows", lut, (registers, counters, 1.0))


def insert(unit: u.InsertUnit, family: Family) -> Terms:
    """Counters over the frame and a choice between input and constant."""
    del family
    bits = float(unit.lanes * unit.y.bits)
    counters = float(counter_bits(len(unit.rows)) + counter_bits(len(unit.cols)))
    return Terms("insert", (bits, counters, 1.0), (bits, counters, 1.0))


def _digits(factors: IntArray) -> int:
    """Return the fewest digits -1, 0, +1 that are not 0, of all factors together."""
    return sum((3 * abs(f) ^ abs(f)).bit_count() for f in factors.ravel().tolist())


def _factors(
    factors: IntArray, bits: int, words: int, lanes: int, family: Family
) -> tuple[float, float]:
    """Return the LUTs of constant multiplications by fixed and by chosen factors.

    1 and -1 cost nothing where they are fixed.
    """
    width = range_bits(int(factors.min()), int(factors.max()))
    if words == 1 or len(set(factors.tolist())) == 1:
        each = np.broadcast_to(factors, (lanes,)) if len(factors) == 1 else factors
        return float((_digits(each) - np.count_nonzero(each)) * (bits + width)), 0.0
    stored = rom_luts(words, width, LUT_INPUTS[family])
    return 0.0, lanes * ((width - 1) * (bits + width) + stored)


def add(unit: u.AddUnit, family: Family) -> Terms:
    """Two products and their sum."""
    fixed, chosen = _factors(unit.m_a, unit.a.bits, unit.words, unit.lanes, family)
    more, others = _factors(unit.m_b, unit.b.bits, unit.words, unit.lanes, family)
    bits = float(unit.lanes * unit.y.bits)
    products = fixed + chosen + more + others
    held = bits + unit.lanes * (unit.a.bits + unit.b.bits) * (products > 0)
    counters = float(counter_bits(unit.words))
    lut = fixed + more, chosen + others, bits, counters * (chosen + others > 0), 1.0
    return Terms("join", lut, (held, counters, 1.0))


def affine(unit: u.AffineUnit, family: Family) -> Terms:
    """A product and a sum."""
    fixed, chosen = _factors(unit.scale, unit.x.bits, unit.words, unit.lanes, family)
    bits = float(unit.lanes * unit.y.bits)
    counters = float(counter_bits(unit.words))
    lut = fixed, chosen, bits, counters * (chosen > 0), 1.0
    return Terms("join", lut, (2 * bits, counters, 1.0))


def concat(unit: u.ConcatUnit, family: Family) -> Terms:
    """A choice between inputs."""
    del family
    bits = float(unit.lanes * unit.y.bits)
    counters = float(counter_bits(sum(unit.words)))
    lut = bits * ceil((len(unit.words) - 1) / 2), counters, 1.0
    return Terms("pass", lut, (bits, counters, 1.0))


def slice_words(unit: u.SliceUnit, family: Family) -> Terms:
    """A counter that lets some transfers pass."""
    del family
    counters = float(counter_bits(unit.words))
    bits = float(unit.lanes * unit.x.bits)
    return Terms("pass", (0.0, counters, 1.0), (bits, counters, 1.0))


def pool(unit: u.PoolUnit, family: Family) -> Terms:
    """Comparisons or additions of each lane's taps, and what was kept so far."""
    bits = float(unit.m * unit.lanes * unit.y.bits)
    kept = unit.steps > 1
    held = delay_luts(unit.words, int(bits), family) if kept else 0.0
    counters = float(counter_bits(unit.steps) + counter_bits(unit.words))
    joins = bits * (unit.simd - 1 + kept)
    most = unit.kind == "max"
    lut = held, joins * most, joins * (not most), counters, 1.0
    registers = bits * (1 + kept * unit.words * (unit.words < SHIFT_REGISTER))
    return Terms("pool", lut, (registers, counters, 1.0))


def vvu(unit: u.VvuUnit, family: Family) -> Terms:
    """Products of constants from a memory, a tree over SIMD, sums kept for each channel."""
    weights = np.zeros((unit.words * unit.pe, unit.steps * unit.simd), np.int64)
    weights[: unit.weights.shape[0], : unit.weights.shape[1]] = unit.weights
    rows = weights.reshape(unit.words, unit.pe, unit.steps, unit.simd)
    rows = rows.transpose(2, 0, 3, 1).reshape(unit.steps * unit.words, -1)
    bits = range_bits(int(weights.min()), int(weights.max()))
    constant = bool((rows == rows[0]).all())
    depth, stored = len(rows), 0 if constant else rows.shape[1] * bits
    blocks = bram36(depth, stored, family) if unit.memory == "bram" and stored else 0.0
    rom = 0.0 if blocks or not stored else rom_luts(depth, stored, LUT_INPUTS[family])
    channels, kept = unit.m * unit.pe, unit.steps > 1
    width = unit.x.bits + bits
    fixed = chosen = 0.0
    if constant:  # zeros need no adder
        terms = unit.m * int(np.count_nonzero(rows[0]))
        fixed = float((unit.m * _digits(rows[0]) - terms) * width)
    else:  # an adder for each bit of the weight but one
        terms = channels * unit.simd
        chosen = float(terms * (bits - 1) * (unit.x.bits + 2))
    sums = max(terms - channels, 0) * (width + unit.acc.bits) / 2
    sums += float(channels * unit.acc.bits * kept)
    held = delay_luts(unit.words, channels * unit.acc.bits, family) if kept else 0.0
    counters = float(counter_bits(unit.steps) + counter_bits(unit.words))
    shallow = depth <= _MERGED_WORDS  # so few that products and weights share LUTs
    products = fixed, chosen * (not shallow), chosen * shallow
    lut = rom * (not shallow), held, *products, sums, counters, 1.0
    registers = float(channels * unit.acc.bits + unit.simd * channels * unit.x.bits)
    for level in timing.vvu_cuts(unit.simd, unit.memory):
        registers += ceil(terms / (1 << level)) * min(width + level, unit.acc.bits)
    registers += stored * (not blocks) * (not shallow)
    return Terms(
        "vvu", lut, (registers, counters, float(timing.vvu_latency(unit.simd, unit.memory))), blocks
    )
