"""What a matrix-vector unit is made of, in closed form: the search asks for thousands of folds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import ceil

from hwgen.arith.mvu import MERGED_STEPS, MvuPlan, bram_levels
from hwgen.boards import Family
from hwgen.dataflow import Element
from hwgen.estimate.memory import (
    LUT_INPUTS,
    Blocks,
    blocks,
    counter_bits,
    counter_luts,
    index_bits,
    lutram_luts,
    rom_luts,
)
from hwgen.estimate.parts import Terms
from hwgen.ir.ops import IntArray

LEVELS_PER_STAGE = MvuPlan.levels_per_stage


@dataclass(frozen=True)
class MvuFacts:
    """All that the cost of a matrix depends on.

    height, width : MH, MW
    planes : digits of a weight, each of which is added up by itself
    stored_bits : bits of a weight that some memory must hold
    full : whether some digit is never 0, so that memory must tell padding from weights
    zeros : share of the digits that are 0
    bias : whether some row's sum starts with a constant
    """

    height: int
    width: int
    planes: int
    stored_bits: int
    full: bool
    zeros: float
    bias: bool
    x_bits: int
    acc_bits: int


def mvu_facts(weights: IntArray, x: Element, acc: Element) -> MvuFacts:
    """Return the facts of a matrix (MH, MW) with lanes ``x`` in and ``acc`` out."""
    plan = MvuPlan(weights, x.lane, acc.lane, pe=1, simd=1)
    chosen, negative = plan.chosen, plan.negative
    signs = {negative[plane].tobytes(): negative[plane] for plane in range(len(negative))}
    columns = [*chosen, *signs.values()]
    stored = sum(bool(bits.any()) and not bool(bits.all()) for bits in columns)
    if any((bits == chosen[-1]).all() for bits in signs.values()):
        stored -= 1  # two's complement: the sign is the highest digit
    zeros = 1.0 - float((chosen | negative).mean())
    height, width = weights.shape
    bias = bool(plan.bias.any())
    full = bool(chosen.reshape(len(chosen), -1).all(axis=1).any())
    return MvuFacts(height, width, len(chosen), max(stored, 1), full, zeros, bias, x.bits, acc.bits)


def stored_bits(facts: MvuFacts, pe: int, simd: int) -> int:
    """Return the width of the weight memory at one fold.

    Lanes beyond the matrix's width share a bit that tells padding, and so do rows beyond its
    height, and lanes of both kinds.
    """
    beyond = facts.width % simd > 0, facts.height % pe > 0
    padding = sum(beyond) + all(beyond) if facts.full else 0
    return pe * simd * facts.stored_bits + padding


@cache
def tree(operands: int, planes: int, x_bits: int, late: int = 0) -> tuple[float, float, float]:
    """Return adder bits of the first level, of all others, and register bits of one row's tree.

    planes : digit planes, each of which is added up by itself
    late : levels that the first stage has less
    """
    levels = (operands - 1).bit_length() + (planes - 1).bit_length()
    adders = [0.0] * (levels + 1)
    count, rows, width = operands, planes, x_bits
    registers = float(rows * count * width * (late == LEVELS_PER_STAGE))
    for level in range(1, levels + 1):
        if count > 1:
            adders[level] = rows * (count // 2) * (width + 1)
            count = -(-count // 2)
            width += 1
        else:
            adders[level] = rows // 2 * (width + 1)
            rows = -(-rows // 2)
            width += 2
        if (level + late) % LEVELS_PER_STAGE == 0 or level == levels:
            registers += rows * count * width
    return sum(adders[:2]), sum(adders[2:]), registers


def mvu_terms(
    facts: MvuFacts,
    pe: int,
    simd: int,
    style: str,
    memory: str,
    family: Family,
    m: int = 1,
    width: int | None = None,
) -> Terms:
    """Return what a unit with these facts is made of at one fold.

    m : vectors that share weights
    width : bits of a word of weights where they are known; else every lane is taken to have its own
    """
    words, folds = ceil(facts.width / simd), ceil(facts.height / pe)
    steps = words * folds
    lanes = pe * simd
    used = max(1, round(simd * (1.0 - facts.zeros**steps)))
    rows = m * pe
    late = bram_levels(memory, steps, facts.planes, LEVELS_PER_STAGE)
    first, others, registers = (rows * n for n in tree(used, facts.planes, facts.x_bits, late))
    products = rows * used * facts.planes * facts.x_bits
    merged = memory in ("const", "auto") and steps <= MERGED_STEPS
    writable = memory == "writable"
    stored = stored_bits(facts, pe, simd) if not merged else 0
    if writable:  # every digit has its two bits
        stored = lanes * 2 * facts.planes
    elif width is not None:
        stored = width
    block = blocks(steps, stored, family) if memory == "bram" and stored else Blocks(0.0, 0)
    rom = 0.0 if block.bram36 or merged else rom_luts(steps, stored, LUT_INPUTS[family])
    if writable:
        rom = lutram_luts(steps, stored, family) + lutram_luts(folds, pe * facts.acc_bits, family)
    levels = (used - 1).bit_length() + (facts.planes - 1).bit_length()
    accumulates = words > 1 or facts.bias or levels + late == 0 or writable
    sums = float(pe * facts.acc_bits * accumulates)
    started = rom_luts(folds, int(sums), LUT_INPUTS[family]) if facts.bias and not writable else 0.0
    sums *= m
    stages = 1 + ceil((levels + late) / LEVELS_PER_STAGE) + accumulates
    counters = float(index_bits(steps) + counter_bits(words) + index_bits(folds))
    counted = counter_luts(steps) + counter_luts(words, compared=True) + counter_luts(folds)
    single, fixed = facts.x_bits == 1, steps == 1
    several = not single and not fixed
    signs = facts.stored_bits == 1  # a weight is its sign
    lut = (
        products * float(several and not merged and not signs),
        products * float(several and not merged and signs),
        products * float(several and merged and steps > 4),
        products * float(several and merged and steps <= 4),
        first * float(several),
        others * float(several),
        (first + others) * float(single and not fixed and not merged),
        (first + others) * float(single and not fixed and merged),
        (first + others) * float(fixed),
        sums,
        started,
        rom,
        float(block.mux_bits),
        counted,
        float(stages),
    )
    kept = m * simd * facts.x_bits + registers + sums + (0 if block.bram36 else stored)
    kind = "lut" if style == "auto" else style
    return Terms(f"mvu.{kind}", lut, (kept, counters, float(stages)), block.bram36)
