"""Integer multiple and shift of each channel."""

from __future__ import annotations

import numpy as np
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen import timing
from hwgen.rtl.codes import number, product, times
from hwgen.rtl.elastic import Counter, lane_shape, lanes_of, payload, select


class Affine(wiring.Component):
    """Compute ``scale * x + bias`` of every channel. II 1, latency 1.

    Parameters
    ----------
    scale, bias : int arrays, shape (1,) or (channels,), channels padded to whole words
    x_shape, acc_shape : Amaranth shapes of a code and of a result
    words, lanes : transfers of a pixel and codes of a transfer
    bipolar : whether an input lane is one bit for -1 or +1

    Members
    -------
    i : In stream of ``lanes`` codes
    o : Out stream of ``lanes`` results
    """

    def __init__(self, scale, bias, x_shape, acc_shape, *, words, lanes, bipolar=False):
        assert all(len(v) in (1, words * lanes) for v in (scale, bias)), "a number per channel"
        self.scale, self.bias, self.words, self.bipolar = scale, bias, words, bipolar
        self.schedule = timing.elementwise(1)
        super().__init__({"i": In(lanes_of(x_shape, lanes)), "o": Out(lanes_of(acc_shape, lanes))})

    def elaborate(self, platform):
        m = Module()
        lanes = self.o.payload.shape().length
        m.d.comb += self.i.ready.eq(~self.o.valid | self.o.ready)
        word = Counter(m, self.words, self.i.valid & self.i.ready, "word").value
        scales, biases = (self._rows(values, lanes) for values in (self.scale, self.bias))
        results = payload(self.o.payload.shape(), "results")
        m.d.comb += self.o.payload.eq(results)
        with m.If(self.i.ready):
            m.d.sync += self.o.valid.eq(self.i.valid)
            for lane in range(lanes):
                code = number(self.i.p[lane], self.bipolar)
                scale = self._chosen(m, word, scales[:, lane], f"scale_{lane}")
                bias = self._chosen(m, word, biases[:, lane], f"bias_{lane}")
                value = times(code, scale) if isinstance(scale, int) else product(code, scale)
                m.d.sync += results[lane].eq(value + bias)
        return m

    def _rows(self, values, lanes):
        return np.broadcast_to(values, (self.words * lanes,)).reshape(self.words, lanes)

    def _chosen(self, m, word, column, name):
        values = column.tolist()
        if len(set(values)) == 1:
            return values[0]
        return select(m, word, values, lane_shape(min(values), max(values)), name)
