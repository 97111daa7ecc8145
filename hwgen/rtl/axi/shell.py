"""The processor shell: registers and DMA around a core."""

from __future__ import annotations

from amaranth.hdl import Module, ResetInserter, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hwgen.link import MAGIC, VERSION
from hwgen.rtl.axi.adapter import Axi3ToLite
from hwgen.rtl.axi.ports import axi3
from hwgen.rtl.axi.read_dma import ReadDma
from hwgen.rtl.axi.register_file import RegisterFile
from hwgen.rtl.axi.write_dma import WriteDma
from hwgen.rtl.elastic import Counter
from hwgen.rtl.packing import Pack, Unpack


class ZynqShell(wiring.Component):
    """Run frames from memory through a core and back into memory, as the registers say.

    A run begins with ``control.start`` where addresses and lengths are right, and ends when the
    last write is answered. An error of the memory sets a flag and the run goes on to its end, so
    that the core ends it between two frames. ``control.reset`` cuts a run short: what the bus still
    owes is awaited, then the core is reset.

    Parameters
    ----------
    frame_in, frame_out : ``link.FrameFormat`` of 8-byte words
    build : hash of the core, 64 bits
    outstanding : bursts under way, each way

    Members
    -------
    gp : In AXI3 port of the processor, 32 bits, 12-bit IDs
    hp : Out AXI3 port to memory, 64 bits, 6-bit IDs
    core_rst : resets the core
    core_i, core_o : Out stream to, In stream from the core
    write_valid, write_layer, write_address, write_data : Out, a piece of a layer's weights
    """

    def __init__(self, frame_in, frame_out, *, build, outstanding=8):
        assert frame_in.word_bytes == frame_out.word_bytes == 8, "words of the memory port"
        assert 0 <= build < 1 << 64, "a hash of 64 bits"
        self.frame_in, self.frame_out, self.build = frame_in, frame_out, build
        self.outstanding = outstanding
        super().__init__(
            {
                "gp": In(axi3(data_bits=32, id_bits=12)),
                "hp": Out(axi3(data_bits=64, id_bits=6)),
                "core_rst": Out(1),
                "core_i": Out(stream.Signature(frame_in.lanes * frame_in.bits)),
                "core_o": In(stream.Signature(frame_out.lanes * frame_out.bits)),
                "write_valid": Out(1),
                "write_layer": Out(16),
                "write_address": Out(32),
                "write_data": Out(32),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.adapter = adapter = Axi3ToLite()
        m.submodules.registers = registers = RegisterFile()
        m.submodules.reader = reader = ReadDma(outstanding=self.outstanding)
        m.submodules.writer = writer = WriteDma(outstanding=self.outstanding)
        unpack, pack = Unpack(self.frame_in), Pack(self.frame_out)
        m.submodules.unpack = ResetInserter(self.core_rst)(unpack)
        m.submodules.pack = ResetInserter(self.core_rst)(pack)
        connect(m, flipped(self.gp), adapter.bus)
        connect(m, adapter.lite, registers.bus)
        for name in ("ar", "r"):
            connect(m, getattr(reader.bus, name), flipped(getattr(self.hp, name)))
        for name in ("aw", "w", "b"):
            connect(m, getattr(writer.bus, name), flipped(getattr(self.hp, name)))
        connect(m, reader.o, unpack.i)
        connect(m, unpack.o, flipped(self.core_i))
        connect(m, flipped(self.core_o), pack.i)
        connect(m, pack.o, writer.i)
        m.d.comb += [
            registers.id.eq(MAGIC),
            registers.version.eq(VERSION),
            registers.build_low.eq(self.build & 0xFFFF_FFFF),
            registers.build_high.eq(self.build >> 32),
            registers.frame_in_bytes.eq(self.frame_in.bytes),
            registers.frame_out_bytes.eq(self.frame_out.bytes),
            reader.address.eq(registers.in_address),
            reader.length.eq(registers.in_bytes),
            writer.address.eq(registers.out_address),
            writer.length.eq(registers.out_bytes),
        ]
        m.d.comb += [
            self.write_valid.eq(registers.written_weights_data),
            self.write_layer.eq(registers.weights_layer),
            self.write_data.eq(registers.weights_data),
        ]
        with m.If(registers.written_weights_address):
            m.d.sync += self.write_address.eq(registers.weights_address)
        with m.If(registers.written_weights_data):
            m.d.sync += self.write_address.eq(self.write_address + 1)
        running = self._sequence(m, registers, reader, writer)
        self._count(m, registers, running, reader.o)
        return m

    def _sequence(self, m, registers, reader, writer):
        """Check, start, await; return whether a run goes on."""
        running, begin, abort = Signal(), Signal(), Signal()
        right_in, right_out = Signal(), Signal()
        frames = registers.frames
        m.d.sync += [
            right_in.eq(registers.in_bytes == frames * self.frame_in.bytes),
            right_out.eq(registers.out_bytes == frames * self.frame_out.bytes),
        ]
        m.d.comb += [
            reader.start.eq(begin),
            writer.start.eq(begin),
            reader.abort.eq(abort),
            writer.abort.eq(abort),
            registers.status_read_error.eq(running & reader.error),
            registers.status_write_error.eq(running & writer.error),
        ]
        bad_address = (registers.in_address[:3] != 0) | (registers.out_address[:3] != 0)
        bad_length = (frames == 0) | ~right_in | ~right_out
        with m.FSM(name="sequence") as fsm:
            with m.State("IDLE"):
                with m.If(registers.control_reset):
                    m.next = "RESET"
                with m.Elif(registers.control_start):
                    m.d.comb += [
                        registers.status_bad_address.eq(bad_address),
                        registers.status_bad_length.eq(bad_length),
                    ]
                    with m.If(~bad_address & ~bad_length):
                        m.d.comb += begin.eq(1)
                        m.next = "RUN"
            with m.State("RUN"):
                m.d.comb += [running.eq(1), registers.status_start_busy.eq(registers.control_start)]
                with m.If(registers.control_reset):
                    m.next = "ABORT"
                with m.Elif(~reader.busy & ~writer.busy):
                    m.d.comb += registers.status_done.eq(1)
                    m.next = "IDLE"
            with m.State("ABORT"):
                m.d.comb += [abort.eq(1), registers.status_start_busy.eq(registers.control_start)]
                with m.If(~reader.busy & ~writer.busy):
                    m.d.comb += registers.status_aborted.eq(1)
                    m.next = "RESET"
            with m.State("RESET"):
                m.d.comb += self.core_rst.eq(1)
                m.next = "IDLE"
            m.d.comb += registers.status_busy.eq(~fsm.ongoing("IDLE"))
        return running

    def _count(self, m, registers, running, words):
        """Count cycles, frames and stalls of the run; what a run counted stays until the next."""
        was = Signal()
        m.d.sync += was.eq(running)
        first = running & ~was
        cycles = Signal(64)
        m.d.comb += [registers.cycles_low.eq(cycles[:32]), registers.cycles_high.eq(cycles[32:])]
        left = Signal()
        m.d.comb += left.eq(self.core_o.valid & self.core_o.ready)
        place = Counter(m, self.frame_out.transfers, left, "place")
        with m.If(self.core_rst):
            m.d.sync += place.value.eq(0)
        events = {
            "frames_done": left & place.last,
            "stall_in": self.core_i.ready & ~self.core_i.valid,
            "stall_out": self.core_o.valid & ~self.core_o.ready,
            "wait_in": words.valid & ~words.ready,
        }
        values = [(cycles, 1)]
        for name, event in events.items():
            value = Signal(32, name=f"count_{name}")
            m.d.comb += getattr(registers, name).eq(value)
            values.append((value, event))
        for value, event in values:
            with m.If(running):
                with m.If(first):
                    m.d.sync += value.eq(event)
                with m.Else():
                    m.d.sync += value.eq(value + event)
