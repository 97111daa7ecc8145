"""Integer multiple and shift of each channel."""

from __future__ import annotations

import numpy as np
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen import timing
from hwgen.rtl.codes import number, product, times
from hwgen.rtl.elastic import Stages, lane_range, lane_shape, lanes_of, payload, rom_index, select


class Affine(wiring.Component):
    """Compute ``scale * x + bias`` of every channel. II 1, latency 2 (products, sums).

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
        self.schedule = timing.elementwise(timing.AFFINE_LATENCY)
        low, high = (-1, 1) if bipolar else lane_range(x_shape)
        ends = [c * f for c in (low, high) for f in (int(scale.min()), int(scale.max()))]
        self.product = lane_shape(min(ends), max(ends))
        super().__init__({"i": In(lanes_of(x_shape, lanes)), "o": Out(lanes_of(acc_shape, lanes))})

    def elaborate(self, platform):
        m = Module()
        stages = Stages(m, timing.AFFINE_LATENCY, self.i.valid, self.o.ready)
        m.d.comb += [self.i.ready.eq(stages.open[1]), self.o.valid.eq(stages.valid[2])]
        lanes = self.o.payload.shape().length
        word = rom_index(m, self.words, stages.enter[1], "word")
        scales, biases = (self._rows(values, lanes) for values in (self.scale, self.bias))
        for lane in range(lanes):
            code = number(self.i.p[lane], self.bipolar)
            scale = self._chosen(m, word, scales[:, lane], f"scale_{lane}")
            bias = self._chosen(m, word, biases[:, lane], f"bias_{lane}")
            value = times(code, scale) if isinstance(scale, int) else product(code, scale)
            scaled = payload(self.product, f"scaled_{lane}")
            shifted = payload(self.o.p[lane].shape(), f"shifted_{lane}")
            with m.If(stages.open[1]):
                m.d.sync += scaled.eq(value)
            if not isinstance(bias, int):
                addend, bias = bias, payload(bias.shape(), f"addend_{lane}")
                with m.If(stages.open[1]):
                    m.d.sync += bias.eq(addend)
            with m.If(stages.open[2]):
                m.d.sync += shifted.eq(scaled + bias)
            m.d.comb += self.o.p[lane].eq(shifted)
        return m

    def _rows(self, values, lanes):
        return np.broadcast_to(values, (self.words * lanes,)).reshape(self.words, lanes)

    def _chosen(self, m, word, column, name):
        values = column.tolist()
        if len(set(values)) == 1:
            return values[0]
        return select(m, word, values, lane_shape(min(values), max(values)), name)
