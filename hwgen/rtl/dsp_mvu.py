"""Matrix-vector unit on multipliers that hold several products each."""

from __future__ import annotations

import numpy as np
from amaranth.hdl import Cat, Const, Module, Mux, Value, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hwgen import timing
from hwgen.arith.dsp import DspPlan
from hwgen.errors import check_within
from hwgen.rtl.codes import matrix_lanes, number
from hwgen.rtl.elastic import (
    Counter,
    Stages,
    cast_shape,
    lanes_of,
    payload,
    placed,
    rom_attrs,
    rom_index,
    words_of,
)


class DspMvu(wiring.Component):
    """Multiply vectors with a constant matrix; multipliers hold products of several rows.

    Folding, streams and II as for ``Mvu``; latency ``plan.latency``. The products are written as
    ``*``, which synthesis puts into DSP blocks.

    Parameters
    ----------
    weights : int array (MH, MW)
    x_shape : Amaranth shape of an input lane
    pe, simd : folding, need not divide MH and MW
    x_bipolar : input lanes are bipolar
    acc_shape : Amaranth shape of a sum; the smallest that holds all sums if None
    memory : where the weights lie: "const" (or "auto"), "lutram", "bram"
    levels_per_stage : adders in a row between two registers
    m : vectors side by side, which share the weights

    Members
    -------
    i : In stream of ``m * simd`` codes, one vector's after another's; those past MW hold anything
    o : Out stream of ``m * pe`` sums; those past MH hold anything
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
        memory="const",
        levels_per_stage=2,
        m=1,
    ):
        weights = np.asarray(weights, np.int64)
        check_within("DspMvu", "PE", pe, "MH", weights.shape[0])
        check_within("DspMvu", "SIMD", simd, "MW", weights.shape[1])
        memory = "const" if memory == "auto" else memory
        assert memory in ("const", "lutram", "bram"), f"memory {memory!r} is unknown"
        shape = cast_shape(x_shape)
        x, acc = matrix_lanes(weights, shape, x_bipolar, acc_shape)
        self.plan = DspPlan(weights, x, acc, pe, simd, memory, levels_per_stage)
        assert self.plan.fits, "a code or a weight is wider than the multiplier"
        self.schedule = timing.mvu(self.plan.words, self.plan.folds, latency=self.plan.latency)
        self.m = m
        super().__init__(
            {
                "i": In(lanes_of(shape, m * simd)),
                "o": Out(lanes_of(acc.codes, m * pe)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        plan = self.plan
        stages = Stages(m, plan.latency, self.i.valid, self.o.ready, last=False)
        m.d.comb += [
            self.i.ready.eq(stages.open[1]),
            stages.valid[plan.latency].eq(self.o.valid),
        ]
        operands = self._operands(m, self._weights(m, stages))
        sums = []
        for vector in range(self.m):
            products = self._products(m, stages, operands, vector)
            for pe in range(plan.pe):
                group, field = divmod(pe, plan.fields)
                terms = [self._field(product, field) for product in products[group]]
                sums.append(self._tree(m, stages, terms, f"{vector}_{pe}"))
        self._accumulate(m, stages, sums)
        return m

    def _weights(self, m, stages):
        """Return the memory word of the step that is in stage 1, None where nothing changes."""
        plan = self.plan
        stored = plan.stored[0]
        if not stored.shape[1]:
            return None
        step = rom_index(m, plan.steps, stages.enter[1], "step")
        attrs = rom_attrs(plan.memory)
        m.submodules.weights = memory = Memory(
            shape=unsigned(stored.shape[1]), depth=plan.steps, init=words_of(stored), attrs=attrs
        )
        port = memory.read_port()
        m.d.comb += [port.addr.eq(step), port.en.eq(stages.open[1])]
        return port.data

    def _operands(self, m, word):
        """Return of each multiplier its packed operand and its parities, as signals."""
        plan = self.plan
        place, split = plan.stored[1], plan.multipliers * plan.operand_bits
        odd = place[split:].reshape(plan.groups, plan.fields - 1, plan.simd).transpose(0, 2, 1)
        return [
            (placed(m, word, operand, "operand"), placed(m, word, parities, "parities"))
            for operand, parities in zip(
                place[:split].reshape(plan.multipliers, -1),
                odd.reshape(plan.multipliers, plan.fields - 1),
                strict=True,
            )
        ]

    def _products(self, m, stages, operands, vector):
        """Return by group and lane each multiplier's result and parities, as of stage 2."""
        plan = self.plan
        bits, upper = plan.operand_bits, plan.fields - 1
        x_bits = plan.x.bits + (not plan.x.signed)
        found = []
        codes = []
        for lane in range(plan.simd):
            code = payload(signed(max(x_bits, 2)), f"x_{vector}_{lane}")
            with m.If(stages.open[1]):
                m.d.sync += code.eq(number(self.i.p[vector * plan.simd + lane], plan.x.bipolar))
            codes.append(code)
        for group in range(plan.groups):
            found.append([])
            for lane, code in enumerate(codes):
                operand, parities = operands[group * plan.simd + lane]
                name = f"{vector}_{group}_{lane}"
                product = payload(signed(bits + len(code)), f"product_{name}")
                odd = payload(max(upper, 1), f"odd_{name}")
                with m.If(stages.open[2]):
                    m.d.sync += [
                        product.eq(operand.as_signed() * code),
                        odd.eq(Cat(parity & code[0] for parity in parities)),
                    ]
                found[-1].append((product, odd))
        return found

    def _field(self, product, field):
        """Return a field without its lower end's borrow, and that borrow."""
        value, odd = product
        spacing, low = self.plan.spacing, field * self.plan.spacing
        borrows = [
            value[spacing * place] ^ odd[place - 1] if place else Const(0, 1)
            for place in range(self.plan.fields)
        ]
        if field == self.plan.fields - 1:
            return value[low:].as_signed(), borrows[field]
        return Cat(value[low : low + spacing], borrows[field + 1]).as_signed(), borrows[field]

    def _tree(self, m, stages, terms, name):
        """Return a word's sum as registered behind the tree, and a bit that is to be added."""
        plan = self.plan
        values = [value for value, _ in terms]
        carries = [carry for _, carry in terms if not isinstance(carry, Const)]
        for level in range(1, plan.levels + 1):
            pairs = [values[at : at + 2] for at in range(0, len(values), 2)]
            values = [
                _sum(*pair, carries.pop() if carries else None) if len(pair) > 1 else pair[0]
                for pair in pairs
            ]
            if level % plan.levels_per_stage == 0 or level == plan.levels:
                stage = 2 + -(-level // plan.levels_per_stage)
                values, carries = (
                    [
                        self._held(m, stages, stage, value, f"{kind}_{name}_{stage}_{n}")
                        for n, value in enumerate(row)
                    ]
                    for kind, row in (("sum", values), ("carry", carries))
                )
        assert len(carries) <= 1, "every adder but the last takes a carry bit"
        (total,) = values
        return total, carries[0] if carries else None

    def _held(self, m, stages, stage, value, name):
        register = payload(value.shape(), name)
        with m.If(stages.open[stage]):
            m.d.sync += register.eq(value)
        return register

    def _accumulate(self, m, stages, sums):
        """Add the words of a pass."""
        plan = self.plan
        latency = plan.latency
        word = Counter(m, plan.words, stages.enter[latency], "word")
        with m.If(stages.open[latency]):
            m.d.sync += self.o.valid.eq(stages.valid[latency - 1] & word.last)
        for lane, (total, carry) in enumerate(sums):
            acc = payload(signed(plan.acc.bits + (not plan.acc.signed)), f"acc_{lane}")
            base = Const(0, signed(1)) if plan.words == 1 else Mux(word.first, 0, acc)
            with m.If(stages.enter[latency]):
                m.d.sync += acc.eq(_sum(base, total, carry))
            m.d.comb += Value.cast(self.o.p[lane]).eq(acc)


def _sum(a, b, carry):
    """Return ``a + b + carry`` on one carry chain: the carry bit is added to itself below."""
    if carry is None:
        return a + b
    return (Cat(carry, a).as_signed() + Cat(carry, b).as_signed())[1:].as_signed()
