"""Words of a link to the transfers of a core and back."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Value, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hwgen.rtl.width_converter import WidthConverter


class Unpack(wiring.Component):
    """Take codes out of the words of a link. Latency 1, a word or a transfer per cycle.

    Parameters
    ----------
    frame : ``link.FrameFormat``

    Members
    -------
    i : In stream of words
    o : Out stream of whole transfers, lane 0 in the lowest bits
    """

    def __init__(self, frame):
        self.frame = frame
        grain, total, word, transfer = frame.grains
        self.converter = WidthConverter(unsigned(grain), total, word, total, transfer)
        self.schedule = self.converter.schedule
        super().__init__(
            {
                "i": In(stream.Signature(8 * frame.word_bytes)),
                "o": Out(stream.Signature(frame.lanes * frame.bits)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.width = inner = self.converter
        frame = self.frame
        slots = Value.cast(inner.o.payload)
        m.d.comb += [
            Value.cast(inner.i.payload).eq(self.i.payload),
            inner.i.valid.eq(self.i.valid),
            self.i.ready.eq(inner.i.ready),
            self.o.payload.eq(
                Cat(slots[n * frame.slot :][: frame.bits] for n in range(frame.lanes))
            ),
            self.o.valid.eq(inner.o.valid),
            inner.o.ready.eq(self.o.ready),
        ]
        return m


class Pack(wiring.Component):
    """Lay codes into the words of a link. Latency 1, a word or a transfer per cycle.

    Parameters
    ----------
    frame : ``link.FrameFormat``

    Members
    -------
    i : In stream of whole transfers, lane 0 in the lowest bits
    o : Out stream of words
    """

    def __init__(self, frame):
        self.frame = frame
        grain, total, word, transfer = frame.grains
        self.converter = WidthConverter(unsigned(grain), total, transfer, total, word)
        self.schedule = self.converter.schedule
        super().__init__(
            {
                "i": In(stream.Signature(frame.lanes * frame.bits)),
                "o": Out(stream.Signature(8 * frame.word_bytes)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.width = inner = self.converter
        m.d.comb += [
            Value.cast(inner.i.payload).eq(Cat(self._slot(n) for n in range(self.frame.lanes))),
            inner.i.valid.eq(self.i.valid),
            self.i.ready.eq(inner.i.ready),
            self.o.payload.eq(Value.cast(inner.o.payload)),
            self.o.valid.eq(inner.o.valid),
            inner.o.ready.eq(self.o.ready),
        ]
        return m

    def _slot(self, lane):
        frame = self.frame
        code = self.i.payload[lane * frame.bits :][: frame.bits]
        fill = code[-1] if frame.signed else 0
        return Cat(code, *[fill] * (frame.slot - frame.bits))
