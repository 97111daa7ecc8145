"""Packets to and from bytes; ``link.packets`` says what they look like."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hwgen.link.packets import ESCAPE, FLAG, FLIP, OVERHEAD, RESIDUE

_POLYNOMIAL = 0xEDB88320  # CRC-32 of IEEE 802.3, lowest bit first
_ONES = 0xFFFFFFFF


def crc32(state, octet):
    """Return the CRC register behind one more byte."""
    bits = [state[n] for n in range(32)]
    for index in range(8):
        feedback = bits[0] ^ octet[index]
        bits = [
            bit ^ feedback if _POLYNOMIAL >> place & 1 else bit
            for place, bit in enumerate([*bits[1:], 0])
        ]
    return Cat(bits)


class PacketReceiver(wiring.Component):
    """Find packets among bytes and store the payload as it comes.

    Parameters
    ----------
    most : bytes of the longest payload

    Members
    -------
    octet, valid, error : from a ``Receiver``
    lock : bytes that come now spoil their packet, nothing is written
    write, address, data : payload bytes, before it is known whether the packet is right
    good : for one cycle at the end of a right packet, with ``kind``, ``sequence``, ``length``
    """

    def __init__(self, most):
        self.most = most
        size = range(most + OVERHEAD + 1)
        super().__init__(
            {
                "octet": In(8),
                "valid": In(1),
                "error": In(1),
                "lock": In(1),
                "write": Out(1),
                "address": Out(size),
                "data": Out(8),
                "good": Out(1),
                "kind": Out(8),
                "sequence": Out(8),
                "length": Out(size),
            }
        )

    def elaborate(self, platform):
        m = Module()
        count = Signal(range(self.most + OVERHEAD + 1))
        crc = Signal(32, init=_ONES)
        escaped, spoiled = Signal(), Signal()
        octet = Signal(8)
        flag, escape, body = Signal(), Signal(), Signal()
        m.d.comb += [
            flag.eq(self.valid & (self.octet == FLAG)),
            escape.eq(self.valid & (self.octet == ESCAPE)),
            body.eq(self.valid & ~flag & ~escape),
            octet.eq(Mux(escaped, self.octet ^ FLIP, self.octet)),
            self.data.eq(octet),
            self.address.eq(count - 2),
            self.write.eq(body & (count >= 2) & (count < self.most + 2) & ~self.lock),
            self.good.eq(flag & (crc == RESIDUE) & (count >= OVERHEAD) & ~spoiled & ~escaped),
            self.length.eq(count - OVERHEAD),
        ]
        with m.If(flag):
            m.d.sync += [count.eq(0), crc.eq(_ONES), escaped.eq(0), spoiled.eq(self.lock)]
        with m.Elif(escape):
            m.d.sync += escaped.eq(1)
        with m.Elif(body):
            m.d.sync += [crc.eq(crc32(crc, octet)), escaped.eq(0), count.eq(count + 1)]
            with m.If((count == self.most + OVERHEAD) | self.lock):
                m.d.sync += [spoiled.eq(1), count.eq(count)]
            with m.If(count == 0):
                m.d.sync += self.kind.eq(octet)
            with m.If(count == 1):
                m.d.sync += self.sequence.eq(octet)
        with m.If(self.error):
            m.d.sync += spoiled.eq(1)
        return m


class PacketSender(wiring.Component):
    """Send a packet whose payload comes as a stream.

    Parameters
    ----------
    most : bytes of the longest payload, at least 1

    Members
    -------
    start : begin, with ``kind``, ``sequence``, ``length``, which stay until ``busy`` falls
    busy : a packet is being sent
    i : In stream of payload bytes
    o : Out stream of bytes for a ``Transmitter``
    """

    def __init__(self, most):
        self.most = most
        super().__init__(
            {
                "start": In(1),
                "kind": In(8),
                "sequence": In(8),
                "length": In(range(most + 1)),
                "busy": Out(1),
                "i": In(stream.Signature(8)),
                "o": Out(stream.Signature(8)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        octet, offered = Signal(8), Signal()
        special, escaped, sent = Signal(), Signal(), Signal()
        crc, left = Signal(32), Signal(range(self.most + 1))
        place = Signal(2)
        m.d.comb += special.eq((octet == FLAG) | (octet == ESCAPE))
        with m.FSM(name="send") as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("IDLE"))
            with m.State("IDLE"):
                m.d.sync += [crc.eq(_ONES), left.eq(self.length), place.eq(0)]
                with m.If(self.start):
                    m.next = "OPEN"
            with m.State("OPEN"):
                self._flag(m, "KIND")
            with m.State("KIND"):
                m.d.comb += [octet.eq(self.kind), offered.eq(1)]
                with m.If(sent):
                    m.next = "SEQUENCE"
            with m.State("SEQUENCE"):
                m.d.comb += [octet.eq(self.sequence), offered.eq(1)]
                with m.If(sent):
                    m.next = "PAYLOAD"
            with m.State("PAYLOAD"):
                some = left != 0
                m.d.comb += [octet.eq(self.i.payload), offered.eq(self.i.valid & some)]
                m.d.comb += self.i.ready.eq(sent)
                with m.If(sent):
                    m.d.sync += left.eq(left - 1)
                with m.If(~some):
                    m.next = "CRC"
            with m.State("CRC"):
                m.d.comb += [octet.eq(~crc.word_select(place, 8)), offered.eq(1)]
                with m.If(sent):
                    m.d.sync += place.eq(place + 1)
                    with m.If(place == 3):
                        m.next = "CLOSE"
            with m.State("CLOSE"):
                self._flag(m, "IDLE")
            summed = fsm.ongoing("KIND") | fsm.ongoing("SEQUENCE") | fsm.ongoing("PAYLOAD")
        with m.If(offered):
            m.d.comb += self.o.valid.eq(1)
            with m.If(special & ~escaped):
                m.d.comb += self.o.payload.eq(ESCAPE)
            with m.Else():
                m.d.comb += self.o.payload.eq(Mux(special, octet ^ FLIP, octet))
                m.d.comb += sent.eq(self.o.ready)
            with m.If(self.o.ready):
                m.d.sync += escaped.eq(special & ~escaped)
        with m.If(sent & summed):
            m.d.sync += crc.eq(crc32(crc, octet))
        return m

    def _flag(self, m, following):
        m.d.comb += [self.o.payload.eq(FLAG), self.o.valid.eq(1)]
        with m.If(self.o.ready):
            m.next = following
