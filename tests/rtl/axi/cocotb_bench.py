"""What ``test_cocotb`` simulates: the processor shell, and a copier of bytes with both DMAs."""

from __future__ import annotations

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hwgen.rtl.axi.ports import axi3
from hwgen.rtl.axi.read_dma import ReadDma
from hwgen.rtl.axi.write_dma import WriteDma
from tests.rtl.axi.test_shell import Around


class Bench(wiring.Component):
    """The shell, ports ``gp`` and ``hp``; the copier, port ``cp`` and what a DMA has."""

    def __init__(self):
        super().__init__(
            {
                "gp": In(axi3(data_bits=32, id_bits=12)),
                "hp": Out(axi3(data_bits=64, id_bits=6)),
                "cp": Out(axi3(data_bits=64, id_bits=6)),
                "start": In(1),
                "abort": In(1),
                "source": In(32),
                "target": In(32),
                "length": In(32),
                "busy": Out(1),
                "read_error": Out(1),
                "write_error": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.around = around = Around()
        connect(m, flipped(self.gp), around.gp)
        connect(m, around.hp, flipped(self.hp))
        m.submodules.reader = reader = ReadDma()
        m.submodules.writer = writer = WriteDma()
        for dma, names in ((reader, ("ar", "r")), (writer, ("aw", "w", "b"))):
            for name in names:
                connect(m, getattr(dma.bus, name), flipped(getattr(self.cp, name)))
            m.d.comb += [
                dma.start.eq(self.start),
                dma.abort.eq(self.abort),
                dma.length.eq(self.length),
            ]
        connect(m, reader.o, writer.i)
        m.d.comb += [
            reader.address.eq(self.source),
            writer.address.eq(self.target),
            self.busy.eq(reader.busy | writer.busy),
            self.read_error.eq(reader.error),
            self.write_error.eq(writer.error),
        ]
        return m
