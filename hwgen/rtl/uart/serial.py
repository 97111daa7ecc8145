"""Asynchronous serial lines: 8 bits, no parity, one stop bit."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out


class Receiver(wiring.Component):
    """Turn a line into bytes, sampled in the middle of each bit.

    Parameters
    ----------
    divisor : clock cycles of a bit, at least 4

    Members
    -------
    rx : line, from outside the clock domain
    octet, valid : a byte, for one cycle
    error : high for one cycle where a byte has no stop bit
    """

    def __init__(self, divisor):
        assert divisor >= 4, "a bit lasts long enough to find its middle"
        self.divisor = divisor
        super().__init__({"rx": In(1), "octet": Out(8), "valid": Out(1), "error": Out(1)})

    def elaborate(self, platform):
        m = Module()
        meta, line = Signal(init=1), Signal(init=1)
        m.d.sync += [meta.eq(self.rx), line.eq(meta)]
        left = Signal(range(self.divisor + 1))
        place = Signal(range(10))
        busy = Signal()
        bits = Signal(8)
        m.d.comb += self.octet.eq(bits)
        m.d.sync += [self.valid.eq(0), self.error.eq(0)]
        with m.If(~busy):
            # the middle of the start bit is half a bit away
            m.d.sync += [left.eq(self.divisor // 2 - 1), place.eq(0), busy.eq(~line)]
        with m.Elif(left != 0):
            m.d.sync += left.eq(left - 1)
        with m.Else():
            m.d.sync += [left.eq(self.divisor - 1), place.eq(place + 1)]
            with m.If(place == 0):
                m.d.sync += busy.eq(~line)  # a spike is no start bit
            with m.Elif(place == 9):
                m.d.sync += [busy.eq(0), self.valid.eq(line), self.error.eq(~line)]
            with m.Else():
                m.d.sync += bits.eq(Cat(bits[1:], line))
        return m


class Transmitter(wiring.Component):
    """Send bytes on a line.

    Parameters
    ----------
    divisor : clock cycles of a bit

    Members
    -------
    i : In stream of bytes
    tx : line, high while idle
    """

    def __init__(self, divisor):
        self.divisor = divisor
        super().__init__({"i": In(stream.Signature(8)), "tx": Out(1, init=1)})

    def elaborate(self, platform):
        m = Module()
        left = Signal(range(self.divisor))
        count = Signal(range(11))
        bits = Signal(9, init=0x1FF)
        m.d.comb += [self.i.ready.eq(count == 0)]
        tx = Signal(init=1)
        m.d.comb += self.tx.eq(tx)
        with m.If(count == 0), m.If(self.i.valid):
            m.d.sync += [
                bits.eq(Cat(self.i.payload, 1)),
                tx.eq(0),
                count.eq(10),
                left.eq(self.divisor - 1),
            ]
        with m.Else():
            m.d.sync += left.eq(Mux(left == 0, self.divisor - 1, left - 1))
            with m.If(left == 0):
                m.d.sync += [count.eq(count - 1), tx.eq(bits[0]), bits.eq(Cat(bits[1:], 1))]
        return m
