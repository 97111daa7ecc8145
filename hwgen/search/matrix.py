"""The compute and memory styles that the search tries for a matrix."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from hwgen.boards import Family, Resources
from hwgen.dataflow import Element
from hwgen.estimate import StyleCosts
from hwgen.ir import Fold
from hwgen.ir.folding import Memory, Style
from hwgen.ir.ops import IntArray
from hwgen.search.goal import Pin

# Compute and memory styles that can be built, in the order in which ties are decided.
STYLES: tuple[Style, ...] = ("lut", "dsp", "const")
MEMORIES: tuple[Memory, ...] = ("const", "lutram", "bram")

# Size of a product from which multipliers are tried: smaller ones cost less as adders than what
# takes packed products apart again.
_PACKED_BITS = 9
# Words up to which a memory in logic takes no more than one LUT for each bit of a word.
_SHALLOW = 64
# Weights up to which a matrix is planned as shared terms; that takes a second or less.
_SHARED = 1 << 15


@dataclass(frozen=True, eq=False)
class Matrix:
    """The matrices of a layer, and what the user pinned of it."""

    costs: StyleCosts
    pin: Pin

    @classmethod
    def of(cls, family: Family, weights: IntArray, x: Element, acc: Element, pin: Pin) -> Matrix:
        """Return the matrices ``weights`` (G, MH, MW) between these lanes."""
        return cls(StyleCosts(family, weights, x, acc), pin)

    def whole(self, pe: int, simd: int) -> bool:
        """Whether the matrix is used whole in every cycle."""
        return self.costs.whole(Fold(pe=pe, simd=simd))

    def ways(self, pe: int, simd: int, m: int) -> Iterator[tuple[Fold, Resources]]:
        """Yield every way to build these lanes that the pin allows, and what it takes."""
        for style, memory in product(STYLES, MEMORIES):
            fold = Fold(pe=pe, simd=simd, m=m, style=style, memory=memory)
            if self.pin.allows(fold) and self._tried(fold):
                yield fold, self.costs.cost(fold)

    def _tried(self, fold: Fold) -> bool:
        """Whether the fold can be built and may be worth it; what is pinned always is."""
        whole, asked = self.costs.whole(fold), self.pin.style == fold.style
        # A matrix that is read in one step has nothing to address.
        if whole and fold.memory != "const":
            return False
        match fold.style:
            case "const":
                return whole and (asked or self.costs.weights.size <= _SHARED)
            case "dsp":
                shallow = fold.memory == "bram" and self.costs.steps(fold) <= _SHALLOW
                worth = asked or self.costs.product_bits >= _PACKED_BITS
                return self.costs.packs and worth and (not shallow or self.pin.memory == "bram")
            case _:
                return True
