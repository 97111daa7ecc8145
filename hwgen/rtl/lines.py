"""Line memories: one column of a window per cycle."""

from __future__ import annotations

import numpy as np
from amaranth.hdl import Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hwgen.rtl.codes import lookup, recode, wire_code
from hwgen.rtl.elastic import lanes_of
from hwgen.rtl.walker import Nest, Walker
from hwgen.timing.window import line_banks, lines


class Lines(wiring.Component):
    """Read the columns of all rows that a row of windows covers, top to bottom in one transfer.

    Row r lies in memory r modulo ``banks``, so that a step reads every row of a window at one
    address. Frames overlap as in ``LineBuffer``, whose rules of waiting and freeing hold here too.
    II 1, latency 1, or 2 with block RAM.

    Parameters
    ----------
    window : kernel, stride, dilation and padding, a ``hwgen.timing.Window``
    shape, out_shape : Amaranth shapes of a lane in and out (out_shape holds the padding code too)
    words, lanes : transfers of a pixel and codes of a transfer
    across : pixels side by side in a transfer, each with ``lanes`` codes
    banks : line memories; as many as full speed needs if None
    pad_code : code of the rows above and below the frame
    bipolar, out_bipolar : whether a lane is one bit that stands for -1 or +1
    memory : "lutram" or "bram"

    Members
    -------
    i : In stream of ``across * lanes`` codes, lane ``pixel * lanes + lane``
    o : Out stream of ``kernel rows`` times as many, one row of the window after another
    """

    def __init__(
        self, window, shape, out_shape=None, *, words, lanes, across=1, banks=None, pad_code=0,
        bipolar=False, out_bipolar=None, memory="lutram",
    ):  # fmt: skip
        lanes *= across
        self.window, self.words, self.lanes, self.memory = window, words, lanes, memory
        self.banks = line_banks(window, words, across=across) if banks is None else banks
        self.bipolar = bipolar
        self.out_bipolar = bipolar if out_bipolar is None else out_bipolar
        self.pad_code = wire_code(pad_code, self.out_bipolar) if any(window.pads[::2]) else 0
        self.walk = lines(window, words, across)
        self.line = self.walk.words // window.height
        self.depth = self.banks * self.line
        self.schedule = self.walk.schedule(self.depth, 1 if memory == "lutram" else 2)
        out_shape = shape if out_shape is None else out_shape
        super().__init__(
            {
                "i": In(lanes_of(shape, lanes)),
                "o": Out(lanes_of(out_shape, window.kernel[0] * lanes)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.walker = walker = Walker(self.walk, self.depth)
        accept = self.i.valid & self.i.ready
        m.d.comb += [self.i.ready.eq(walker.ready), walker.accept.eq(accept)]
        into = Nest(m, [self.banks, self.line], accept)
        nest = Nest(m, [loop.count for loop in self.walk.loops], walker.fire)
        words = self._banks(m, walker.fire, accept, into, self._column(m, nest, walker.fire))

        phase, outside = self._phase(m, nest, walker.fire), self._outside(nest)
        out_free, valid = ~self.o.valid | self.o.ready, walker.fire
        m.d.comb += walker.go.eq(out_free)
        if self.memory == "bram":
            valid = Signal()
            m.d.comb += walker.go.eq(~valid | out_free)
            now, phase = phase, Signal.like(phase, name="phase_held", reset_less=True)
            masks, outside = outside, [Signal(reset_less=True) for _ in outside]
            with m.If(walker.go):
                m.d.sync += [valid.eq(walker.fire), phase.eq(now)]
                m.d.sync += [held.eq(mask) for held, mask in zip(outside, masks, strict=True)]
        payload = Signal(self.o.payload.shape(), reset_less=True)
        m.d.comb += self.o.payload.eq(payload)
        with m.If(out_free):
            m.d.sync += self.o.valid.eq(valid)
            for row in range(self.window.kernel[0]):
                self._fill(m, payload, row, phase, words, outside[row])
        return m

    def _banks(self, m, fire, accept, into, column):
        """Build the line memories; return the words they read."""
        found = []
        for bank in range(self.banks):
            ram = Memory(
                shape=self.i.payload.shape(),
                depth=self.line,
                init=[],
                attrs={"ram_style": "block" if self.memory == "bram" else "distributed"},
            )
            m.submodules[f"line_{bank}"] = ram
            write = ram.write_port()
            m.d.comb += [
                write.addr.eq(0 if into.index[1] is None else into.index[1]),
                write.data.eq(self.i.payload),
                write.en.eq(accept & into.within(0, bank, bank + 1)),
            ]
            if self.memory == "bram":
                read = ram.read_port()
                m.d.comb += read.en.eq(fire)
            else:
                read = ram.read_port(domain="comb")
            m.d.comb += read.addr.eq(column)
            found.append(read.data)
        return found

    def _column(self, m, nest, fire):
        """Return the address of the current step in every line."""
        steps = self.walk.loops[1].count * self.words
        column = Signal(range(max(self.line, 2)))
        with m.If(fire):
            m.d.sync += column.eq(Mux(column == steps - 1, 0, column + 1))
        return column

    def _phase(self, m, nest, fire):
        """Return the bank of the windows' first row."""
        window, banks = self.window, self.banks
        phase = Signal(range(max(banks, 2)), init=-window.pads[0] % banks)
        down = window.stride[0] % banks
        over = (window.height - (window.out[0] - 1) * window.stride[0]) % banks
        with m.If(fire):
            moved = Signal(range(2 * banks))
            m.d.comb += moved.eq(phase + nest.pick([down, 0, 0], over))
            m.d.sync += phase.eq(Mux(moved >= banks, moved - banks, moved))
        return phase

    def _outside(self, nest):
        """Return for each row of the window whether it lies above or below the frame."""
        window = self.window
        tops = np.arange(window.out[0]) * window.stride[0] - window.pads[0]
        taps = [tops + tap * window.dilation[0] for tap in range(window.kernel[0])]
        return [lookup((rows < 0) | (rows >= window.height), nest.index[0]) for rows in taps]

    def _fill(self, m, payload, row, phase, words, outside):
        reach = row * self.window.dilation[0]
        with m.Switch(phase):
            for first in range(self.banks):
                with m.Case(first) if first < self.banks - 1 else m.Default():
                    word = words[(first + reach) % self.banks]
                    for lane in range(self.lanes):
                        code = recode(word[lane], self.bipolar, self.out_bipolar)
                        m.d.sync += payload[row * self.lanes + lane].eq(code)
        if not isinstance(outside, Const) or outside.value:
            with m.If(outside):
                for lane in range(self.lanes):
                    m.d.sync += payload[row * self.lanes + lane].eq(self.pad_code)
