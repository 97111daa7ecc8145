"""How a matrix-vector unit computes whose weights arrive beside the vectors.

A product of an input and a weight code is a sum of one-bit products: AND of two bits worth powers
of two, XNOR where a code is bipolar. One worth a negative power enters as its inverse, and what
that is too much is the same for all weights: one constant. Three one-bit products of six bits make
a full adder in two 6-input LUTs; the rest of a row is a heap of bits (``arith.heap``).

Source: the inverted products are those of Baugh and Wooley, "A two's complement parallel array
multiplication algorithm" (IEEE Transactions on Computers, 1973).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from hwgen.arith.heap import Bit, Netlist, Word, kept
from hwgen.arith.mvu import Lane

# One-bit products of one full adder.
THREE = 3


class Product(NamedTuple):
    """One bit: that of an input code and that of a weight combined, perhaps inverted.

    x, w : places in the codes of the lane; None for a bit of the other alone
    """

    lane: int
    x: int | None
    w: int | None
    inverted: bool = False


@dataclass(frozen=True)
class Group:
    """Products of one column: three, whose sum is two bits of the heap, or one as it is."""

    column: int
    products: tuple[Product, ...]


@dataclass(frozen=True)
class StreamPlan:
    """One matrix-vector unit with weights from a stream.

    words : steps per sum
    x, w : input and weight lanes; a weight is signed or bipolar
    pe, simd : rows and columns computed per step
    adders_per_stage : adders in a row between two registers
    """

    words: int
    x: Lane
    w: Lane
    pe: int
    simd: int
    adders_per_stage: int = 2

    @cached_property
    def acc(self) -> Lane:
        """The smallest lane that holds the sums of all inputs and weights."""
        ends = [x * w for x in (self.x.low, self.x.high) for w in (self.w.low, self.w.high)]
        low, high = (self.words * self.simd * end for end in (min(ends), max(ends)))
        if low >= 0:
            return Lane(max(high.bit_length(), 1))
        return Lane(max((-low - 1).bit_length(), max(high, 0).bit_length()) + 1, True)

    @cached_property
    def products(self) -> tuple[tuple[int, int, Product], ...]:
        """The products of lane 0, each behind its power of two and its sign."""
        x, w = self.x, self.w
        signs_x, signs_w = _signs(x), _signs(w)
        if x.bipolar and w.bipolar:
            return ((1, 1, Product(0, 0, 0)),)
        found = [
            (i + j, signs_x[i] * signs_w[j], Product(0, i, j))
            for i in range(x.bits)
            for j in range(w.bits)
        ]
        # b * 2**i with b of -1 or 1 is 2**i times (XNOR + b's bit - 1): what stands beside XNOR is
        # minus the inverted bit times the sum of all signed powers.
        if x.bipolar:
            found.append((0, 1, Product(0, 0, None, True)))
        if w.bipolar:
            found.append((0, 1, Product(0, None, 0, True)))
            if not x.signed:
                found.append((x.bits, 1, Product(0, None, 0)))
        return tuple(found)

    @cached_property
    def bias(self) -> int:
        """What a sum starts with."""
        lane = -sum(1 << column for column, sign, _ in self.products if sign < 0)
        if self.x.bipolar and self.w.bipolar:
            lane = -1
        elif self.w.bipolar and not self.x.signed:
            lane -= 1 << self.x.bits
        return lane * self.words * self.simd

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """How the products of a row go into the heap."""
        columns: dict[int, list[Product]] = {}
        for lane in range(self.simd):
            for column, sign, product in self.products:
                turned = product.inverted != (sign < 0)
                product = product._replace(lane=lane, inverted=turned)
                columns.setdefault(column, []).append(product)
        return tuple(
            Group(column, part)
            for column, products in sorted(columns.items())
            for part in _threes(tuple(products))
        )

    @property
    def low(self) -> int:
        """The lowest column that has bits."""
        return min(group.column for group in self.groups)

    @cached_property
    def built(self) -> tuple[Netlist, Word]:
        """All adders of a row, whose groups' bits are input 0, and the bits of its sum."""
        netlist = Netlist(1)
        columns: list[list[Bit]] = [[] for _ in range(self.acc.bits)]
        for place, column in enumerate(self.columns):
            if column < len(columns):
                columns[column].append(Bit(0, place))
        return netlist, netlist.sum(columns, 0, self.acc.bits)

    @cached_property
    def columns(self) -> tuple[int, ...]:
        """The column of each bit that the groups give, in their order, the lower bit first."""
        return tuple(
            group.column + place
            for group in self.groups
            for place in range(1 + (len(group.products) == THREE))
        )

    @property
    def levels(self) -> int:
        """Adders in a row behind the groups."""
        return max((adder.level for adder in self.built[0].adders), default=0)

    def stage(self, level: int) -> int:
        """Return the stage of the adders, from 1 on, whose registers follow this level."""
        return -(-level // self.adders_per_stage)

    @property
    def adder_stages(self) -> int:
        """Register stages behind the groups' own."""
        return self.stage(self.levels)

    @cached_property
    def kept(self) -> tuple[tuple[Bit, ...], ...]:
        """The bits that each stage of the adders holds behind it."""
        netlist, word = self.built
        return kept(netlist, [word], self.stage, self.adder_stages)

    @property
    def latency(self) -> int:
        """Register stages: groups, adders, accumulator."""
        return 1 + self.adder_stages + 1


def _signs(lane: Lane) -> list[int]:
    return [-1 if lane.signed and place == lane.bits - 1 else 1 for place in range(lane.bits)]


def _threes(products: tuple[Product, ...]) -> list[tuple[Product, ...]]:
    """Cut into threes; what is left goes one by one."""
    whole = len(products) - len(products) % THREE
    threes = [products[at : at + THREE] for at in range(0, whole, THREE)]
    return [*threes, *((product,) for product in products[whole:])]
