"""How a matrix-vector unit packs several products into one wide multiplier.

Products of one input with the weights of ``fields`` rows share a multiplier: its other operand is
``sum(w[k] << spacing * k)``, so its result is the sum of the products at these distances. Field k
of the result is product k but for what is borrowed across its ends: with ``borrow[k]``, 0 or 1,

    product[k] = field[k] + borrow[k] - (borrow[k + 1] << spacing).

A product's lowest bit is known from the lowest bits of its factors, and the lowest bit of its field
differs from it exactly where a borrow came in. So fields need no spare bit: a spacing of as many
bits as the largest product's amount has is enough.

Source: the idea of two 8-bit products per multiplier is Fu et al., "Deep learning with INT8
optimization on Xilinx devices" (white paper WP486, 2016); the parity of the next product makes room
for fields that are one bit shorter.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hwgen.arith.mvu import BoolArray, IntArray, Lane, stored_once

# Operands of a DSP48E1, both signed.
WIDE, NARROW = 25, 18


@dataclass(frozen=True, eq=False)
class DspPlan:
    """One matrix-vector unit on multipliers, folded.

    weights : int64 (MH, MW)
    x : input lane
    acc : accumulator lane, wide enough for every row's sum
    pe, simd : rows and columns computed per step
    memory : "const", "lutram" or "bram"
    levels_per_stage : adders in a row between two registers
    """

    weights: IntArray
    x: Lane
    acc: Lane
    pe: int
    simd: int
    memory: str = "const"
    levels_per_stage: int = 2

    @property
    def words(self) -> int:
        """Input words per vector, ceil(MW / SIMD)."""
        return -(-self.weights.shape[1] // self.simd)

    @property
    def folds(self) -> int:
        """Output words per vector, ceil(MH / PE)."""
        return -(-self.weights.shape[0] // self.pe)

    @property
    def steps(self) -> int:
        """Steps per vector: for each output word, for each input word."""
        return self.words * self.folds

    @cached_property
    def largest(self) -> int:
        """Largest amount of a weight; at least 1."""
        return max(int(np.abs(self.weights).max()), 1)

    @property
    def spacing(self) -> int:
        """Bits between two fields."""
        return (self.largest * max(-self.x.low, self.x.high)).bit_length()

    @property
    def fits(self) -> bool:
        """Whether a weight and an input code fit the multiplier at all."""
        x = self.x.bits + 1 - self.x.signed
        return self.largest < 1 << WIDE - 1 and x <= NARROW

    @property
    def fields(self) -> int:
        """Products per multiplier, of different rows."""
        fields = 1
        while fields < self.pe and self._packed_high(fields + 1) < 1 << WIDE - 1:
            fields += 1
        return fields

    @property
    def groups(self) -> int:
        """Multipliers per column."""
        return -(-self.pe // self.fields)

    @property
    def multipliers(self) -> int:
        """Multipliers of one vector."""
        return self.groups * self.simd

    @property
    def operand_bits(self) -> int:
        """Bits of a packed operand, with its sign."""
        return self._packed_high(self.fields).bit_length() + 1

    @cached_property
    def folded(self) -> IntArray:
        """The weights of each step, for whole multipliers; (steps, groups * fields, simd)."""
        mh, mw = self.weights.shape
        spare = ((0, self.folds * self.pe - mh), (0, self.words * self.simd - mw))
        steps = np.pad(self.weights, spare).reshape(self.folds, self.pe, self.words, self.simd)
        steps = steps.transpose(0, 2, 1, 3).reshape(self.steps, self.pe, self.simd)
        return np.pad(steps, ((0, 0), (0, self.groups * self.fields - self.pe), (0, 0)))

    @cached_property
    def packed(self) -> IntArray:
        """Operand of each multiplier in each step; (steps, groups, simd)."""
        rows = self.folded.reshape(self.steps, self.groups, self.fields, self.simd)
        places = np.int64(1) << self.spacing * np.arange(self.fields, dtype=np.int64)
        return np.einsum("sgfl,f->sgl", rows, places)

    @cached_property
    def table(self) -> BoolArray:
        """Memory word of each step: packed operands, then lowest bits of the upper fields' weights.

        bool (steps, groups * simd * operand_bits + groups * (fields - 1) * simd)
        """
        bits = np.arange(self.operand_bits)
        operands = (self.packed[..., None] >> bits & 1).reshape(self.steps, -1)
        rows = self.folded.reshape(self.steps, self.groups, self.fields, self.simd)
        odd = (rows[:, :, 1:] & 1).reshape(self.steps, -1)
        return np.concatenate([operands, odd], axis=1).astype(np.bool_)

    @cached_property
    def stored(self) -> tuple[BoolArray, IntArray]:
        """The memory without bits that are alike, and which of its bits each of ``table`` is.

        See ``arith.mvu.stored_once``.
        """
        return stored_once(self.table)

    @property
    def levels(self) -> int:
        """Adders in a row from the products to a word's sum."""
        return (self.simd - 1).bit_length()

    @property
    def tree_stages(self) -> int:
        """Register stages of the adder tree."""
        return -(-self.levels // self.levels_per_stage)

    @property
    def latency(self) -> int:
        """Register stages: operands, products, tree, accumulator."""
        return 2 + self.tree_stages + 1

    def _packed_high(self, fields: int) -> int:
        return sum(self.largest << self.spacing * field for field in range(fields))
