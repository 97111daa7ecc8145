"""Whole windows from columns."""

from __future__ import annotations

import numpy as np
from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hwgen.rtl.codes import lookup, recode, wire_code
from hwgen.rtl.delay import Delay
from hwgen.rtl.elastic import lanes_of
from hwgen.timing.window import column_steps, window_ages, window_hop, window_shift, windows


class Windows(wiring.Component):
    """Shift columns along and show all taps of windows at once: ``m`` output pixels per cycle.

    Rows follow one another through the same registers; a tap beyond the side of the frame then
    holds another row's code and shows the padding instead. II 1, latency 1 from a window's last
    column. Where ``m`` does not divide a row, its last windows beyond it hold anything.

    Parameters
    ----------
    window : kernel, stride, dilation and padding, a ``hwgen.timing.Window`` that ``slides``
    shape, out_shape : Amaranth shapes of a lane in and out
    words, lanes : transfers of a column and codes of a transfer of one row's pixel
    across : columns side by side in a transfer; divides ``m`` times the stride
    m : neighbouring windows shown at once
    pad_code : code of the columns left and right of the frame
    bipolar, out_bipolar : whether a lane is one bit that stands for -1 or +1

    Members
    -------
    i : In stream of ``kernel rows * across * lanes`` codes, rows outside, columns inside
    o : Out stream of ``m * taps * lanes`` codes, lane ``(pixel * taps + tap) * lanes + lane``,
        taps in raster order
    """

    def __init__(
        self, window, shape, out_shape=None, *, words, lanes, across=1, m=1, pad_code=0,
        bipolar=False, out_bipolar=None,
    ):  # fmt: skip
        self.window, self.words, self.lanes = window, words, lanes
        self.across, self.m = across, m
        self.bipolar = bipolar
        self.out_bipolar = bipolar if out_bipolar is None else out_bipolar
        self.pad_code = wire_code(pad_code, self.out_bipolar) if any(window.pads[1::2]) else 0
        self.schedule = windows(window, words, across, m)
        self.ages = window_ages(window, across, m)
        rows, cols = window.kernel
        out_shape = shape if out_shape is None else out_shape
        super().__init__(
            {
                "i": In(lanes_of(shape, rows * across * lanes)),
                "o": Out(lanes_of(out_shape, m * rows * cols * lanes)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        free, fire = ~self.o.valid | self.o.ready, Signal()
        take, emit, outside = self._place(m, fire)
        m.d.comb += [self.i.ready.eq(free & take), fire.eq(free & (self.i.valid | ~take))]
        masks = {}
        with m.If(free):
            m.d.sync += self.o.valid.eq(fire & emit)
            for place, value in outside.items():
                masks[place] = mask = Signal(name=f"outside_{place[0]}_{place[1]}", reset_less=True)
                m.d.sync += mask.eq(value)
        columns = self._columns(m, fire)
        rows, cols = self.window.kernel
        for pixel, col in outside:
            word = columns[int(self.ages[pixel, col])]
            for row in range(rows):
                for lane in range(self.lanes):
                    code = recode(word[row * self.lanes + lane], self.bipolar, self.out_bipolar)
                    shown = Mux(masks[pixel, col], self.pad_code, code)
                    at = ((pixel * rows + row) * cols + col) * self.lanes + lane
                    m.d.comb += self.o.payload[at].eq(shown)
        return m

    def _columns(self, m, fire):
        """Shift columns along; return those that windows show, by age."""
        ages = np.unique(self.ages).tolist()
        wide, found = self.across * self.lanes, {}
        for sub in range(self.across):
            places = [
                row * wide + (self.across - 1 - sub) * self.lanes + lane
                for row in range(self.window.kernel[0])
                for lane in range(self.lanes)
            ]
            shape = data.ArrayLayout(self.i.payload.shape().elem_shape, len(places))
            word = data.View(shape, Cat(self.i.payload[place] for place in places))
            before = 0
            for age in (age for age in ages if age % self.across == sub):
                shifts = age // self.across * self.words + 1
                m.submodules[f"column_{age}"] = column = Delay(shape, shifts - before)
                m.d.comb += [column.en.eq(fire), column.d.eq(word)]
                word, before = column.q, shifts
                found[age] = word
        return found

    def _place(self, m, fire):
        """Count through the shifts of a frame.

        Returns whether the current one takes columns, whether it completes windows, and which
        columns of these lie outside the frame, by pixel and column of the kernel.
        """
        window, width = self.window, column_steps(self.window, self.across)
        shifts = len(self.schedule.takes) // self.words
        first = -window_shift(window, self.across, self.m)
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
        starts, hop = np.arange(width), window_hop(window, self.across, self.m)
        complete = (starts % hop == 0) & (starts // hop < -(-window.out[1] // self.m))
        inside = (row >= 0) & (row < window.out[0])
        outside = {
            (pixel, tap): lookup(self._beyond(starts, hop, pixel, tap), col)
            for pixel in range(self.m)
            for tap in range(window.kernel[1])
        }
        return shift < taken, inside & lookup(complete, col), outside

    def _beyond(self, starts, hop, pixel, tap):
        """Return at which shifts a window that counts has this column outside the frame."""
        window = self.window
        place = starts * self.across + pixel * window.stride[1]
        column = place - window.pads[1] + tap * window.dilation[1]
        counts = starts // hop * self.m + pixel < window.out[1]
        return counts & ((column < 0) | (column >= window.width))
