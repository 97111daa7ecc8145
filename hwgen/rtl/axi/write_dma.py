"""Stream to memory over AXI3."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hwgen.rtl.axi.bursts import Bursts
from hwgen.rtl.axi.ports import axi3_write


class WriteDma(wiring.Component):
    """Write words of a stream to memory, in order.

    Bursts have up to 16 beats and never cross 4 KiB; their addresses go ahead of their data, up to
    ``outstanding`` bursts not yet answered.

    Parameters
    ----------
    data_bits : of the port and the stream
    id_bits : width of the port's IDs; all writes have ID 0
    outstanding : bursts under way

    Members
    -------
    start : begin; only while not busy
    address : multiple of the word's bytes
    length : bytes, at least 1; of the last word no byte past the end is written
    abort : issue nothing more; what is issued ends with beats that write nothing
    busy : from the cycle after ``start`` until the last answer came
    error : a burst of this transfer was answered with an error; cleared by ``start``
    bus : AXI3 write channels
    i : In stream of words
    """

    def __init__(self, *, data_bits=64, id_bits=6, outstanding=4):
        self.data_bits, self.outstanding = data_bits, outstanding
        super().__init__(
            {
                "start": In(1),
                "address": In(32),
                "length": In(32),
                "abort": In(1),
                "busy": Out(1),
                "error": Out(1),
                "bus": Out(axi3_write(data_bits=data_bits, id_bits=id_bits)),
                "i": In(stream.Signature(data_bits)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        octets = self.data_bits // 8
        shift = octets.bit_length() - 1
        words = Signal(32)
        m.d.comb += words.eq((self.length >> shift) + self.length[:shift].any())
        aw, b = self.bus.aw, self.bus.b
        take, answered = Signal(), Signal()
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
            answered.eq(b.valid & b.ready),
            b.ready.eq(1),
            room.eq(waiting != self.outstanding),
            take.eq((bursts.left != 0) & room & ~self.abort & (~aw.valid | aw.ready)),
        ]
        m.d.sync += waiting.eq(waiting + take - answered)
        with m.If(take):
            m.d.sync += [
                aw.valid.eq(1),
                aw.addr.eq(bursts.address),
                aw.len.eq(bursts.beats),
            ]
        with m.Elif(aw.ready):
            m.d.sync += aw.valid.eq(0)
        m.d.comb += [aw.size.eq(shift), aw.burst.eq(1), aw.cache.eq(0b0011)]
        self._beats(m, words, aw.valid & aw.ready)
        busy = Signal()
        m.d.comb += self.busy.eq(busy)
        with m.If(self.start):
            m.d.sync += [busy.eq(1), self.error.eq(0)]
        with m.Else():
            with m.If((bursts.left == 0) & (waiting == 0) & ~take):
                m.d.sync += busy.eq(0)
            with m.If(answered & b.resp[1]):
                m.d.sync += self.error.eq(1)
        return m

    def _beats(self, m, words, issued):
        """Send the data of bursts whose address was accepted, from a register."""
        octets = self.data_bits // 8
        shift = octets.bit_length() - 1
        w = self.bus.w
        sending = Bursts(
            m,
            word_bytes=octets,
            load=self.start,
            address=self.address,
            words=words,
            step=0,
            stop=0,
            prefix="sent",
        )
        allowed = Signal(range(self.outstanding + 1))  # bursts accepted whose data are not all here
        tail = Signal(shift)
        load, last = Signal(), Signal()
        strobes = Mux((sending.left == 1) & (tail != 0), (1 << tail) - 1, (1 << octets) - 1)
        place = sending.address[shift : shift + 4]
        m.d.comb += [
            last.eq(place.all() | (sending.left == 1)),
            load.eq((allowed != 0) & (self.i.valid | self.abort) & (~w.valid | w.ready)),
            self.i.ready.eq((allowed != 0) & ~self.abort & (~w.valid | w.ready)),
        ]
        with m.If(load):
            m.d.sync += [
                w.valid.eq(1),
                w.data.eq(self.i.payload),
                w.strb.eq(Mux(self.abort, 0, strobes)),
                w.last.eq(last),
                sending.address.eq(sending.address + octets),
                sending.left.eq(sending.left - 1),
            ]
        with m.Elif(w.ready):
            m.d.sync += w.valid.eq(0)
        m.d.sync += allowed.eq(allowed + issued - (load & last))
        with m.If(self.start):
            m.d.sync += tail.eq(self.length[:shift])
