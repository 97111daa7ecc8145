"""AXI3 to AXI4-Lite."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen.rtl.axi.ports import SLVERR, axi3, axi_lite


class Axi3ToLite(wiring.Component):
    """Let an AXI3 master reach AXI4-Lite registers, one access each way at a time.

    IDs are returned. A burst of more than one beat is not passed on: all its beats are taken or
    given, and it is answered with SLVERR.

    Parameters
    ----------
    id_bits : width of the master's IDs (12 on a Zynq-7000's general-purpose port)

    Members
    -------
    bus : In AXI3 port
    lite : Out AXI4-Lite port
    """

    def __init__(self, *, id_bits=12):
        self.id_bits = id_bits
        super().__init__({"bus": In(axi3(data_bits=32, id_bits=id_bits)), "lite": Out(axi_lite())})

    def elaborate(self, platform):
        m = Module()
        self._write(m)
        self._read(m)
        return m

    def _write(self, m):
        bus, lite = self.bus, self.lite
        burst = Signal()
        m.d.comb += bus.b.valid.eq(0)
        with m.If(lite.aw.ready):
            m.d.sync += lite.aw.valid.eq(0)
        with m.If(lite.w.ready):
            m.d.sync += lite.w.valid.eq(0)
        with m.FSM(name="write"):
            with m.State("ADDRESS"):
                m.d.comb += bus.aw.ready.eq(1)
                with m.If(bus.aw.valid):
                    m.d.sync += [
                        lite.aw.addr.eq(bus.aw.addr),
                        lite.aw.prot.eq(bus.aw.prot),
                        bus.b.id.eq(bus.aw.id),
                        burst.eq(bus.aw.len != 0),
                    ]
                    m.next = "DATA"
            with m.State("DATA"):
                m.d.comb += bus.w.ready.eq(1)
                m.d.sync += [lite.w.data.eq(bus.w.data), lite.w.strb.eq(bus.w.strb)]
                with m.If(bus.w.valid & bus.w.last):
                    m.d.sync += bus.b.resp.eq(SLVERR)
                    m.next = "ANSWER"
                    with m.If(~burst):
                        m.d.sync += [lite.aw.valid.eq(1), lite.w.valid.eq(1)]
                        m.next = "WAIT"
            with m.State("WAIT"):
                m.d.comb += lite.b.ready.eq(1)
                m.d.sync += bus.b.resp.eq(lite.b.resp)
                with m.If(lite.b.valid):
                    m.next = "ANSWER"
            with m.State("ANSWER"):
                m.d.comb += bus.b.valid.eq(1)
                with m.If(bus.b.ready):
                    m.next = "ADDRESS"

    def _read(self, m):
        bus, lite = self.bus, self.lite
        left = Signal(4)
        m.d.comb += bus.r.last.eq(left == 0)
        with m.FSM(name="read"):
            with m.State("ADDRESS"):
                m.d.comb += bus.ar.ready.eq(1)
                with m.If(bus.ar.valid):
                    m.d.sync += [
                        lite.ar.addr.eq(bus.ar.addr),
                        lite.ar.prot.eq(bus.ar.prot),
                        bus.r.id.eq(bus.ar.id),
                        left.eq(bus.ar.len),
                        bus.r.resp.eq(SLVERR),
                        bus.r.data.eq(0),
                    ]
                    m.next = "ANSWER"
                    with m.If(bus.ar.len == 0):
                        m.next = "ASK"
            with m.State("ASK"):
                m.d.comb += lite.ar.valid.eq(1)
                with m.If(lite.ar.ready):
                    m.next = "WAIT"
            with m.State("WAIT"):
                m.d.comb += lite.r.ready.eq(1)
                m.d.sync += [bus.r.data.eq(lite.r.data), bus.r.resp.eq(lite.r.resp)]
                with m.If(lite.r.valid):
                    m.next = "ANSWER"
            with m.State("ANSWER"):
                m.d.comb += bus.r.valid.eq(1)
                with m.If(bus.r.ready):
                    m.d.sync += left.eq(left - 1)
                    with m.If(left == 0):
                        m.next = "ADDRESS"
