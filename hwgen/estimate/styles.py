"""What a matrix takes in each compute style, for the search, which asks for thousands of folds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import ceil

import numpy as np

from hwgen.arith.const import ConstPlan
from hwgen.arith.dsp import DspPlan
from hwgen.arith.mvu import Lane
from hwgen.boards import Family, Resources
from hwgen.dataflow import Element
from hwgen.estimate.mvu import MvuFacts, mvu_facts, mvu_terms
from hwgen.estimate.network import priced
from hwgen.estimate.packed import packed_terms
from hwgen.estimate.terms import const_terms
from hwgen.ir import Fold
from hwgen.ir.ops import IntArray

# Families whose multipliers take the packed operands.
_PACKING: frozenset[Family] = frozenset(("xc7", "xcup"))


@dataclass(frozen=True, eq=False)
class StyleCosts:
    """The matrices of a layer's groups, and what units for them take.

    weights : int64 (G, MH, MW)
    x, acc : lanes in and out
    """

    family: Family
    weights: IntArray
    x: Element
    acc: Element

    @property
    def packs(self) -> bool:
        """Whether the family's multipliers hold packed products of this layer."""
        return self.family in _PACKING and self._packed.fits

    @property
    def product_bits(self) -> int:
        """Bits of a weight times bits of an input: the size of a product in logic."""
        return (self._packed.largest.bit_length() + 1) * self.x.bits

    def whole(self, fold: Fold) -> bool:
        """Whether the fold uses the matrix whole in every cycle."""
        groups, mh, mw = self.weights.shape
        return groups == 1 and fold.pe >= mh and fold.simd >= mw

    def steps(self, fold: Fold) -> int:
        """Words of the weight memory."""
        groups, mh, mw = self.weights.shape
        return groups * ceil(mh / fold.pe) * ceil(mw / fold.simd)

    def cost(self, fold: Fold) -> Resources:
        """Return what a unit takes; ``const`` only for a fold that uses the matrix whole."""
        pe, simd, m = fold.pe, fold.simd, fold.m
        groups, mh, mw = self.weights.shape
        height = groups * ceil(mh / pe) * pe
        if fold.style == "const":
            terms = const_terms(self._shared, m, self.family)
        elif fold.style == "dsp":
            rows = np.broadcast_to(self._packed.weights, (height, mw))
            plan = replace(self._packed, weights=rows, pe=pe, simd=simd, memory=fold.memory)
            terms = packed_terms(plan, m, self.family)
        else:
            facts = replace(self._facts, height=height)
            terms = mvu_terms(facts, pe, simd, fold.style, fold.memory, self.family, m)
        return priced(terms, self.family)

    @cached_property
    def _facts(self) -> MvuFacts:
        return mvu_facts(self._rows, self.x, self.acc)

    @cached_property
    def _packed(self) -> DspPlan:
        """The plan of a single weight, the largest: all that the cost depends on."""
        largest = np.abs(self.weights).max(initial=1).reshape(1, 1)
        return DspPlan(largest, *self._lanes, pe=1, simd=1)

    @cached_property
    def _shared(self) -> ConstPlan:
        return ConstPlan(self._rows, *self._lanes)

    @property
    def _rows(self) -> IntArray:
        return self.weights.reshape(-1, self.weights.shape[-1])

    @property
    def _lanes(self) -> tuple[Lane, Lane]:
        x, acc = self.x, self.acc
        return Lane(x.bits, x.wire[0] < 0, x.bipolar), Lane(acc.bits, acc.wire[0] < 0)
