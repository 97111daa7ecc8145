"""What a matrix-vector unit on packed multipliers is made of."""

from __future__ import annotations

from hwgen.arith.dsp import DspPlan
from hwgen.boards import Family
from hwgen.estimate.memory import LUT_INPUTS, Blocks, blocks, counter_bits, rom_luts
from hwgen.estimate.parts import Terms


def packed_terms(plan: DspPlan, m: int, family: Family) -> Terms:
    """Return what a unit with this plan is made of; ``m`` vectors share its weights."""
    table = plan.table
    stored = int((table != table[0]).any(axis=0).sum())
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
