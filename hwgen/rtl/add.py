"""Join of two branches."""

from __future__ import annotations

from amaranth.hdl import Array, Const, Module, Shape, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen.rtl.codes import number
from hwgen.rtl.elastic import lanes_of
from hwgen.rtl.walker import Nest
from hwgen.timing.conv import add, add_latency


class Add(wiring.Component):
    """Weigh two streams with integers and add them, transfer by transfer.

    II 1; latency ``timing.add_latency(m_a, m_b)``: 1 where the multipliers are mere shifts, else 2.

    Parameters
    ----------
    m_a, m_b : int arrays, shape (1,) or (channels,), channels padded to whole words
    shapes : Amaranth shapes of a lane of each input
    acc_shape : Amaranth shape of a sum
    words, lanes : transfers of a pixel and codes of a transfer
    bipolar : whether a lane of each input is one bit for -1 or +1

    Members
    -------
    i_0, i_1 : In streams of ``lanes`` codes
    o : Out stream of ``lanes`` sums
    """

    def __init__(self, m_a, m_b, shapes, acc_shape, *, words, lanes, bipolar=(False, False)):
        assert all(len(m) in (1, words * lanes) for m in (m_a, m_b)), "a multiplier per channel"
        self.factors, self.words, self.bipolar = (m_a, m_b), words, bipolar
        self.schedule = add(add_latency(m_a, m_b))
        super().__init__(
            {
                "i_0": In(lanes_of(shapes[0], lanes)),
                "i_1": In(lanes_of(shapes[1], lanes)),
                "o": Out(lanes_of(acc_shape, lanes)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        both = self.i_0.valid & self.i_1.valid
        out_free = ~self.o.valid | self.o.ready
        held = Signal()
        go = out_free if self.schedule.latency == 1 else ~held | out_free
        m.d.comb += [self.i_0.ready.eq(go & self.i_1.valid), self.i_1.ready.eq(go & self.i_0.valid)]
        word = Nest(m, [self.words], both & go).index[0]
        products = [self._products(port, word) for port in (0, 1)]
        valid = both
        if self.schedule.latency == 2:
            valid, ready_products = held, products
            products = [[Signal.like(p, reset_less=True) for p in ps] for ps in ready_products]
            with m.If(go):
                m.d.sync += held.eq(both)
                for registers, values in zip(products, ready_products, strict=True):
                    m.d.sync += [r.eq(v) for r, v in zip(registers, values, strict=True)]
        payload = Signal(self.o.payload.shape(), reset_less=True)
        m.d.comb += self.o.payload.eq(payload)
        with m.If(out_free):
            m.d.sync += self.o.valid.eq(valid)
            for lane, (a, b) in enumerate(zip(*products, strict=True)):
                m.d.sync += payload[lane].eq(a + b)
        return m

    def _products(self, port, word):
        """Return each lane's product, with the multipliers of the current word of the pixel."""
        factors, payload = self.factors[port], (self.i_0, self.i_1)[port].payload
        lanes = range(payload.shape().length)
        codes = [number(payload[lane], self.bipolar[port]) for lane in lanes]
        if len(factors) == 1:
            return [code * int(factors[0]) for code in codes]
        table = factors.reshape(self.words, len(lanes))
        return [code * _chosen(table[:, lane], word) for lane, code in enumerate(codes)]


def _chosen(values, index):
    constants = [Const(int(value), _span(values)) for value in values]
    return constants[0] if index is None else Array(constants)[index]


def _span(values):
    return Shape.cast(range(int(values.min()), int(values.max()) + 1))
