"""Circular memory that a fixed nest of loops reads: the engine of all units that move pixels."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hwgen.rtl.codes import recode, wire_code
from hwgen.rtl.elastic import lanes_of
from hwgen.rtl.walker import Walker
from hwgen.timing.walk import line_latency


class LineBuffer(wiring.Component):
    """Store the input words in a circular memory and read them along a ``Walk``.

    A step fires once its word is stored; an input is accepted once the word it replaces is free.
    Frames overlap: the next one is stored while the last one is still read. II 1 of every step,
    latency ``line_latency(walk, memory)`` from a step to its output.

    Whatever the stalls, it never deadlocks: a step waits only for inputs, an input only for steps
    that lie before all that need it (``walk.smallest_depth``).

    Parameters
    ----------
    walk : what to read, a ``hwgen.timing.Walk``
    shape, out_shape : Amaranth shapes of a lane in and out; they differ where padding needs it
    lanes : lanes of a word
    depth : words of memory, at least ``walk.smallest_depth``
    pad_code : the code that steps outside the frame emit
    bipolar, out_bipolar : whether a lane is one bit that stands for -1 or +1
    memory : "lutram" or "bram"

    Members
    -------
    i : In stream of ``lanes`` codes
    o : Out stream of ``lanes`` codes
    """

    def __init__(
        self, walk, shape, out_shape=None, *, lanes, depth, pad_code=0, bipolar=False,
        out_bipolar=None, memory="lutram",
    ):  # fmt: skip
        self.walk, self.depth, self.memory = walk, depth, memory
        self.bipolar = bipolar
        self.out_bipolar = bipolar if out_bipolar is None else out_bipolar
        self.pad_code = wire_code(pad_code, self.out_bipolar) if walk.padded else 0
        self.schedule = walk.schedule(depth, line_latency(walk, memory))
        out_shape = shape if out_shape is None else out_shape
        super().__init__(
            {
                "i": In(lanes_of(shape, lanes)),
                "o": Out(lanes_of(out_shape, lanes)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.walker = walker = Walker(self.walk, self.depth)
        m.submodules.memory = ram = Memory(
            shape=self.i.payload.shape(),
            depth=self.depth,
            init=[],
            attrs={"ram_style": "block" if self.memory == "bram" else "distributed"},
        )
        write = ram.write_port()
        accept = self.i.valid & self.i.ready
        m.d.comb += [
            self.i.ready.eq(walker.ready),
            walker.accept.eq(accept),
            write.addr.eq(walker.write_at),
            write.data.eq(self.i.payload),
            write.en.eq(accept),
        ]
        if self.memory == "bram":
            read = ram.read_port()
            m.d.comb += read.en.eq(walker.fire)
        else:
            read = ram.read_port(domain="comb")
        m.d.comb += read.addr.eq(walker.read_at)

        out_free = ~self.o.valid | self.o.ready
        valid, padding = walker.fire, walker.padding
        m.d.comb += walker.go.eq(out_free)
        if self.schedule.latency == 2:
            valid, padding = Signal(), Signal(reset_less=True)
            m.d.comb += walker.go.eq(~valid | out_free)
            with m.If(walker.go):
                m.d.sync += [valid.eq(walker.fire), padding.eq(walker.padding)]
        with m.If(out_free):
            m.d.sync += self.o.valid.eq(valid)
        if self.memory == "bram" and self.schedule.latency == 1:
            self._fill(m, m.d.comb, self.o.payload, read.data, padding)
        else:
            payload = Signal(self.o.payload.shape(), reset_less=True)
            m.d.comb += self.o.payload.eq(payload)
            with m.If(out_free):
                self._fill(m, m.d.sync, payload, read.data, padding)
        return m

    def _fill(self, m, domain, payload, word, padding):
        lanes = range(payload.shape().length)
        domain += [payload[k].eq(recode(word[k], self.bipolar, self.out_bipolar)) for k in lanes]
        if self.walk.padded:
            with m.If(padding):
                domain += [payload[k].eq(self.pad_code) for k in lanes]
