"""A heap's adders give the exact sum, by arithmetic alone, and use LUTs and places well."""

import numpy as np
import pytest

from hwgen.arith.heap import Adder, Bit, Netlist, Table, kept


def evaluate(netlist, inputs, word):
    """Return a word's value; ``inputs`` holds the value of each input."""
    values = list(inputs)

    def digit(d):
        return d if isinstance(d, int) else (values[d.source] >> d.place & 1) ^ d.inverted

    def number(digits):
        return sum(digit(d) << place for place, d in enumerate(digits))

    for adder in netlist.adders:
        total = number(adder.a) + number(adder.b) + digit(adder.carry)
        for table in adder.tables:
            inside = sum(map(digit, table.ones)) + 2 * sum(map(digit, table.twos))
            assert inside < 1 << table.width
            total += inside << table.anchor
        values.append(total & (1 << adder.width) - 1)
    return number(word)


def heap(heights, rng):
    """Return columns of bits of one input, half of them inverted."""
    places = iter(range(sum(heights)))
    return [[Bit(0, next(places), bool(rng.integers(2))) for _ in range(n)] for n in heights]


@pytest.mark.parametrize("heights", [[1], [2], [64], [22, 22], [20, 32, 12], [3] * 5, [0, 7, 0, 9]])
@pytest.mark.parametrize("constant", [0, 5, -3])
@pytest.mark.parametrize("spare", [0, 3])
def test_sums_are_exact(heights, constant, spare):
    rng = np.random.default_rng(len(heights))
    columns = heap(heights, rng)
    most = sum(n << column for column, n in enumerate(heights))
    bits = max(most.bit_length() - 1 + spare, len(heights))
    netlist = Netlist(1)
    word = netlist.sum(columns, constant, bits)
    for value in (0, (1 << sum(heights)) - 1, *(int.from_bytes(rng.bytes(10)) for _ in range(20))):
        wanted = constant + sum(
            ((value >> bit.place & 1) ^ bit.inverted) << column
            for column, found in enumerate(columns)
            for bit in found
        )
        assert evaluate(netlist, [value], word) == wanted % (1 << bits)


def test_an_adder_takes_nine_bits_into_three_luts():
    netlist = Netlist(1)
    columns = [[Bit(0, n) for n in range(5)], [Bit(0, n) for n in range(5, 8)], [Bit(0, 8)]]
    netlist.sum(columns, 0, 4)
    (adder,) = netlist.adders
    assert (adder.luts, adder.width, adder.places) == (3, 4, 5)
    assert [len(table.ones + table.twos) for table in adder.tables] == [5]


@pytest.mark.parametrize("heights", [[64], [30, 60, 30], [2, 5, 8, 10, 11, 10, 8, 5, 2]])
def test_luts_places_and_levels_of_large_heaps(heights):
    """A LUT takes away more than 1.4 bits, a place on a chain about one; levels stay few."""
    netlist = Netlist(1)
    rng = np.random.default_rng(1)
    bits = sum(n << c for c, n in enumerate(heights)).bit_length()
    netlist.sum(heap(heights, rng), 0, bits)
    size = sum(heights)
    assert sum(adder.luts for adder in netlist.adders) <= size / 1.4
    assert sum(adder.places for adder in netlist.adders) <= 1.15 * size
    assert max(adder.level for adder in netlist.adders) <= 8


def test_luts_of_one_adder():
    bits = tuple(Bit(0, n) for n in range(6))
    assert Adder(1, 3, bits[:2], bits[2:4]).luts == 2
    assert (
        Adder(1, 4, (bits[0], Bit(0, 9, True)), tables=(Table(0, bits[1:4], bits[4:]),)).luts == 4
    )
    assert Table(0, bits[:3], bits[3:5]).counters == 4
    assert Table(0, bits[:2]).counters == 0


def test_registers_hold_what_later_stages_use():
    netlist = Netlist(1)
    word = netlist.sum([[Bit(0, n) for n in range(40)]], 0, 6)
    held = kept(netlist, [word], lambda level: level, max(a.level for a in netlist.adders))
    present = {Bit(0, n) for n in range(40)}
    for stage, bits in enumerate(held, start=1):
        for number, adder in enumerate(netlist.adders, start=1):
            if adder.level == stage:
                needed = {d._replace(inverted=False) for d in adder.digits if isinstance(d, Bit)}
                assert needed <= present
                present |= {Bit(number, place) for place in range(adder.width)}
        assert set(bits) <= present
        present = set(bits)
    assert {d for d in word if isinstance(d, Bit)} <= present
