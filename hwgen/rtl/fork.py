"""One stream to several readers."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen import timing
from hwgen.rtl.elastic import lanes_of


class Fork(wiring.Component):
    """Copy every transfer to each output; readers may take it in different cycles.

    II 1, latency 1. The next transfer enters when all outputs have left.

    Parameters
    ----------
    shape : Amaranth shape of a lane
    lanes : lanes of a transfer
    copies : number of outputs

    Members
    -------
    i : In stream
    o_0, o_1, ... : Out streams
    """

    def __init__(self, shape, lanes, copies):
        self.copies = copies
        self.schedule = timing.fork(copies)
        outputs = {f"o_{n}": Out(lanes_of(shape, lanes)) for n in range(copies)}
        super().__init__({"i": In(lanes_of(shape, lanes)), **outputs})

    def elaborate(self, platform):
        m = Module()
        held = Signal.like(self.i.payload, name="held", reset_less=True)
        outputs = [getattr(self, f"o_{n}") for n in range(self.copies)]
        m.d.comb += self.i.ready.eq(Cat(~o.valid | o.ready for o in outputs).all())
        with m.If(self.i.ready):
            m.d.sync += held.eq(self.i.payload)
        for output in outputs:
            m.d.comb += output.payload.eq(held)
            with m.If(self.i.ready):
                m.d.sync += output.valid.eq(self.i.valid)
            with m.Elif(output.ready):
                m.d.sync += output.valid.eq(0)
        return m
