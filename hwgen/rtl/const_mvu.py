"""Matrix-vector product with a matrix that is known when it is built."""

from __future__ import annotations

from itertools import groupby

import numpy as np
from amaranth.hdl import Cat, Const, Module, Shape, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen import timing
from hwgen.arith.const import ADDERS_PER_STAGE, CHAIN, SHARED_LEVELS, ConstPlan
from hwgen.arith.mvu import Lane, accumulator
from hwgen.rtl.elastic import Stages, cast_shape, lanes_of, payload

# Bits of one register: simulators handle words of this size fastest.
_REGISTER_BITS = 64


class ConstMvu(wiring.Component):
    """Multiply each vector with a constant matrix, all of it in every cycle.

    Shared terms, then per row chains of adders whose LUTs hold a small table (``arith.heap``).
    II 1, latency ``plan.latency``.

    Parameters
    ----------
    weights : int array (MH, MW)
    x_shape : Amaranth shape of an input lane
    x_bipolar : input lanes are bipolar
    acc_shape : Amaranth shape of a sum; the smallest that holds all sums if None
    m : vectors side by side, each with hardware of its own
    chain, shared_levels, adders_per_stage : as for ``ConstPlan``

    Members
    -------
    i : In stream of ``m * MW`` codes, one vector's after another's
    o : Out stream of ``m * MH`` sums
    """

    def __init__(
        self,
        weights,
        x_shape,
        *,
        x_bipolar=False,
        acc_shape=None,
        m=1,
        chain=CHAIN,
        shared_levels=SHARED_LEVELS,
        adders_per_stage=ADDERS_PER_STAGE,
    ):
        weights = np.asarray(weights, np.int64)
        shape = cast_shape(x_shape)
        x = Lane(shape.width, shape.signed, x_bipolar)
        if acc_shape is None:
            acc = accumulator(weights, x)
            acc_shape = Shape(acc.bits, acc.signed)
        acc = Lane(Shape.cast(acc_shape).width, Shape.cast(acc_shape).signed)
        self.plan = ConstPlan(weights, x, acc, chain, shared_levels, adders_per_stage)
        self.schedule = timing.mvu(1, 1, latency=self.plan.latency)
        self.m = m
        rows, columns = weights.shape
        super().__init__(
            {"i": In(lanes_of(shape, m * columns)), "o": Out(lanes_of(acc_shape, m * rows))}
        )

    def elaborate(self, platform):
        m = Module()
        plan = self.plan
        stages = Stages(m, plan.latency, self.i.valid, self.o.ready)
        m.d.comb += [self.i.ready.eq(stages.open[1]), self.o.valid.eq(stages.valid[plan.latency])]
        for vector in range(self.m):
            self._vector(m, stages, vector)
        return m

    def _vector(self, m, stages, vector):
        """Multiply one vector."""
        plan = self.plan
        netlist, rows = plan.built
        wires = _Wires(self._inputs(vector), netlist.inputs, f"{vector}_")
        leveled = sorted(enumerate(netlist.adders), key=lambda entry: entry[1].level)
        stage = 1
        for level, group in groupby(leveled, key=lambda entry: entry[1].level):
            while stage < plan.stage(level):
                wires.register(m, stages.open[stage], plan.kept[stage - 1], stage)
                stage += 1
            _adders(m, wires, list(group), level)
        for last in range(stage, plan.latency + 1):
            wires.register(m, stages.open[last], plan.kept[last - 1], last)
        for row, word in enumerate(rows, vector * len(rows)):
            m.d.comb += Value.cast(self.o.p[row]).eq(wires.word(word))

    def _inputs(self, vector):
        """Return the lanes in unsigned form: a signed code has its highest bit inverted."""
        lanes = []
        width = self.plan.weights.shape[1]
        for lane in range(vector * width, (vector + 1) * width):
            code = Value.cast(self.i.p[lane])
            lanes.append(Cat(code[:-1], ~code[-1]) if self.plan.x.signed else code)
        return lanes


class _Wires:
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
        shapes.setdefault((len(adder.ones), len(adder.twos)), []).append((number, adder))
    for (ones, twos), alike in shapes.items():
        tables = _tables(m, wires, [adder for _, adder in alike], ones, twos, level)
        for index, (number, adder) in enumerate(alike):
            result = Signal(adder.width, name=f"sum_{wires.prefix}{number}")
            m.d.comb += result.eq(_sum(wires, adder, [bits[index] for bits in tables]))
            wires.set(number, result)


def _sum(wires, adder, table):
    """Return one adder's sum, with the carry bit behind it as its lowest bit's carry.

    It is written as a difference, whose carry chain takes its data from the first operand, so that
    the second one's logic goes into the LUTs of the chain. The lowest position makes the carry:
    ``c - 1`` has no borrow where c is 1.
    """
    width = adder.width
    if not adder.ones and not adder.twos and not _inverts(adder.b) and adder.carry == 0:
        return wires.word(adder.a[:width]) + wires.word(adder.b[:width])
    addend = Cat(Const(0, adder.anchor), table) if table else wires.word(adder.b)
    addend = addend[:width]
    spare = width - len(addend)
    inverse = Cat(Const(1, 1), ~addend, Const((1 << spare) - 1, spare))
    a = wires.word(adder.a[:width])
    return (Cat(wires.word([adder.carry]), a, Const(0, width - len(a))) - inverse)[1 : width + 1]


def _inverts(word):
    return any(not isinstance(digit, int) and digit.inverted for digit in word)


def _tables(m, wires, adders, ones, twos, level):
    """Return the sums of all adders' tables of one shape: a vector over the adders per bit."""
    name = f"{wires.prefix}{level}_{ones}_{twos}"
    words = zip(*((*adder.ones, *adder.twos) for adder in adders), strict=True)
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
        case (0, 0) | (1, 0):
            return bits
        case (3, 0):
            return _full_adder(*bits)
        case (5, 0):
            first, carry = _full_adder(*bits[:3])
            total, more = _full_adder(first, *bits[3:])
            return [total, carry ^ more, carry & more]
        case (4, 1):
            first, carry = _full_adder(*bits[:3])
            return [first ^ bits[3], *_full_adder(carry, first & bits[3], bits[4])]
        case _:
            assert (ones, twos) == (3, 2), "no table has this shape"
            first, carry = _full_adder(*bits[:3])
            return [first, *_full_adder(carry, *bits[3:])]


def _full_adder(a, b, c):
    return [a ^ b ^ c, (a & b) | (a & c) | (b & c)]
