"""How a matrix of constants becomes adders: digits, shared pairs, bit heaps, register stages.

Input codes are ``x = gain * u + offset`` with an unsigned ``u``, as in ``arith.mvu``. The matrix in
signed digits, pairs of them shared over all rows, makes one heap of bits per row; a negative digit
counts its term's inverted bits, and what that is too much goes into the row's constant.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hwgen.arith.heap import Bit, Netlist, Total, Word, kept
from hwgen.arith.mvu import IntArray, Lane
from hwgen.arith.share import Shared, share

ADDERS_PER_STAGE = 3
# Adders in a row up to a shared node, unless asked for.
SHARED_LEVELS = 3


@dataclass(frozen=True, eq=False)
class ConstPlan:
    """One matrix-vector product per cycle, built for its matrix.

    weights : int64 (MH, MW)
    x : input lane
    acc : result lane, wide enough for every row's sum
    shared_levels : adders in a row up to a shared term; 0 shares nothing
    adders_per_stage : adders in a row between two registers
    """

    weights: IntArray
    x: Lane
    acc: Lane
    shared_levels: int = SHARED_LEVELS
    adders_per_stage: int = ADDERS_PER_STAGE

    @property
    def words(self) -> int:
        """Input words per vector."""
        return 1

    @property
    def folds(self) -> int:
        """Output words per vector."""
        return 1

    @cached_property
    def shared(self) -> Shared:
        """The matrix over shared terms."""
        gain = self.x.gain
        return share(self.weights * gain, self.x.bits, levels=self.shared_levels)

    @cached_property
    def built(self) -> tuple[Netlist, tuple[Word, ...]]:
        """All adders, and the bits of each row's sum."""
        shared = self.shared
        netlist = Netlist(shared.inputs)
        totals = [
            Total(tuple(Bit(node, place) for place in range(self.x.bits)), int(shared.high[node]))
            for node in range(shared.inputs)
        ]
        offsets = [0] * shared.inputs
        for a, b, apart, sign in shared.pairs.tolist():
            added, offset = _signed(totals[b], sign, apart)
            wide = (totals[a].high + added.high).bit_length()
            totals.append(netlist.join(totals[a], added, wide))
            offsets.append(offsets[a] + sign * (offsets[b] << apart) - offset)
        terms = len(netlist.adders)
        rows = tuple(self._row(netlist, totals, offsets, row) for row in range(len(self.weights)))
        netlist.postpone(terms)
        return netlist, rows

    def _row(self, netlist: Netlist, totals: list[Total], offsets: list[int], row: int) -> Word:
        """Sum one row; ``offsets`` say how much less than its unsigned form a node is worth."""
        bits = self.acc.bits
        columns: list[list[Bit]] = [[] for _ in range(bits)]
        constant = self.x.offset * int(self.weights[row].sum())
        digits = self.shared.digits[row]
        for node, shift in np.argwhere(digits).tolist():
            sign = int(digits[node, shift])
            term, offset = _signed(totals[node], sign, shift)
            constant += sign * (offsets[node] << shift) - offset
            for column, digit in enumerate(term.word[:bits]):
                if isinstance(digit, Bit):
                    columns[column].append(digit)
                else:
                    constant += digit << column
        return netlist.sum(columns, constant, bits)

    @cached_property
    def levels(self) -> int:
        """Adders in a row from the inputs to the last sum."""
        return max((adder.level for adder in self.built[0].adders), default=0)

    @property
    def adder_stages(self) -> int:
        """Register stages of the adders; at least one."""
        return max(self.stage(self.levels), 1)

    @property
    def latency(self) -> int:
        """Register stages."""
        return self.adder_stages

    def stage(self, level: int) -> int:
        """Return the stage, from 1 on, whose registers follow an adder of this level."""
        return -(-level // self.adders_per_stage)

    @cached_property
    def luts(self) -> int:
        """LUTs of all adders on 6-input LUTs."""
        return sum(adder.luts for adder in self.built[0].adders)

    @cached_property
    def luts_of_4(self) -> int:
        """LUTs of all adders on 4-input LUTs, where a carry takes one per bit."""
        return sum(adder.width + adder.counters for adder in self.built[0].adders)

    @cached_property
    def kept(self) -> tuple[tuple[Bit, ...], ...]:
        """The bits that each stage's registers hold, those of stage 1 first; none inverted."""
        netlist, rows = self.built
        return kept(netlist, rows, self.stage, self.adder_stages)


def _signed(total: Total, sign: int, shift: int) -> tuple[Total, int]:
    """Return ``total << shift``, or for a negative sign its bits inverted, and what is too much.

    The inverted bits of n columns are worth ``2**n - 1 - total``.
    """
    if sign > 0:
        return Total((*(0,) * shift, *total.word), total.high << shift), 0
    word = tuple(
        digit._replace(inverted=not digit.inverted) if isinstance(digit, Bit) else 1 - digit
        for digit in total.word
    )
    ones = ((1 << len(word)) - 1) << shift
    return Total((*(0,) * shift, *word), ones), ones
