"""Join of two branches."""

from __future__ import annotations

import numpy as np
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen.rtl.codes import number, product, times
from hwgen.rtl.elastic import lane_range, lane_shape, lanes_of, payload, rom_index, select
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
        self.shapes = shapes
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
        out_free, held = ~self.o.valid | self.o.ready, Signal()
        go = out_free if self.schedule.latency == 1 else ~held | out_free
        m.d.comb += [self.i_0.ready.eq(go & self.i_1.valid), self.i_1.ready.eq(go & self.i_0.valid)]
        word = rom_index(m, self.words, both & go, "word")
        valid, products = both, [self._products(m, port, word) for port in (0, 1)]
        if self.schedule.latency == 2:
            valid = held
            with m.If(go):
                m.d.sync += held.eq(both)
            products = [self._registered(m, go, values) for values in products]
        sums = payload(self.o.payload.shape(), "sums")
        m.d.comb += self.o.payload.eq(sums)
        with m.If(out_free):
            m.d.sync += self.o.valid.eq(valid)
            for lane, (a, b) in enumerate(zip(*products, strict=True)):
                m.d.sync += sums[lane].eq(a + b)
        return m

    def _products(self, m, port, word):
        """Return each lane's product, with the multipliers of the current word of the pixel."""
        factors, codes = self.factors[port], (self.i_0, self.i_1)[port].payload
        lanes = codes.shape().length
        rows = np.broadcast_to(factors, (self.words * lanes,)).reshape(self.words, lanes)
        shape = lane_shape(int(factors.min()), int(factors.max()))
        found = []
        for lane in range(lanes):
            code, column = number(codes[lane], self.bipolar[port]), rows[:, lane].tolist()
            if len(set(column)) == 1:
                value = times(code, column[0])
            else:
                factor = select(m, word, column, shape, f"factor_{port}_{lane}")
                value = product(code, factor)
            exact = Signal(self._product_shape(port), name=f"product_{port}_{lane}")
            m.d.comb += exact.eq(value)
            found.append(exact)
        return found

    def _product_shape(self, port):
        low, high = (-1, 1) if self.bipolar[port] else lane_range(self.shapes[port])
        factors = int(self.factors[port].min()), int(self.factors[port].max())
        ends = [code * factor for code in (low, high) for factor in factors]
        return lane_shape(min(ends), max(ends))

    def _registered(self, m, go, values):
        found = [payload(value.shape(), f"{value.name}_held") for value in values]
        with m.If(go):
            m.d.sync += [register.eq(value) for register, value in zip(found, values, strict=True)]
        return found
