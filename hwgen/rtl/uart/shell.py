"""The serial shell: packets around a core."""

from __future__ import annotations

from amaranth.hdl import Array, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out, connect, flipped

from hwgen.link.packets import ANSWER, ASK, PROTOCOL, RUN, Identity
from hwgen.rtl.packing import Pack, Unpack
from hwgen.rtl.uart.packets import PacketReceiver, PacketSender
from hwgen.rtl.uart.serial import Receiver, Transmitter


class UartShell(wiring.Component):
    """Run frames that come in packets through a core, one at a time.

    A frame is kept until its packet is known to be right, and only then enters the core. While a
    request is answered, packets that come are dropped.

    Parameters
    ----------
    frame_in, frame_out : ``link.FrameFormat`` of 1-byte words
    build : hash of the core, 64 bits
    divisor : clock cycles of a bit on the line

    Members
    -------
    rx, tx : serial lines
    core_i, core_o : Out stream to, In stream from the core
    """

    def __init__(self, frame_in, frame_out, *, build, divisor):
        assert frame_in.word_bytes == frame_out.word_bytes == 1, "words of a serial line"
        self.frame_in, self.frame_out, self.divisor = frame_in, frame_out, divisor
        self.identity = Identity(PROTOCOL, build, frame_in.bytes, frame_out.bytes)
        super().__init__(
            {
                "rx": In(1),
                "tx": Out(1, init=1),
                "core_i": Out(stream.Signature(frame_in.lanes * frame_in.bits)),
                "core_o": In(stream.Signature(frame_out.lanes * frame_out.bits)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        octets = self.identity.octets()
        size_in, size_out = self.frame_in.bytes, self.frame_out.bytes
        m.submodules.receiver = receiver = Receiver(self.divisor)
        m.submodules.transmitter = transmitter = Transmitter(self.divisor)
        m.submodules.packets = packets = PacketReceiver(size_in)
        m.submodules.sender = sender = PacketSender(max(size_out, len(octets)))
        m.submodules.unpack = unpack = Unpack(self.frame_in)
        m.submodules.pack = pack = Pack(self.frame_out)
        connect(m, unpack.o, flipped(self.core_i))
        connect(m, flipped(self.core_o), pack.i)
        connect(m, sender.o, transmitter.i)
        request = Signal(8)
        asked = request == ASK
        place = Signal(range(len(octets) + 1))
        answer = Array(Const(octet, 8) for octet in octets)
        m.d.comb += [
            receiver.rx.eq(self.rx),
            self.tx.eq(transmitter.tx),
            packets.octet.eq(receiver.octet),
            packets.valid.eq(receiver.valid),
            packets.error.eq(receiver.error),
            sender.kind.eq(request | ANSWER),
            sender.length.eq(Mux(asked, len(octets), size_out)),
            sender.i.payload.eq(Mux(asked, answer[place], pack.o.payload)),
            sender.i.valid.eq(asked | pack.o.valid),
            pack.o.ready.eq(~asked & sender.i.ready),
        ]
        with m.If(sender.i.ready & asked):
            m.d.sync += place.eq(place + 1)
        begin = Signal()
        feeding = self._feed(m, packets, unpack, begin)
        runs = (packets.kind == RUN) & (packets.length == size_in)
        asks = (packets.kind == ASK) & (packets.length == 0)
        with m.FSM(name="request"):
            with m.State("IDLE"):
                m.d.sync += place.eq(0)
                with m.If(packets.good & (runs | asks)):
                    m.d.sync += [request.eq(packets.kind), sender.sequence.eq(packets.sequence)]
                    m.next = "START"
            with m.State("START"):
                m.d.comb += [sender.start.eq(1), begin.eq(~asked), packets.lock.eq(1)]
                m.next = "ANSWER"
            with m.State("ANSWER"):
                m.d.comb += packets.lock.eq(1)
                with m.If(~sender.busy & ~feeding):
                    m.next = "IDLE"
        return m

    def _feed(self, m, packets, unpack, begin):
        """Keep the payload, give it to the core from ``begin`` on; return whether that goes on."""
        size = self.frame_in.bytes
        m.submodules.frame = memory = Memory(shape=8, depth=size, init=[])
        write, read = memory.write_port(), memory.read_port()
        place = Signal(range(size))
        feeding = Signal()
        m.d.comb += [
            write.en.eq(packets.write),
            write.addr.eq(packets.address),
            write.data.eq(packets.data),
            read.addr.eq(place),
            unpack.i.payload.eq(read.data),
        ]
        with m.FSM(name="feed"):
            with m.State("IDLE"):
                m.d.sync += place.eq(0)
                with m.If(begin):
                    m.next = "READ"
            with m.State("READ"):
                m.d.comb += feeding.eq(1)
                m.next = "GIVE"
            with m.State("GIVE"):
                m.d.comb += [feeding.eq(1), unpack.i.valid.eq(1)]
                with m.If(unpack.i.ready):
                    m.d.sync += place.eq(place + 1)
                    m.next = "READ"
                    with m.If(place == size - 1):
                        m.next = "IDLE"
        return feeding
