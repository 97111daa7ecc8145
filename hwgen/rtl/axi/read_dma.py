"""Memory to stream over AXI3."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hwgen.rtl.axi.bursts import Bursts
from hwgen.rtl.axi.ports import axi3_read

ISSUE_LATENCY = 2  # cycles from `start` to the first cycle with `ar.valid`


class ReadDma(wiring.Component):
    """Read bytes from memory and offer them as words, in order.

    Bursts have up to 16 beats and never cross 4 KiB; up to ``outstanding`` of them wait for their
    data at once. Data pass through combinationally: back-pressure reaches the memory.

    Parameters
    ----------
    data_bits : of the port and the stream
    id_bits : width of the port's IDs; all reads have ID 0 and thus keep their order
    outstanding : bursts under way

    Members
    -------
    start : begin; only while not busy
    address : multiple of the word's bytes
    length : bytes, at least 1; the bytes past the end of the last word come as 0
    abort : issue nothing more and drop what still comes
    busy : from the cycle after ``start`` until the last beat came
    error : a beat of this transfer came with an error; cleared by ``start``
    bus : AXI3 read channels
    o : Out stream of words
    """

    def __init__(self, *, data_bits=64, id_bits=6, outstanding=8):
        self.data_bits, self.outstanding = data_bits, outstanding
        super().__init__(
            {
                "start": In(1),
                "address": In(32),
                "length": In(32),
                "abort": In(1),
                "busy": Out(1),
                "error": Out(1),
                "bus": Out(axi3_read(data_bits=data_bits, id_bits=id_bits)),
                "o": Out(stream.Signature(data_bits)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        octets = self.data_bits // 8
        shift = octets.bit_length() - 1
        words = Signal(32)
        m.d.comb += words.eq((self.length >> shift) + self.length[:shift].any())
        issued, ended = Signal(), Signal()
        ar, r = self.bus.ar, self.bus.r
        take = Signal()
        bursts = Bursts(
            m,
            word_bytes=octets,
            load=self.start,
            address=self.address,
            words=words,
            step=take,
            stop=self.abort,
            prefix="next",
        )
        waiting = Signal(range(self.outstanding + 1))
        room = Signal()
        m.d.comb += [
            issued.eq(ar.valid & ar.ready),
            ended.eq(r.valid & r.ready & r.last),
            room.eq(waiting != self.outstanding),
            take.eq((bursts.left != 0) & room & ~self.abort & (~ar.valid | ar.ready)),
        ]
        m.d.sync += waiting.eq(waiting + take - ended)
        with m.If(take):
            m.d.sync += [
                ar.valid.eq(1),
                ar.addr.eq(bursts.address),
                ar.len.eq(bursts.beats),
            ]
        with m.Elif(issued):
            m.d.sync += ar.valid.eq(0)
        m.d.comb += [ar.size.eq(shift), ar.burst.eq(1), ar.cache.eq(0b0011)]
        self._beats(m, words)
        busy = Signal()
        m.d.comb += self.busy.eq(busy)
        over = bursts.left == 0
        with m.If(self.start):
            m.d.sync += busy.eq(1)
        with m.Elif(over & (waiting == 0) & ~take):
            m.d.sync += busy.eq(0)
        return m

    def _beats(self, m, words):
        """Pass data on; the last word may be cut."""
        r = self.bus.r
        octets = self.data_bits // 8
        shift = octets.bit_length() - 1
        left, tail = Signal(32), Signal(shift)
        moved = Signal()
        cut = Signal(self.data_bits)
        m.d.comb += [
            moved.eq(r.valid & r.ready),
            self.o.valid.eq(r.valid & ~self.abort),
            r.ready.eq(self.o.ready | self.abort),
            self.o.payload.eq(Mux((left == 1) & (tail != 0), cut, r.data)),
        ]
        for octet in range(octets):
            kept = Mux(octet < tail, 0xFF, 0)
            m.d.comb += cut[8 * octet :][:8].eq(r.data[8 * octet :][:8] & kept)
        with m.If(self.start):
            m.d.sync += [left.eq(words), tail.eq(self.length[:shift]), self.error.eq(0)]
        with m.Elif(moved):
            m.d.sync += left.eq(left - 1)
            with m.If(r.resp[1]):
                m.d.sync += self.error.eq(1)
