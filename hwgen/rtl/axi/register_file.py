"""AXI4-Lite registers."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen.link.registers import CONTROL, REGISTERS, STATUS
from hwgen.rtl.axi.ports import OKAY, SLVERR, axi_lite

_BITS = 7
_LEVEL = "busy"  # the status bit that shows a signal; the others are flags


class RegisterFile(wiring.Component):
    """The registers of ``link.REGISTERS``; one access each way at a time.

    An offset without a register, a write to one that is only read and a write of less than a word
    are answered with SLVERR and change nothing.

    Members
    -------
    bus : In AXI4-Lite port; address bits above the map are ignored
    a member of each register's name : In for those that are only read, Out for those that keep
        what is written; of ``control`` an Out ``control_NAME`` per bit, high for one cycle, of
        ``status`` an In ``status_NAME`` per bit that sets it (of ``busy``: that is it); of those
        that are only written also an Out ``written_NAME``, high for one cycle
    """

    def __init__(self):
        members = {"bus": In(axi_lite())}
        for name, register in REGISTERS.items():
            if register.access in ("r", "rw", "w"):
                members[name] = (In if register.access == "r" else Out)(32)
            if register.access == "w":
                members[f"written_{name}"] = Out(1)
        members |= {f"control_{name}": Out(1) for name in CONTROL}
        members |= {f"status_{name}": In(1) for name in STATUS}
        assert len(REGISTERS) * 4 <= 1 << _BITS, "the map fits the decoded address bits"
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        flags = {name: Signal(name=f"flag_{name}") for name in STATUS}
        for name, flag in flags.items():
            if name == _LEVEL:
                m.d.comb += flag.eq(self.status_busy)
        self._write(m, flags)
        self._read(m, flags)
        for name, flag in flags.items():
            with m.If(getattr(self, f"status_{name}")):
                if name != _LEVEL:
                    m.d.sync += flag.eq(1)
        return m

    def _write(self, m, flags):
        aw, w, b = self.bus.aw, self.bus.w, self.bus.b
        accept = Signal()
        m.d.comb += [
            accept.eq(aw.valid & w.valid & ~b.valid),
            aw.ready.eq(accept),
            w.ready.eq(accept),
        ]
        for name in CONTROL:
            m.d.sync += getattr(self, f"control_{name}").eq(0)
        for name, register in REGISTERS.items():
            if register.access == "w":
                m.d.sync += getattr(self, f"written_{name}").eq(0)
        with m.If(b.ready):
            m.d.sync += b.valid.eq(0)
        with m.If(accept):
            m.d.sync += [b.valid.eq(1), b.resp.eq(SLVERR)]
            with m.If(w.strb.all()), m.Switch(aw.addr[2:_BITS]):
                for name, register in REGISTERS.items():
                    if register.access == "r":
                        continue
                    with m.Case(register.offset >> 2):
                        m.d.sync += b.resp.eq(OKAY)
                        self._store(m, name, flags)

    def _store(self, m, name, flags):
        data = self.bus.w.data
        match REGISTERS[name].access:
            case "rw":
                m.d.sync += getattr(self, name).eq(data)
            case "w":
                m.d.sync += [getattr(self, name).eq(data), getattr(self, f"written_{name}").eq(1)]
            case "w1":
                m.d.sync += [
                    getattr(self, f"control_{bit}").eq(data[at]) for bit, at in CONTROL.items()
                ]
            case "w1c":
                for bit, at in STATUS.items():
                    if bit != _LEVEL:
                        with m.If(data[at]):
                            m.d.sync += flags[bit].eq(0)

    def _read(self, m, flags):
        ar, r = self.bus.ar, self.bus.r
        accept = Signal()
        m.d.comb += [accept.eq(ar.valid & ~r.valid), ar.ready.eq(accept)]
        with m.If(r.ready):
            m.d.sync += r.valid.eq(0)
        with m.If(accept):
            m.d.sync += [r.valid.eq(1), r.resp.eq(SLVERR), r.data.eq(0)]
            with m.Switch(ar.addr[2:_BITS]):
                for name, register in REGISTERS.items():
                    with m.Case(register.offset >> 2):
                        m.d.sync += r.resp.eq(OKAY)
                        if name == "status":
                            for bit, at in STATUS.items():
                                m.d.sync += r.data[at].eq(flags[bit])
                        elif register.access in ("r", "rw"):
                            m.d.sync += r.data.eq(getattr(self, name))
