"""Matrix-vector unit whose weights arrive beside the vectors."""

from __future__ import annotations

from functools import reduce
from operator import and_, or_, xor

from amaranth.hdl import Cat, Const, Module, Mux, Shape, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen import timing
from hwgen.arith.mvu import Lane
from hwgen.arith.stream import StreamPlan
from hwgen.rtl.elastic import Counter, Stages, cast_shape, lanes_of, payload
from hwgen.rtl.heap import Wires, add_up


class StreamMvu(wiring.Component):
    """Multiply vectors with matrices that come as a stream, ``simd`` columns by ``pe`` rows a step.

    Each step takes a word of the vector and the weights of ``pe`` rows; the last of ``words`` steps
    emits ``pe`` sums. II 1 per step, latency ``plan.latency``.

    Parameters
    ----------
    words : steps of a sum, MW / SIMD
    x_shape : Amaranth shape of an input lane
    w_shape : Amaranth shape of a weight, signed unless bipolar
    pe, simd : rows and columns of a step
    x_bipolar, w_bipolar : lanes are one bit for -1 or +1
    adders_per_stage : adders in a row between two registers

    Members
    -------
    i : In stream of ``simd`` codes
    i_weights : In stream of ``pe * simd`` weights, one row's after another's
    o : Out stream of ``pe`` sums, wide enough for every weight
    """

    def __init__(
        self,
        words,
        x_shape,
        w_shape,
        *,
        pe,
        simd,
        x_bipolar=False,
        w_bipolar=False,
        adders_per_stage=StreamPlan.adders_per_stage,
    ):
        x, w = cast_shape(x_shape), cast_shape(w_shape)
        assert w.signed or w_bipolar, "a weight is signed or bipolar"
        lanes = Lane(x.width, x.signed, x_bipolar), Lane(w.width, w.signed, w_bipolar)
        self.plan = StreamPlan(words, *lanes, pe, simd, adders_per_stage)
        self.schedule = timing.stream_mvu(words, latency=self.plan.latency)
        acc = Shape(self.plan.acc.bits, self.plan.acc.signed)
        super().__init__(
            {
                "i": In(lanes_of(x, simd)),
                "i_weights": In(lanes_of(w, pe * simd)),
                "o": Out(lanes_of(acc, pe)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        latency = self.plan.latency
        both = self.i.valid & self.i_weights.valid
        stages = Stages(m, latency, both, self.o.ready, last=False)
        m.d.comb += [
            self.i.ready.eq(stages.open[1] & self.i_weights.valid),
            self.i_weights.ready.eq(stages.open[1] & self.i.valid),
            stages.valid[latency].eq(self.o.valid),
        ]
        sums = [self._row(m, stages, row) for row in range(self.plan.pe)]
        self._accumulate(m, stages, sums)
        return m

    def _row(self, m, stages, row):
        """Return a row's sum of a step, as registered in front of the accumulator."""
        plan = self.plan
        netlist, word = plan.built
        bits = []
        for group in plan.groups:
            products = [self._product(product, row) for product in group.products]
            if len(products) == 1:
                bits += products
            else:
                a, b, c = products
                bits += [reduce(xor, products), reduce(or_, [a & b, a & c, b & c])]
        heap = payload(len(bits), f"heap_{row}")
        with m.If(stages.open[1]):
            m.d.sync += heap.eq(Cat(bits))
        wires = Wires([heap], netlist.inputs, f"{row}_")
        add_up(m, stages, plan, wires, first=2)
        return wires.word(word)

    def _product(self, product, row):
        lane, x, w, inverted = product
        weight = Value.cast(self.i_weights.p[row * self.plan.simd + lane])
        parts = [] if x is None else [Value.cast(self.i.p[lane])[x]]
        parts += [] if w is None else [weight[w]]
        if len(parts) == 2 and (self.plan.x.bipolar or self.plan.w.bipolar):
            return reduce(xor, parts) if inverted else ~reduce(xor, parts)
        found = reduce(and_, parts)
        return ~found if inverted else found

    def _accumulate(self, m, stages, sums):
        """Add the steps of a sum to its constant."""
        plan = self.plan
        latency = plan.latency
        word = Counter(m, plan.words, stages.enter[latency], "word")
        with m.If(stages.open[latency]):
            m.d.sync += self.o.valid.eq(stages.valid[latency - 1] & word.last)
        start = plan.bias & (1 << plan.acc.bits) - 1
        below = Const(start, plan.acc.bits)[: plan.low]  # of what has no bits there
        for row, total in enumerate(sums):
            acc = payload(plan.acc.bits - plan.low, f"acc_{row}")
            base = Mux(word.first, start >> plan.low, acc)
            with m.If(stages.enter[latency]):
                m.d.sync += acc.eq(base + total[plan.low :])
            m.d.comb += Value.cast(self.o.p[row]).eq(Cat(below, acc))
