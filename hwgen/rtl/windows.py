"""Whole windows from columns."""

from __future__ import annotations

import numpy as np
from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen.rtl.codes import lookup, recode, wire_code
from hwgen.rtl.delay import Delay
from hwgen.rtl.elastic import lanes_of
from hwgen.timing.window import columns, windows


class Windows(wiring.Component):
    """Shift columns along and show all taps of a window at once: one output pixel per cycle.

    Rows follow one another through the same registers; a tap beyond the side of the frame then
    holds another row's code and shows the padding instead. II 1, latency 1 from a window's last
    column.

    Parameters
    ----------
    window : kernel, stride, dilation and padding, a ``hwgen.timing.Window`` that ``slides``
    shape, out_shape : Amaranth shapes of a lane in and out
    words, lanes : transfers of a column and codes of a transfer of one row
    pad_code : code of the columns left and right of the frame
    bipolar, out_bipolar : whether a lane is one bit that stands for -1 or +1

    Members
    -------
    i : In stream of ``kernel rows * lanes`` codes
    o : Out stream of ``taps * lanes`` codes, lane ``tap * lanes + lane``, taps in raster order
    """

    def __init__(
        self, window, shape, out_shape=None, *, words, lanes, pad_code=0, bipolar=False,
        out_bipolar=None,
    ):  # fmt: skip
        self.window, self.words, self.lanes = window, words, lanes
        self.bipolar = bipolar
        self.out_bipolar = bipolar if out_bipolar is None else out_bipolar
        self.pad_code = wire_code(pad_code, self.out_bipolar) if any(window.pads[1::2]) else 0
        self.schedule = windows(window, words)
        rows, cols = window.kernel
        out_shape = shape if out_shape is None else out_shape
        super().__init__(
            {
                "i": In(lanes_of(shape, rows * lanes)),
                "o": Out(lanes_of(out_shape, rows * cols * lanes)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        free, fire = ~self.o.valid | self.o.ready, Signal()
        take, emit, outside = self._place(m, fire)
        m.d.comb += [self.i.ready.eq(free & take), fire.eq(free & (self.i.valid | ~take))]
        rows, cols = self.window.kernel
        masks = [Signal(name=f"outside_{col}", reset_less=True) for col in range(cols)]
        with m.If(free):
            m.d.sync += self.o.valid.eq(fire & emit)
            m.d.sync += [mask.eq(value) for mask, value in zip(masks, outside, strict=True)]
        word = self.i.payload
        for col in reversed(range(cols)):
            hop = 1 if col == cols - 1 else self.words * self.window.dilation[1]
            m.submodules[f"tap_{col}"] = tap = Delay(self.i.payload.shape(), hop)
            m.d.comb += [tap.en.eq(fire), tap.d.eq(word)]
            word = tap.q
            for row in range(rows):
                for lane in range(self.lanes):
                    code = recode(word[row * self.lanes + lane], self.bipolar, self.out_bipolar)
                    shown = Mux(masks[col], self.pad_code, code)
                    at = (row * cols + col) * self.lanes + lane
                    m.d.comb += self.o.payload[at].eq(shown)
        return m

    def _place(self, m, fire):
        """Count through the shifts of a frame.

        Returns whether the current one takes a column, whether it completes a window, and which
        columns of that window lie outside the frame.
        """
        window, width = self.window, columns(self.window)
        shifts = len(self.schedule.takes) // self.words
        first = -(window.reach[1] - 1 - window.pads[1])
        row = Signal(range(first // width, window.out[0] + 1), init=first // width)
        col = Signal(range(max(width, 2)), init=first % width)
        shift = Signal(range(max(shifts, 2)))
        step = fire
        if self.words > 1:
            word = Signal(range(self.words))
            with m.If(fire):
                m.d.sync += word.eq(Mux(word == self.words - 1, 0, word + 1))
            step = fire & (word == self.words - 1)
        with m.If(step):
            m.d.sync += [shift.eq(shift + 1), col.eq(col + 1)]
            with m.If(col == width - 1):
                m.d.sync += [col.eq(0), row.eq(row + 1)]
            with m.If(shift == shifts - 1):
                m.d.sync += [shift.eq(0), col.eq(col.init), row.eq(row.init)]
        taken = window.out[0] * width
        starts = np.arange(width)
        complete = (starts % window.stride[1] == 0) & (starts // window.stride[1] < window.out[1])
        inside = (row >= 0) & (row < window.out[0])
        taps = starts - window.pads[1] + np.arange(window.kernel[1])[:, None] * window.dilation[1]
        outside = [lookup((tap < 0) | (tap >= window.width), col) for tap in taps]
        return shift < taken, inside & lookup(complete, col), outside
