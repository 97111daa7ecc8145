"""Two-term subexpressions shared over the rows of a constant matrix.

The matrix is written in signed digits, ``w = sum(2**shift * digit)``. A pair of digits of one row,
``a +- (b << apart)``, becomes a node of its own where that pays over all rows: a use of the node
puts fewer bits into its row's sum than the two terms did. The pair with the largest gain goes
first, and its node may become part of further pairs.

Source: Hartley, "Subexpression sharing in filters using canonic signed digit multipliers" (IEEE
TCAS II, 1996), for the greedy choice; the gain is that of the bit heap behind it (``arith.heap``).
"""
# pyright: basic

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
DigitArray = npt.NDArray[np.int8]

# Bits of a row's sum that one LUT swallows.
_BITS_PER_LUT = 2
# Shifts between two digits of a pair, and entries of the table of counts.
_MOST_APART = 4
_TABLE = 48_000_000


@dataclass(frozen=True, eq=False)
class Shared:
    """A matrix over its inputs and shared nodes.

    digits : int8 (rows, nodes, shifts), -1, 0 or 1; the inputs are the first nodes
    pairs : int64 (nodes - inputs, 4): a, b, apart, sign; node = a + sign * (b << apart)
    high : int64 (nodes,), largest value of each node's unsigned form
    level : int64 (nodes,), adders in a row up to each node
    """

    digits: DigitArray
    pairs: IntArray
    high: IntArray
    level: IntArray

    @property
    def inputs(self) -> int:
        """Nodes that are inputs."""
        return len(self.high) - len(self.pairs)


def signed_digits(weights: IntArray) -> DigitArray:
    """Return the digits of non-adjacent form, the fewest there are; int8 (*shape, shifts)."""
    rest = weights.copy()
    digits: list[DigitArray] = []
    while rest.any():
        digit = np.where(rest & 1, 2 - (rest & 3), 0)
        digits.append(digit.astype(np.int8))
        rest = (rest - digit) >> 1
    return np.stack(digits or [np.zeros(weights.shape, np.int8)], axis=-1)


def share(weights: IntArray, bits: int, *, levels: int) -> Shared:
    """Return ``weights`` (rows, inputs) over shared nodes.

    bits : of an input's unsigned form
    levels : largest number of adders in a row up to a node; 0 shares nothing
    """
    digits = signed_digits(weights)
    rows, inputs, shifts = digits.shape
    apart = min(shifts - 1, _MOST_APART)
    room = int((_TABLE / (2 * (2 * apart + 1))) ** 0.5)
    capacity = max(min(inputs * (4 + shifts) + 64, room), inputs)
    high = np.zeros(capacity, np.int64)
    high[:inputs] = (1 << bits) - 1
    pairs = np.zeros((capacity - inputs, 4), np.int64)
    level = np.zeros(capacity, np.int64)
    padded = np.zeros((rows, capacity, shifts), np.int8)
    padded[:, :inputs] = digits
    nodes = inputs
    if levels and inputs <= room:
        counts = np.zeros((2, 2 * apart + 1, capacity, capacity), np.int16)
        nodes = _greedy(padded, counts, high, level, pairs, inputs, levels)
    return Shared(padded[:, :nodes], pairs[: nodes - inputs], high[:nodes], level[:nodes])


@numba.njit(cache=True)
def _width(value: int) -> int:
    bits = 0
    while value:
        value >>= 1
        bits += 1
    return bits


@numba.njit(cache=True)
def _joined(high_a: int, high_b: int, apart: int, sign: int) -> int:
    """Return the largest value of ``a + (b << apart)``, or with the inverted bits of b."""
    if sign < 0:
        high_b = (1 << _width(high_b)) - 1
    return high_a + (high_b << apart)


@numba.njit(cache=True)
def _gain(uses: int, high_a: int, high_b: int, apart: int, sign: int) -> int:
    """Return the LUTs that a node saves, times two."""
    wide_a, wide_b = _width(high_a), _width(high_b)
    saved = wide_a + wide_b - _width(_joined(high_a, high_b, apart, sign))
    if saved <= 0 or apart >= wide_a:
        return 0
    top = wide_b + apart
    cost = min(wide_a, top) - apart
    if sign < 0 and top > wide_a:
        cost += top - wide_a
    return uses * saved * 2 // _BITS_PER_LUT - 2 * cost


@numba.njit(cache=True)
def _count(digits, counts, nodes, row, node, shift, step):
    """Add ``step`` to the counts of all pairs of one digit, which stays in place."""
    apart = counts.shape[1] // 2
    own = digits[row, node, shift]
    for other in range(nodes):
        for place in range(max(0, shift - apart), min(digits.shape[2], shift + apart + 1)):
            digit = digits[row, other, place]
            if digit == 0 or (other == node and place == shift):
                continue
            sign = 0 if digit == own else 1
            counts[sign, apart + place - shift, node, other] += step
            counts[sign, apart + shift - place, other, node] += step


@numba.njit(cache=True)
def _choose(counts, high, level, nodes, levels, node, first, best):
    """Improve ``best`` (gain, b, apart, sign) of ``node`` by partners from ``first`` on."""
    most = counts.shape[1] // 2
    if level[node] >= levels:
        return
    for apart in range(most + 1):
        for sign in range(2):
            uses = counts[sign, most + apart, node]
            for other in range(first, nodes):
                if uses[other] < 2 or level[other] >= levels:
                    continue
                if other == node and apart == 0:
                    continue
                gain = _gain(uses[other], high[node], high[other], apart, 1 - 2 * sign)
                if gain > best[node, 0]:
                    best[node, 0], best[node, 1] = gain, other
                    best[node, 2], best[node, 3] = apart, 1 - 2 * sign


@numba.njit(cache=True)
def _replace(digits, counts, nodes, pair):
    """Put node ``nodes`` into all rows that have the pair; return how often."""
    a, b, apart, sign = pair
    uses = 0
    for row in range(digits.shape[0]):
        for shift in range(digits.shape[2] - apart):
            one, two = digits[row, a, shift], digits[row, b, shift + apart]
            if one == 0 or two != one * sign:
                continue
            _count(digits, counts, nodes + 1, row, a, shift, -1)
            digits[row, a, shift] = 0
            _count(digits, counts, nodes + 1, row, b, shift + apart, -1)
            digits[row, b, shift + apart] = 0
            digits[row, nodes, shift] = one
            _count(digits, counts, nodes + 1, row, nodes, shift, 1)
            uses += 1
    return uses


@numba.njit(cache=True)
def _greedy(digits, counts, high, level, pairs, inputs, levels):
    """Share pairs until none pays; return the number of nodes."""
    nodes = inputs
    for row in range(digits.shape[0]):
        for node in range(inputs):
            for shift in range(digits.shape[2]):
                if digits[row, node, shift]:
                    _count_before(digits, counts, row, node, shift)
    best = np.zeros((len(high), 4), np.int64)
    for node in range(nodes):
        _choose(counts, high, level, nodes, levels, node, 0, best)
    while nodes < len(high):
        a = np.argmax(best[:nodes, 0])
        if best[a, 0] <= 0:
            break
        b, apart, sign = best[a, 1], best[a, 2], best[a, 3]
        pair = pairs[nodes - inputs]
        pair[0], pair[1], pair[2], pair[3] = a, b, apart, sign
        high[nodes] = _joined(high[a], high[b], apart, sign)
        level[nodes] = max(level[a], level[b]) + 1
        uses = _replace(digits, counts, nodes, pair)
        assert uses > 0
        nodes += 1
        for node in range(nodes):
            partner = best[node, 1]
            lost = best[node, 0] > 0 and partner in (a, b)
            if lost or node in (a, b, nodes - 1):
                best[node] = 0
                _choose(counts, high, level, nodes, levels, node, 0, best)
            else:
                _choose(counts, high, level, nodes, levels, node, nodes - 1, best)
    return nodes


@numba.njit(cache=True)
def _count_before(digits, counts, row, node, shift):
    """Count the pairs of one digit with all digits in front of it."""
    apart = counts.shape[1] // 2
    own = digits[row, node, shift]
    for other in range(node + 1):
        for place in range(max(0, shift - apart), min(digits.shape[2], shift + apart + 1)):
            if other == node and place >= shift:
                continue
            digit = digits[row, other, place]
            if digit:
                sign = 0 if digit == own else 1
                counts[sign, apart + place - shift, node, other] += 1
                counts[sign, apart + shift - place, other, node] += 1
