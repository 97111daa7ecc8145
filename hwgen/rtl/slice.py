"""A range of channels."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen.rtl.elastic import lanes_of
from hwgen.rtl.walker import Nest
from hwgen.timing.conv import slice_words


class Slice(wiring.Component):
    """Pass some transfers of each pixel, swallow the others. II 1, latency 1.

    Parameters
    ----------
    words : transfers of a pixel
    start, stop : the transfers that pass, ``start..stop - 1``
    shape : Amaranth shape of a lane
    lanes : codes of a transfer

    Members
    -------
    i, o : In and out streams of ``lanes`` codes
    """

    def __init__(self, words, start, stop, shape, *, lanes):
        self.words, self.start, self.stop = words, start, stop
        self.schedule = slice_words(words, start, stop)
        super().__init__({"i": In(lanes_of(shape, lanes)), "o": Out(lanes_of(shape, lanes))})

    def elaborate(self, platform):
        m = Module()
        payload = Signal(self.o.payload.shape(), reset_less=True)
        m.d.comb += [self.i.ready.eq(~self.o.valid | self.o.ready), self.o.payload.eq(payload)]
        nest = Nest(m, [self.words], self.i.valid & self.i.ready)
        with m.If(self.i.ready):
            m.d.sync += self.o.valid.eq(self.i.valid & nest.within(0, self.start, self.stop))
            m.d.sync += payload.eq(self.i.payload)
        return m
