"""How a matrix-vector unit computes: digits, correction constants, adder tree and latency.

Every product becomes unsigned. An input code is ``x = gain * u + offset`` with an unsigned ``u`` of
n bits (a signed code has its highest bit inverted, a bipolar one is 2u - 1). A weight is a sum of
digits -1, 0, +1 times powers of two, one digit per plane: ``w = sum(2**plane * digit)``. A lane of
a plane is 0, ``u`` or, under a negative digit, the inverted bits of ``u``, worth ``2**n - 1 - u``:
no multiplier, no sign. The surplus and the offset depend on the weights alone, so they make one
constant per row, which the accumulator starts with.

Planes of which no weight has more than one digit are one group: its lanes are added up at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

# A lane's digits are a function of one input bit and the step: up to this many steps (5 bits) they
# share one 6-input LUT with the product, and the weight memory costs nothing.
MERGED_STEPS = 32

# Words from which a block memory is several blocks deep, with multiplexers behind them.
DEEP_WORDS = 16384


@dataclass(frozen=True)
class Lane:
    """An integer lane on the wire: ``bits`` wide, ``signed``, or bipolar (1 for +1, 0 for -1)."""

    bits: int
    signed: bool = False
    bipolar: bool = False

    @property
    def low(self) -> int:
        """Smallest code."""
        return -1 if self.bipolar else -(1 << self.bits - 1) if self.signed else 0

    @property
    def high(self) -> int:
        """Largest code."""
        return 1 if self.bipolar else (1 << self.bits - self.signed) - 1

    @property
    def codes(self) -> range:
        """All codes."""
        return range(self.low, self.high + 1)

    @property
    def gain(self) -> int:
        """Factor of the unsigned form."""
        return 2 if self.bipolar else 1

    @property
    def offset(self) -> int:
        """Constant of the unsigned form: the code whose unsigned form is 0."""
        return self.low


@dataclass(frozen=True, eq=False)
class MvuPlan:
    """One matrix-vector unit, folded.

    weights : int64 (MH, MW)
    x : input lane
    acc : accumulator lane, wide enough for every row's sum
    pe, simd : rows and columns computed per step
    memory : "const", "lutram", "bram", or "writable": that holds any weights whose digits have as
        many planes as those of ``weights`` and whose sums fit ``acc``
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

    @property
    def merged(self) -> bool:
        """Whether the weights are part of the product's LUTs, without a memory of their own."""
        return self.memory == "const" and self.steps <= MERGED_STEPS

    @property
    def writable(self) -> bool:
        """Whether the weights can be exchanged at run time."""
        return self.memory == "writable"

    @cached_property
    def possible(self) -> BoolArray:
        """Whether a digit may ever be other than 0; (planes, pe, simd)."""
        chosen: BoolArray = np.asarray(self.chosen.any(axis=1))
        return np.ones_like(chosen) if self.writable else chosen

    @cached_property
    def chosen(self) -> BoolArray:
        """Whether a digit is not 0; (planes, steps, pe, simd)."""
        return self._folded(self._digits[0])

    @cached_property
    def negative(self) -> BoolArray:
        """Whether a plane's digit is -1 where it is chosen; (planes, steps, pe, simd)."""
        return self._folded(self._digits[1])

    @cached_property
    def table(self) -> BoolArray:
        """Every digit's two bits by step: chosen, negative; (steps, pe * planes * 2 * simd)."""
        bits = np.stack([self.chosen, self.negative], axis=1)
        return bits.transpose(2, 3, 0, 1, 4).reshape(self.steps, -1)

    @cached_property
    def implied(self) -> bool:
        """Whether the highest digit is chosen exactly where a weight is negative without others."""
        if self.writable:
            return False
        lower = self.chosen[:-1].any(axis=0)
        return bool((self.chosen[-1] == (self.negative[-1] & ~lower)).all() and lower.any())

    @cached_property
    def stored(self) -> tuple[BoolArray, IntArray]:
        """The weight memory and which of its bits each bit of ``table`` is.

        Columns of ``table`` that are equal are stored once; those that never change or are
        ``implied`` not at all. A writable memory is the table. Returns bool (steps, width), and
        int64 (columns,): -1 for always 0, -2 for always 1, or implied.
        """
        if self.writable:
            return self.table, np.arange(self.table.shape[1])
        table = self.table.copy()
        if self.implied:
            table.reshape(self.steps, self.pe, -1, 2, self.simd)[:, :, -1, 0] = False
        return stored_once(table)

    @cached_property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """Neighbouring planes that no weight uses together, lowest first."""
        chosen = self._digits[0]
        groups: list[tuple[int, ...]] = [(0,)]
        if self.writable:
            return tuple((plane,) for plane in range(len(chosen)))
        for plane in range(1, len(chosen)):
            used = chosen[list(groups[-1])].any(axis=0)
            if (used & chosen[plane]).any():
                groups.append((plane,))
            else:
                groups[-1] = (*groups[-1], plane)
        return tuple(groups)

    @cached_property
    def bias(self) -> IntArray:
        """What the accumulators of each output word start with; (folds, pe)."""
        surplus = sum(
            (chosen & negative).sum(axis=1, dtype=np.int64) << plane
            for plane, (chosen, negative) in enumerate(zip(*self._digits, strict=True))
        )
        rows = self.x.offset * self.weights.sum(axis=1)
        rows = rows - self.x.gain * ((1 << self.x.bits) - 1) * surplus
        padded = np.zeros(self.folds * self.pe, np.int64)
        padded[: len(rows)] = rows
        return padded.reshape(self.folds, self.pe)

    @property
    def levels(self) -> int:
        """Adders in a row from a lane to a word's sum."""
        return (self.simd - 1).bit_length() + (len(self.groups) - 1).bit_length()

    @property
    def tree_stages(self) -> int:
        """Register stages of the adder tree; its last level always ends in registers."""
        return self.stage(self.levels)

    def stage(self, level: int) -> int:
        """Return the tree's stage that ``level`` is in, both counted from 1.

        Level 0 are the products, which have a stage, the first, only where weights come late.
        """
        late = bram_levels(self.memory, self.steps, len(self.groups), self.levels_per_stage)
        return -(-(level + late) // self.levels_per_stage)

    @property
    def accumulates(self) -> bool:
        """Whether a stage behind the tree adds words or constants."""
        return self.words > 1 or self.tree_stages == 0 or self.writable or bool(self.bias.any())

    @property
    def latency(self) -> int:
        """Register stages: inputs, tree, accumulator."""
        return 1 + self.tree_stages + self.accumulates

    @cached_property
    def _digits(self) -> tuple[BoolArray, BoolArray]:
        """Return whether each digit is chosen and whether it is negative; (planes, MH, MW)."""
        weights = self.weights
        top = max(int(np.abs(weights).max()), 1)
        planes = top.bit_length()
        bits = np.arange(planes)[:, None, None]
        lopsided = top == 1 << planes - 1 and bool((weights < top).all())
        if lopsided and planes > 3 and not (self.merged or self.writable):
            # Only -2**(planes - 1) is that long: two's complement stores no sign beside the digits.
            chosen = (weights[None] >> bits & 1).astype(np.bool_)
            negative = np.zeros_like(chosen)
            negative[-1] = chosen[-1]
            return chosen, negative
        chosen = (np.abs(weights)[None] >> bits & 1).astype(np.bool_)
        return chosen, np.broadcast_to(weights < 0, chosen.shape)

    def _folded(self, digits: BoolArray) -> BoolArray:
        mh, mw = self.weights.shape
        spare = ((0, 0), (0, self.folds * self.pe - mh), (0, self.words * self.simd - mw))
        planes = np.pad(digits, spare).reshape(-1, self.folds, self.pe, self.words, self.simd)
        return planes.transpose(0, 1, 3, 2, 4).reshape(-1, self.steps, self.pe, self.simd)


def bram_levels(memory: str, steps: int, groups: int, levels_per_stage: int) -> int:
    """Return how many adders' time passes until digits out of block RAM are there.

    Digits of several groups of planes take the time of an adder. Where the memory is more than one
    block deep, products have a stage of their own.
    """
    if memory != "bram":
        return 0
    if steps > DEEP_WORDS:
        return levels_per_stage
    return int(groups > 1 and levels_per_stage > 1)


def stored_once(table: BoolArray) -> tuple[BoolArray, IntArray]:
    """Return a memory without columns that are equal or never change, and where each column is.

    table : bool (steps, columns), a memory's words

    Returns bool (steps, width), and int64 (columns,): -1 for always 0, -2 for always 1.
    """
    # Packed: ``np.unique`` along an axis makes a field of every word, a second where they are many.
    packed = [column.tobytes() for column in np.packbits(table.T, axis=1)]
    found = {column: n for n, column in enumerate(packed)}
    rank = {column: n for n, column in enumerate(sorted(found))}
    columns = table.T[[found[column] for column in rank]]
    place = np.array([rank[column] for column in packed], np.int64)
    ones = columns.sum(axis=1)
    constant = (ones == 0) | (ones == len(table))
    number = np.cumsum(~constant) - 1
    number[constant] = np.where(ones[constant] == 0, -1, -2)
    return columns[~constant].T, number[place].astype(np.int64)


def accumulator(weights: IntArray, x: Lane) -> Lane:
    """Return the smallest lane that holds every row's sum over all inputs.

    weights : int64 (MH, MW)
    """
    positive, negative = np.maximum(weights, 0).sum(axis=1), np.minimum(weights, 0).sum(axis=1)
    low = int((positive * x.low + negative * x.high).min())
    high = int((positive * x.high + negative * x.low).max())
    if low >= 0:
        return Lane(max(high.bit_length(), 1))
    return Lane(max((-low - 1).bit_length(), max(high, 0).bit_length()) + 1, True)
