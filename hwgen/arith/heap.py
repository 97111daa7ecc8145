"""Sums of many bits on carry chains whose LUTs add small tables to a number.

A row's sum is a heap of bits, each worth a power of two. One adder takes one bit of each of several
columns as a number, a carry bit in its lowest column, and tables: for every three columns up to
five bits of the lower two whose sum fits three bits. In 6-input LUTs a table and its part of the
adder are one, so three LUTs swallow nine bits of the heap and leave four. Adders of one level work
side by side, and few levels leave a single number.

A position that a carry only runs through has no logic of its own, yet takes a place on the chain.
So adders cover the columns where the heap is high, and no more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

# How far down a column an upright bit is looked for.
_LOOK = 12
# What a place on a carry chain is worth in LUTs.
_PLACE = 0.5
# How many bits less per LUT pay for an adder at once; and where waiting for bits that may pay more
# is of no use, as none come or a column has more bits than others can take along.
_WORTH = 0.85
_ENOUGH = 0.6
_TALL = 12


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
class Table:
    """Bits that are added up in the LUTs of an adder.

    anchor : the adder's column that its lowest bit is in
    ones, twos : bits in that column and in the next
    """

    anchor: int
    ones: tuple[Bit, ...]
    twos: tuple[Bit, ...] = ()

    @property
    def width(self) -> int:
        """Bits of the largest sum."""
        return (len(self.ones) + 2 * len(self.twos)).bit_length()

    @property
    def counters(self) -> int:
        """4-input LUTs that reduce the bits to those that fit beside the adder's number."""
        size = len(self.ones) + len(self.twos)
        return {5: 4, 4: 2}.get(size, 0) if self.width > 2 else 2 * (size == 3)


@dataclass(frozen=True)
class Adder:
    """An adder ``a + b + carry`` or ``a + tables + carry``.

    level : adders in a row from the inputs to the result, this one included
    width : bits of the result, which is cut to them
    a, b : addends, lowest bit first; ``b`` is empty beside tables
    carry : a bit of the lowest column
    tables : lowest first, none over another
    """

    level: int
    width: int
    a: Word
    b: Word = ()
    carry: Digit = 0
    tables: tuple[Table, ...] = ()

    @property
    def digits(self) -> Word:
        """All that it adds."""
        held = (bit for table in self.tables for bit in (*table.ones, *table.twos))
        return (*self.a, *self.b, self.carry, *held)

    @property
    def counters(self) -> int:
        """4-input LUTs in front of the adder."""
        return sum(table.counters for table in self.tables)

    @property
    def places(self) -> int:
        """Places on the carry chain, with and without LUTs."""
        return self.width + (self.carry != 0)

    @property
    def luts(self) -> int:
        """6-input LUTs; bits that a carry only runs through take none."""
        if self.b:
            both = zip(self.a[: self.width], self.b[: self.width], strict=False)
            return sum(isinstance(a, Bit) and isinstance(b, Bit) for a, b in both)
        turned = sum(isinstance(digit, Bit) and digit.inverted for digit in self.a)
        return turned + sum(table.width for table in self.tables)


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

    def sum(self, columns: Sequence[Iterable[Bit]], constant: int, bits: int) -> Word:
        """Sum a heap, bits by column, and a constant modulo ``2**bits``."""
        heap = _Heap(constant, bits)
        later = [
            (self.level(bit), column, bit)
            for column, found in enumerate(columns[:bits])
            for bit in found
        ]
        level = 0
        while later or heap.unfinished:
            level += 1
            for _, column, bit in sorted(entry for entry in later if entry[0] < level):
                heap.columns[column].append(bit)
            later = [entry for entry in later if entry[0] >= level]
            made = [*self._level(heap, _WORTH), *self._level(heap, _ENOUGH, above=_TALL)]
            if not made and not later and heap.unfinished:
                made = self._level(heap, _ENOUGH) or self._chain(heap, heap.rest())
            later += [(level, column, bit) for column, bit in made]
        return heap.word

    def _level(self, heap: _Heap, worth: float, above: int = 1) -> list[tuple[int, Bit]]:
        """Build all adders of some worth from columns of more than ``above`` bits up.

        Return their results' bits, each behind its column.
        """
        made: list[tuple[int, Bit]] = []
        while (chain := heap.best(worth, above)) is not None:
            made += self._chain(heap, chain)
        return made

    def _chain(self, heap: _Heap, chain: _Chain) -> list[tuple[int, Bit]]:
        """Build an adder from the heap's bits; return its result's bits behind their columns."""
        low = chain.low
        carry = heap.upright(low)
        a = tuple(
            heap.number(column) if raw else 0 for column, raw in enumerate(chain.raw, start=low)
        )
        tables = tuple(
            Table(column - low, heap.take(column, ones), heap.take(column + 1, twos))
            for column, ones, twos in chain.tables
        )
        word = self._add(Adder(0, chain.width, a, carry=carry, tables=tables))
        return list(enumerate(word, start=low))

    def _add(self, adder: Adder) -> tuple[Bit, ...]:
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


class _Chain(NamedTuple):
    """An adder to be: how many bits it takes from where; one of its lowest column is the carry.

    raw : by column from ``low`` up, whether it takes one into its number
    tables : column, bits of it, bits of the next
    removed : bits that the heap has less
    """

    low: int
    raw: tuple[bool, ...]
    tables: tuple[tuple[int, int, int], ...]
    width: int
    removed: int

    @property
    def worth(self) -> float:
        luts = sum((ones + 2 * twos).bit_length() for _, ones, twos in self.tables)
        return self.removed / (luts + _PLACE * (self.width + 1))


class _Heap:
    """The bits of one sum that are there, by column, and its constant's ones."""

    def __init__(self, constant: int, bits: int):
        self.columns: list[list[Bit]] = [[] for _ in range(bits)]
        self.constant = [bool(constant >> place & 1) for place in range(bits)]

    @property
    def heights(self) -> list[int]:
        """Bits by column, the constant's included."""
        return [len(found) + one for found, one in zip(self.columns, self.constant, strict=True)]

    @property
    def unfinished(self) -> bool:
        """Whether a column has more than one bit."""
        return max(self.heights, default=0) > 1

    @property
    def word(self) -> Word:
        """The sum, where no column has more than one bit."""
        pairs = zip(self.columns, self.constant, strict=True)
        return tuple(found[0] if found else int(one) for found, one in pairs)

    def best(self, worth: float, above: int) -> _Chain | None:
        """Return the adder from a column of more than ``above`` bits up that is worth most.

        None if none is worth as much as asked.
        """
        heights = self.heights
        lowest = (low for low, n in enumerate(heights) if n > above)
        chains = (_chain(heights, low, whole=False) for low in lowest)
        best = max(chains, key=lambda chain: chain.worth, default=None)
        return best if best is not None and best.worth >= worth else None

    def rest(self) -> _Chain:
        """Return one adder for as much as it holds."""
        heights = self.heights
        return _chain(heights, next(low for low, n in enumerate(heights) if n > 1), whole=True)

    def take(self, column: int, count: int) -> tuple[Bit, ...]:
        """Remove bits of a column."""
        return tuple(self.columns[column].pop(0) for _ in range(count))

    def upright(self, column: int) -> Bit:
        """Remove a bit of a column that is not inverted, where there is one."""
        bits = self.columns[column]
        at = next((n for n, bit in enumerate(bits[:_LOOK]) if not bit.inverted), 0)
        return bits.pop(at)

    def number(self, column: int) -> Digit:
        """Remove the constant's one or a bit."""
        if self.constant[column]:
            self.constant[column] = False
            return 1
        return self.upright(column)


def _chain(heights: Sequence[int], low: int, *, whole: bool) -> _Chain:
    """Return an adder from column ``low`` up, as far as columns are high, or all the way."""
    left = [*heights, 0, 0, 0]
    bits = len(heights)
    raw: list[bool] = []
    tables: list[tuple[int, int, int]] = []
    left[low] -= 1
    column = low
    while column < bits and (left[column] > 1 or column == low or (whole and any(left[column:]))):
        above = left[column + 1] - (left[column + 1] > 0)
        ones, twos = _table(left[column] - (left[column] > 0), above, bits - column)
        width = max((ones + 2 * twos).bit_length(), 1)
        for place in range(column, min(column + width, bits)):
            raw.append(left[place] > 0)
            left[place] -= raw[-1]
        if ones:
            tables.append((column, ones, twos))
            left[column] -= ones
            left[column + 1] -= twos
        column += width
    used = [before - after for before, after in zip(heights, left, strict=False)]
    high = sum(count << place - low for place, count in enumerate(used) if count)
    width = min(high.bit_length(), bits - low)
    return _Chain(low, tuple(raw[:width]), tuple(tables), width, sum(used) - width)


def _table(ones: int, twos: int, room: int) -> tuple[int, int]:
    """Return how many of the bits of two columns go into a table; its sum has ``room`` bits."""
    if room > 2:
        if ones >= 3 and twos >= 2:
            return 3, 2
        if ones >= 4:
            return (4, 1) if twos else (min(ones, 5), 0)
        if ones == 3 and twos:
            return 3, 1
        if ones == 2 and twos > 1:
            return 2, 2
    if room > 1:
        if ones >= 3:
            return 3, 0
        if ones == 2 and not twos:
            return 2, 0
    return min(ones, 1), 0


def kept(
    netlist: Netlist, words: Iterable[Word], stage: Callable[[int], int], stages: int
) -> tuple[tuple[Bit, ...], ...]:
    """Return the bits that each stage's registers hold, those of stage 1 first; none inverted.

    words : the results, which the last stage holds
    stage : of an adder at this level, from 1 on
    """
    last: dict[Bit, int] = {}
    for adder in netlist.adders:
        for digit in adder.digits:
            if isinstance(digit, Bit):
                bit = digit._replace(inverted=False)
                last[bit] = max(last.get(bit, 0), stage(adder.level))
    for digit in (digit for word in words for digit in word):
        if isinstance(digit, Bit):
            last[digit._replace(inverted=False)] = stages + 1
    held: list[list[Bit]] = [[] for _ in range(stages)]
    for bit in sorted(last):
        for number in range(max(stage(netlist.level(bit)), 1), last[bit]):
            held[number - 1].append(bit)
    return tuple(map(tuple, held))


def _lowest(word: Word) -> int:
    """Return the lowest column that is not constantly 0."""
    return next((place for place, digit in enumerate(word) if digit != 0), len(word))
