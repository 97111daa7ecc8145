"""Matrix-vector unit."""

from __future__ import annotations

from functools import reduce
from operator import or_

import numpy as np
from amaranth.hdl import Cat, Module, Mux, Signal, Value, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hwgen import timing
from hwgen.arith.mvu import MvuPlan
from hwgen.arith.writing import PIECE, pack
from hwgen.errors import check_within
from hwgen.rtl.adder_tree import Operand, adder_tree
from hwgen.rtl.codes import matrix_lanes
from hwgen.rtl.elastic import (
    Counter,
    Stages,
    cast_shape,
    lanes_of,
    payload,
    placed,
    rom_attrs,
    rom_index,
    select,
    words_of,
)


class Mvu(wiring.Component):
    """Multiply vectors with a constant matrix, ``simd`` columns by ``pe`` rows per step.

    A vector's words come ceil(MH / PE) times over. Each step takes one; the last step of a pass
    emits ``pe`` sums. II of a vector: ceil(MW / SIMD) * ceil(MH / PE) cycles; latency
    ``plan.latency``. ``m`` vectors come side by side and share each step's weights.

    Parameters
    ----------
    weights : int array (MH, MW)
    x_shape : Amaranth shape of an input lane
    pe, simd : folding, need not divide MH and MW
    x_bipolar : input lanes are bipolar
    acc_shape : Amaranth shape of a sum; the smallest that holds all sums if None
    style : "auto" or "lut"
    memory : where the weights lie: "const" (or "auto"), "lutram", "bram", "writable"
    levels_per_stage : adders in a row between two registers
    m : vectors side by side

    Members
    -------
    i : In stream of ``m * simd`` codes, one vector's after another's; those past MW hold anything
    o : Out stream of ``m * pe`` sums; those past MH hold anything
    write_valid, write_address, write_data : In, of a writable memory: store 32 bits of a word. The
        address is word, then piece of the word in the lowest bits; of the sums' first values, whose
        words are output words, the highest bit is 1. ``arith.writing`` says what words hold
    """

    def __init__(
        self,
        weights,
        x_shape,
        *,
        pe,
        simd,
        x_bipolar=False,
        acc_shape=None,
        style="lut",
        memory="const",
        levels_per_stage=2,
        m=1,
    ):
        weights = np.asarray(weights, np.int64)
        check_within("Mvu", "PE", pe, "MH", weights.shape[0])
        check_within("Mvu", "SIMD", simd, "MW", weights.shape[1])
        assert style in ("auto", "lut"), f"style {style!r} is not built by this component"
        memory = "const" if memory == "auto" else memory
        known = ("const", "lutram", "bram", "writable")
        assert memory in known, f"memory {memory!r} is unknown"
        shape = cast_shape(x_shape)
        x, acc = matrix_lanes(weights, shape, x_bipolar, acc_shape)
        self.plan = MvuPlan(weights, x, acc, pe, simd, memory, levels_per_stage)
        self.schedule = timing.mvu(self.plan.words, self.plan.folds, latency=self.plan.latency)
        self.m = m
        members = {
            "i": In(lanes_of(shape, m * simd)),
            "o": Out(lanes_of(acc.codes, m * pe)),
        }
        if self.plan.writable:
            members |= {"write_valid": In(1), "write_address": In(32), "write_data": In(32)}
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        plan = self.plan
        latency = plan.latency
        stages = Stages(m, latency, self.i.valid, self.o.ready, last=False)
        m.d.comb += [self.i.ready.eq(stages.open[1]), stages.valid[latency].eq(self.o.valid)]
        digits = self._digits(m, stages)
        sums = []
        for vector in range(self.m):
            codes = self._codes(m, stages, vector)
            for pe in range(plan.pe):
                name = f"{vector}_{pe}"
                groups = [
                    self._products(m, codes, digits, pe, group, name) for group in plan.groups
                ]
                sums.append(adder_tree(m, stages, plan, groups, name))
        if plan.accumulates:
            self._accumulate(m, stages, sums)
        else:
            with m.If(stages.open[latency]):
                m.d.sync += self.o.valid.eq(stages.valid[latency - 1])
            for pe, total in enumerate(sums):
                m.d.comb += self.o.p[pe].eq(total << plan.x.gain - 1)
        return m

    def _codes(self, m, stages, vector):
        """Register a vector's lanes in unsigned form; one value over the lanes per bit."""
        plan = self.plan
        codes = []
        for bit in range(plan.x.bits):
            code = payload(plan.simd, f"u_{vector}_{bit}")
            lanes = range(vector * plan.simd, (vector + 1) * plan.simd)
            lanes = Cat(Value.cast(self.i.p[lane])[bit] for lane in lanes)
            inverted = plan.x.signed and bit == plan.x.bits - 1
            with m.If(stages.open[1]):
                m.d.sync += code.eq(~lanes if inverted else lanes)
            codes.append(code)
        return codes

    def _digits(self, m, stages):
        """Return the vectors of the plan's ``table`` row of the step that is in stage 1."""
        plan = self.plan
        step = rom_index(m, plan.steps, stages.enter[1], "step")
        if plan.merged:
            held = payload(step.shape(), "step_1")
            with m.If(stages.open[1]):
                m.d.sync += held.eq(step)
            digits = select(m, held, words_of(plan.table), plan.table.shape[1], "digits")
            return [digits[at:][: plan.simd] for at in range(0, len(digits), plan.simd)]
        stored, place = plan.stored
        word = self._read(m, stages, step, stored)
        return [
            placed(m, word, place[at:][: plan.simd], "digits")
            for at in range(0, len(place), plan.simd)
        ]

    def _read(self, m, stages, step, stored):
        """Return the memory word of the step that is in stage 1."""
        rows = words_of(stored)
        if self.plan.writable:
            number = self._written(m, rows, stored.shape[1], step, bias=False)
            word = payload(stored.shape[1], "weights")
            with m.If(stages.open[1]):
                m.d.sync += word.eq(number)
            return word
        memory = Memory(
            shape=unsigned(stored.shape[1]),
            depth=max(len(rows), 2),
            init=rows,
            attrs=rom_attrs(self.plan.memory),
        )
        m.submodules.weights = memory
        if self.plan.memory == "bram":
            port = memory.read_port()
            m.d.comb += [port.addr.eq(step), port.en.eq(stages.open[1])]
            return port.data
        port = memory.read_port(domain="comb")
        m.d.comb += port.addr.eq(step)
        word = payload(stored.shape[1], "weights")
        with m.If(stages.open[1]):
            m.d.sync += word.eq(port.data)
        return word

    def _written(self, m, rows, width, place, *, bias):
        """Return word ``place`` of memories that are written in pieces of 32 bits."""
        pieces = -(-width // PIECE)
        shift = (pieces - 1).bit_length()
        word = []
        for piece in range(pieces):
            bits = min(PIECE, width - PIECE * piece)
            memory = Memory(
                shape=unsigned(bits),
                depth=max(len(rows), 2),
                init=[row >> PIECE * piece & (1 << bits) - 1 for row in rows],
                attrs={"ram_style": "distributed"},
            )
            m.submodules[f"{'bias' if bias else 'weights'}_{piece}"] = memory
            write, read = memory.write_port(), memory.read_port(domain="comb")
            m.d.comb += [
                write.addr.eq(self.write_address >> shift),
                write.data.eq(self.write_data),
                write.en.eq(
                    self.write_valid
                    & (self.write_address[:shift] == piece)
                    & (self.write_address[31] == bias)
                ),
                read.addr.eq(place),
            ]
            word.append(read.data)
        return Cat(word)

    def _products(self, m, codes, digits, pe, group, name):
        """Return the lanes of one PE's group of planes that are ever chosen."""
        plan = self.plan
        planes = [self._digit(digits, pe, plane) for plane in group]
        if plan.implied and not plan.merged and group[-1] == len(plan.chosen) - 1:
            below = [self._digit(digits, pe, plane)[0] for plane in range(group[-1])]
            negative = planes[-1][1]
            planes[-1] = (negative & ~reduce(or_, below), negative)
        terms = []
        for bit in range(plan.x.bits + group[-1] - group[0]):
            term = Signal(plan.simd, name=f"term_{name}_{group[0]}_{bit}")
            parts = [
                chosen & (codes[bit - up] ^ negative)
                for up, (chosen, negative) in enumerate(planes)
                if 0 <= bit - up < plan.x.bits
            ]
            m.d.comb += term.eq(reduce(or_, parts))
            terms.append(term)
        return [self._operand(terms, pe, group, lane) for lane in self._used(pe, group)]

    def _digit(self, digits, pe, plane):
        """Return a plane's digits: chosen, negative, each a vector over the lanes."""
        at = 2 * (pe * len(self.plan.chosen) + plane)
        return digits[at], digits[at + 1]

    def _used(self, pe, group):
        """Return the lanes whose weights ever have a digit in these planes."""
        return np.flatnonzero(self.plan.possible[list(group), pe].any(axis=0)).tolist()

    def _operand(self, terms, pe, group, lane):
        """Return one lane's number, without the bits that it never has."""
        possible = self.plan.possible[list(group), pe, lane]
        low, high = np.flatnonzero(possible)[[0, -1]].tolist()
        bound = ((1 << self.plan.x.bits) - 1) << high - low
        bits = terms[low : self.plan.x.bits + high]
        return Operand(Cat(bit[lane] for bit in bits), group[0] + low, bound)

    def _accumulate(self, m, stages, sums):
        """Add the words of a pass; the first is added to the row's constant."""
        plan = self.plan
        latency = plan.latency
        word = Counter(m, plan.words, stages.enter[latency], "word")
        fold = rom_index(m, plan.folds, stages.enter[latency] & word.last, "fold")
        with m.If(stages.open[latency]):
            m.d.sync += self.o.valid.eq(stages.valid[latency - 1] & word.last)
        skip = plan.x.gain - 1
        starts = plan.bias & ((1 << plan.acc.bits) - 1)
        if plan.writable:
            width = plan.acc.bits * plan.pe
            rows = [pack(row.tolist(), plan.acc.bits) for row in starts]
            word_of = self._written(m, rows, width, fold, bias=True)
            biases = [word_of[at : at + plan.acc.bits] for at in range(0, width, plan.acc.bits)]
        else:
            biases = [
                select(m, fold, column.tolist(), plan.acc.bits, f"bias_{pe}")
                for pe, column in enumerate(starts.T)
            ]
        for pe, total in enumerate(sums):
            acc = payload(plan.acc.bits, f"acc_{pe}")
            base = Mux(word.first, biases[pe % plan.pe], acc)
            with m.If(stages.enter[latency]):
                m.d.sync += acc.eq(Cat(base[:skip], base[skip:] + total))
            m.d.comb += Value.cast(self.o.p[pe]).eq(acc)
