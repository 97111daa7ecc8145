"""Sums of many bits on carry chains whose LUTs add a small table to a running sum.

A row's sum is a heap of bits, each worth a power of two. One adder adds to the running sum a table,
up to five bits of two neighbouring columns whose sum fits three bits, and one more bit as carry in.
In 6-input LUTs the table and the adder are one: three LUTs swallow six bits of the heap, two LUTs
four, one LUT two. So the LUTs of a row are about half its bits, whatever their weights.

Chains of bounded length run side by side; their sums are joined in pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

# Bits of the heap that one adder swallows at most.
STEP_BITS = 6
# How far down a column an upright bit is looked for.
_LOOK = 12


class Bit(NamedTuple):
    """Bit ``place`` of the result of ``source``, perhaps inverted.

    source : inputs first, then adders
    """

    source: int
    place: int
    inverted: bool = False


# A bit, or the constants 0 and 1.
Digit = Bit | int
Word = tuple[Digit, ...]


@dataclass(frozen=True)
class Adder:
    """An adder ``a + b + carry``, or ``a + table + carry``.

    level : adders in a row from the inputs to the result, this one included
    width : bits of the result, which is cut to them
    a, b : addends, lowest bit first; ``b`` is empty beside a table
    carry : a bit of the lowest column
    anchor : lowest column of the table within ``a``
    ones, twos : bits of the table, in its lowest column and in the next
    """

    level: int
    width: int
    a: Word
    b: Word = ()
    carry: Digit = 0
    anchor: int = 0
    ones: tuple[Bit, ...] = ()
    twos: tuple[Bit, ...] = ()

    @property
    def digits(self) -> Word:
        """All that it adds."""
        return (*self.a, *self.b, self.carry, *self.ones, *self.twos)

    @property
    def table_width(self) -> int:
        """Bits of the table's largest sum."""
        return (len(self.ones) + 2 * len(self.twos)).bit_length()

    @property
    def counters(self) -> int:
        """4-input LUTs that reduce the table to bits that fit beside the running sum's."""
        return {5: 4, 4: 2, 3: 1}.get(len(self.ones), 0) if len(self.ones + self.twos) > 3 else 0

    @property
    def luts(self) -> int:
        """6-input LUTs; bits that a carry only runs through take none."""
        if self.ones or self.twos:
            return self.table_width
        both = zip(self.a[: self.width], self.b[: self.width], strict=False)
        return sum(isinstance(a, Bit) and isinstance(b, Bit) for a, b in both)


@dataclass(frozen=True)
class Total:
    """A sum: ``word`` from column 0 up, at most ``high``."""

    word: Word
    high: int


class Netlist:
    """Adders as they come; sources below ``inputs`` are at level 0."""

    def __init__(self, inputs: int):
        self.inputs = inputs
        self.adders: list[Adder] = []

    def level(self, digit: Digit) -> int:
        """Return the adders in a row up to a bit."""
        if isinstance(digit, int) or digit.source < self.inputs:
            return 0
        return self.adders[digit.source - self.inputs].level

    def join(self, a: Total, b: Total, bits: int) -> Total:
        """Add two sums modulo ``2**bits``."""
        low = max(_lowest(a.word), _lowest(b.word))
        high = a.high + b.high
        width = min(high.bit_length(), bits)
        if low >= min(len(a.word), len(b.word)):
            short, long = sorted((a.word, b.word), key=len)
            word = (*short[:low], *(0,) * (low - len(short)), *long[low:])
            return Total(word[:bits], high)
        below = tuple(x or y for x, y in zip(a.word[:low], b.word[:low], strict=True))
        return Total((*below, *self._add(Adder(0, width - low, a.word[low:], b.word[low:]))), high)

    def step(self, heap: Heap, total: Total, bits: int) -> Total:
        """Add up to ``STEP_BITS`` of the heap's lowest bits modulo ``2**bits``."""
        low = heap.lowest()
        carry = heap.upright(low)
        anchor, count, count_above = heap.table(low)
        ones, twos = heap.take(anchor, count), heap.take(anchor + 1, count_above)
        high = total.high + (1 << low) + (count + 2 * count_above << anchor)
        width = min(high.bit_length(), bits)
        padded = (*total.word, *(0,) * (low - len(total.word)))
        result = self._add(
            Adder(
                level=0,
                width=width - low,
                a=padded[low:],
                carry=carry,
                anchor=anchor - low,
                ones=ones,
                twos=twos,
            )
        )
        return Total((*padded[:low], *result), high)

    def _add(self, adder: Adder) -> Word:
        level = 1 + max(map(self.level, adder.digits))
        self.adders.append(replace(adder, level=level))
        source = self.inputs + len(self.adders) - 1
        return tuple(Bit(source, place) for place in range(adder.width))

    def postpone(self, count: int) -> None:
        """Move each of the first ``count`` adders to the level in front of its first use.

        What they add lives on for other uses anyway; so fewer registers carry results along.
        """
        first: dict[int, int] = {}
        for number in range(len(self.adders) - 1, -1, -1):
            adder = self.adders[number]
            if number < count and number in first:
                adder = self.adders[number] = replace(adder, level=first[number] - 1)
            for digit in adder.digits:
                if isinstance(digit, Bit):
                    at = digit.source - self.inputs
                    first[at] = min(first.get(at, adder.level), adder.level)

    def row(self, heap: Heap, constant: int, bits: int, chain: int) -> Word:
        """Sum a heap and a constant modulo ``2**bits``, on chains of about ``chain`` adders."""
        start = tuple(constant >> place & 1 for place in range(bits))
        if not len(heap):
            return start
        chains = -(-len(heap) // (STEP_BITS * chain))
        # The constant's word is as wide as the result, which leaves no room for a larger value.
        ends = [Total(start, 1 << bits)]
        while len(heap) and len(ends) < chains:
            ends.append(heap.raw(bits))
        # In turns, so that a bit is used at about the same level in all rows.
        turn = 0
        while len(heap):
            ends[turn] = self.step(heap, ends[turn], bits)
            turn = (turn + 1) % len(ends)
        while len(ends) > 1:
            ends.sort(key=lambda end: -max(map(self.level, end.word)))
            ends.append(self.join(ends.pop(), ends.pop(), bits))
        word = ends[0].word
        return (*word, *(0,) * (bits - len(word)))


class Heap:
    """The bits of one sum, by column; those that are there early go first.

    columns : for each column its bits, each behind its level
    """

    def __init__(self, columns: Sequence[list[tuple[int, Bit]]]):
        self._columns = [sorted(column, reverse=True) for column in columns]
        self._columns += [[], [], []]

    def __len__(self) -> int:
        return sum(map(len, self._columns))

    def lowest(self) -> int:
        """Return the lowest column that has bits."""
        return next(number for number, column in enumerate(self._columns) if column)

    def take(self, column: int, count: int) -> tuple[Bit, ...]:
        """Remove the earliest bits of a column."""
        return tuple(self._columns[column].pop()[1] for _ in range(count))

    def upright(self, column: int) -> Bit:
        """Remove an early bit of a column that is not inverted, where there is one."""
        bits = self._columns[column]
        for at in range(len(bits) - 1, max(len(bits) - _LOOK, 0) - 1, -1):
            if not bits[at][1].inverted:
                return bits.pop(at)[1]
        return bits.pop()[1]

    def raw(self, bits: int) -> Total:
        """Remove one bit of each of the lowest columns, as a sum to begin with."""
        low = column = self.lowest()
        word: list[Digit] = [0] * low
        while column < min(len(self._columns), bits) and self._columns[column]:
            word.append(self.upright(column))
            column += 1
        return Total(tuple(word), (1 << column) - (1 << low))

    def table(self, low: int) -> tuple[int, int, int]:
        """Return a table's column, from ``low`` up, and its bits there and one column up."""
        if not len(self):
            return low, 0, 0
        column = self.lowest()
        ones, twos = len(self._columns[column]), len(self._columns[column + 1])
        if ones >= 3 and twos >= 2:
            return column, 3, 2
        if ones >= 4 and twos:
            return column, 4, 1
        if ones >= 5:
            return column, 5, 0
        # Three bits in two LUTs, one in one: what stays is the carry bit of the next adder.
        return column, 3 if ones >= 3 else 1, 0


def _lowest(word: Word) -> int:
    """Return the lowest column that is not constantly 0."""
    return next((place for place, digit in enumerate(word) if digit != 0), len(word))
