"""Adders whose LUTs hold small tables, as ``arith.heap`` plans them."""

from __future__ import annotations

from itertools import groupby

from amaranth.hdl import Cat, Const, Signal

from hwgen.rtl.elastic import payload

# Bits of one register: simulators handle words of this size fastest.
_REGISTER_BITS = 64


def add_up(m, stages, plan, wires, first=1):
    """Build a plan's adders and the registers behind each stage; ``wires`` end with the last.

    plan : with ``built``, ``stage(level)``, ``kept`` and ``adder_stages``
    first : the pipeline's stage that the plan's stage 1 is
    """
    netlist, _ = plan.built
    leveled = sorted(enumerate(netlist.adders), key=lambda entry: entry[1].level)
    stage = 1
    for level, group in groupby(leveled, key=lambda entry: entry[1].level):
        while stage < plan.stage(level):
            wires.register(m, stages.open[first + stage - 1], plan.kept[stage - 1], stage)
            stage += 1
        _adders(m, wires, list(group), level)
    for last in range(stage, plan.adder_stages + 1):
        wires.register(m, stages.open[first + last - 1], plan.kept[last - 1], last)


class Wires:
    """Where each bit of the plan is found in the present stage: a value and a place in it.

    prefix : begins the names of signals
    """

    def __init__(self, lanes, inputs, prefix):
        self.inputs, self.prefix = inputs, prefix
        self._found = {
            (source, place): (lane, place)
            for source, lane in enumerate(lanes)
            for place in range(len(lane))
        }

    def set(self, adder, result):
        """Enter the bits of an adder's result."""
        for place in range(len(result)):
            self._found[self.inputs + adder, place] = result, place

    def word(self, digits):
        """Return a word of bits and constants; neighbours stay together."""
        parts = []
        for digit in digits:
            if isinstance(digit, int):
                parts.append([None, digit, 1, False])
                continue
            value, place = self._found[digit.source, digit.place]
            last = parts[-1] if parts else [None, 0, 0, False]
            if last[0] is value and sum(last[1:3]) == place and last[3] == digit.inverted:
                last[2] += 1
            else:
                parts.append([value, place, 1, digit.inverted])
        return Cat(
            Const(place, 1)
            if value is None
            else ~value[place : place + count]
            if inverted
            else value[place : place + count]
            for value, place, count, inverted in parts
        )

    def register(self, m, enable, bits, stage):
        """Keep ``bits`` for the next stage; all others are gone."""
        kept = {}
        for at in range(0, len(bits), _REGISTER_BITS):
            part = bits[at : at + _REGISTER_BITS]
            held = payload(len(part), f"kept_{self.prefix}{stage}_{at}")
            with m.If(enable):
                m.d.sync += held.eq(self.word(part))
            for place, bit in enumerate(part):
                kept[bit.source, bit.place] = held, place
        self._found = kept


def _adders(m, wires, adders, level):
    """Build the adders of one level."""
    shapes = {}
    for number, adder in adders:
        for table in adder.tables:
            shape = len(table.ones), len(table.twos)
            shapes.setdefault(shape, []).append((number, table))
    sums = {}
    for (ones, twos), alike in shapes.items():
        columns = _tables(m, wires, [table for _, table in alike], ones, twos, level)
        for index, (number, table) in enumerate(alike):
            sums[number, table.anchor] = [bits[index] for bits in columns]
    for number, adder in adders:
        tables = [(table.anchor, sums[number, table.anchor]) for table in adder.tables]
        result = Signal(adder.width, name=f"sum_{wires.prefix}{number}")
        m.d.comb += result.eq(_sum(wires, adder, tables))
        wires.set(number, result)


def _sum(wires, adder, tables):
    """Return one adder's sum, with the carry bit behind it as its lowest bit's carry.

    It is written as a difference, whose carry chain takes its data from the first operand, so that
    the second one's logic goes into the LUTs of the chain. The lowest position makes the carry:
    ``c - 1`` has no borrow where c is 1.
    """
    width = adder.width
    if not tables and not _inverts(adder.b) and adder.carry == 0:
        return wires.word(adder.a[:width]) + wires.word(adder.b[:width])
    addend = wires.word(adder.b)
    for anchor, bits in tables:
        addend = Cat(addend, Const(0, anchor - len(addend)), bits)
    addend = addend[:width]
    spare = width - len(addend)
    inverse = Cat(Const(1, 1), ~addend, Const((1 << spare) - 1, spare))
    a = wires.word(adder.a[:width])
    return (Cat(wires.word([adder.carry]), a, Const(0, width - len(a))) - inverse)[1 : width + 1]


def _inverts(word):
    return any(not isinstance(digit, int) and digit.inverted for digit in word)


def _tables(m, wires, tables, ones, twos, level):
    """Return the sums of all tables of one shape: a vector over the tables per bit."""
    name = f"{wires.prefix}{level}_{ones}_{twos}"
    words = zip(*((*table.ones, *table.twos) for table in tables), strict=True)
    bits = [_named(m, wires.word(word), f"bit_{name}_{n}") for n, word in enumerate(words)]
    sums = _counted(bits, ones, twos)
    # Signals of their own: every use of a long expression costs its length again.
    return [_named(m, total, f"table_{name}_{n}") for n, total in enumerate(sums)]


def _named(m, value, name):
    found = Signal(len(value), name=name)
    m.d.comb += found.eq(value)
    return found


def _counted(bits, ones, twos):
    """Return the bits of the sum of ``ones`` bits and twice ``twos`` bits."""
    match ones, twos:
        case 1, 0:
            return bits
        case 2, 0:
            return _half_adder(*bits)
        case 3, 0:
            return _full_adder(*bits)
        case 4, 0:
            first, carry = _full_adder(*bits[:3])
            total, more = _half_adder(first, bits[3])
            return [total, *_half_adder(carry, more)]
        case 5, 0:
            first, carry = _full_adder(*bits[:3])
            total, more = _full_adder(first, *bits[3:])
            return [total, *_half_adder(carry, more)]
        case 4, 1:
            first, carry = _full_adder(*bits[:3])
            return [first ^ bits[3], *_full_adder(carry, first & bits[3], bits[4])]
        case 2, 2:
            total, more = _half_adder(*bits[:2])
            return [total, *_full_adder(more, *bits[2:])]
        case 3, 1:
            first, carry = _full_adder(*bits[:3])
            return [first, *_half_adder(carry, bits[3])]
        case _:
            assert (ones, twos) == (3, 2), "no table has this shape"
            first, carry = _full_adder(*bits[:3])
            return [first, *_full_adder(carry, *bits[3:])]


def _half_adder(a, b):
    return [a ^ b, a & b]


def _full_adder(a, b, c):
    return [a ^ b ^ c, (a & b) | (a & c) | (b & c)]
