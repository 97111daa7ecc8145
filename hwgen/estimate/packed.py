"""What a matrix-vector unit is made of that packs products, or whose weights are constants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from hwgen.arith.const import ConstPlan
from hwgen.arith.dsp import DspPlan
from hwgen.boards import Family
from hwgen.dataflow import Element
from hwgen.estimate.memory import LUT_INPUTS, Blocks, blocks, counter_bits, rom_luts
from hwgen.estimate.parts import Terms
from hwgen.ir.ops import IntArray

# Steps from which no two bits of a memory are expected to hold the same in every word.
_ALIKE = 16


def packed_terms(plan: DspPlan, m: int, family: Family) -> Terms:
    """Return what a unit with this plan is made of; ``m`` vectors share its weights."""
    return _terms(plan, m, family, plan.stored[0].shape[1])


def _terms(plan: DspPlan, m: int, family: Family, stored: int) -> Terms:
    """Return the terms of a unit that stores so many bits for each step."""
    in_blocks = plan.memory == "bram" and stored > 0
    block = blocks(plan.steps, stored, family) if in_blocks else Blocks(0.0, 0)
    rom = 0.0 if in_blocks else rom_luts(plan.steps, stored, LUT_INPUTS[family])
    borrows = m * plan.groups * plan.simd * (plan.fields - 1)
    adders, registers = _tree(plan)
    sums = float(m * plan.pe * plan.acc.bits)
    counters = float(counter_bits(plan.steps) + counter_bits(plan.words))
    stages = float(plan.latency)
    lut = float(borrows), float(m * plan.pe * adders), sums, rom, float(block.mux_bits), counters
    kept = m * plan.pe * registers + sums + borrows + (0 if in_blocks else stored)
    dsp = float(m * plan.multipliers)
    return Terms("mvu.dsp", (*lut, stages), (float(kept), counters, stages), block.bram36, dsp)


@dataclass(frozen=True, eq=False)
class Packing:
    """How multipliers hold the products of a matrix, whatever its fold.

    plan : of one weight, the largest
    """

    plan: DspPlan

    @classmethod
    def of(cls, weights: IntArray, x: Element, acc: Element) -> Packing:
        """Return how the products of ``weights`` (MH, MW) with lanes ``x`` are held."""
        largest = np.abs(weights).max(initial=1, keepdims=True)
        return cls(DspPlan(largest, x.lane, acc.lane, pe=1, simd=1))

    @property
    def fits(self) -> bool:
        """Whether a multiplier holds a product at all."""
        return self.plan.fits

    @property
    def bits(self) -> int:
        """Bits of a weight, with its sign, times bits of a code."""
        return (self.plan.largest.bit_length() + 1) * self.plan.x.bits

    def terms(
        self, height: int, width: int, pe: int, simd: int, memory: str, m: int, family: Family
    ) -> Terms:
        """Return what a unit of this size and fold is made of, nearly.

        Every bit of a packed operand counts as stored: the search asks for thousands of folds.
        """
        rows = np.broadcast_to(self.plan.weights, (height, width))
        plan = replace(self.plan, weights=rows, pe=pe, simd=simd, memory=memory)
        stored = plan.multipliers * (plan.operand_bits + plan.fields - 1)
        if plan.steps < _ALIKE:  # so few words that columns are alike, and logic shares them
            stored = min(stored, (1 << plan.steps) - 2)
        return _terms(plan, m, family, stored)


def _tree(plan: DspPlan) -> tuple[int, int]:
    """Return the adder bits and register bits of one row's tree."""
    adders = registers = 0
    count, width = plan.simd, plan.spacing + 1
    for level in range(1, plan.levels + 1):
        adders += count // 2 * (width + 1)
        count, width = -(-count // 2), width + 1
        if level % plan.levels_per_stage == 0 or level == plan.levels:
            registers += count * width
    return adders, registers


def unrolled_terms(plan: ConstPlan, m: int, family: Family) -> Terms:
    """Return what a matrix of constants is made of, once for each of ``m`` vectors."""
    luts = plan.luts if LUT_INPUTS[family] == 6 else plan.luts_of_4
    kept = sum(map(len, plan.kept))
    stages = float(plan.latency)
    return Terms("mvu.const", (float(m * luts), stages), (float(m * kept), stages))


def constant_terms(
    weights: IntArray, x: Element, acc: Element, family: Family
) -> Callable[[int], Terms]:
    """Return what gives the terms of a constant matrix for ``m`` vectors; it is planned once."""
    plan = ConstPlan(weights, x.lane, acc.lane)  # which plans when it is first asked
    return lambda m: unrolled_terms(plan, m, family)
