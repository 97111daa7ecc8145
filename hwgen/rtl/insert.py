"""Pixels of a constant around or between those of a frame."""

from __future__ import annotations

import numpy as np
from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hwgen.rtl.codes import lookup, recode, wire_code
from hwgen.rtl.elastic import lanes_of
from hwgen.rtl.walker import Nest
from hwgen.timing.conv import insert


class Insert(wiring.Component):
    """Emit a constant pixel wherever a row or a column of the output holds no input.

    II 1 per output transfer, latency 1. A frame that begins with constants keeps its first input
    in a register meanwhile: nothing of a frame leaves before the frame has begun.

    Parameters
    ----------
    rows, cols : bool arrays, whether each output row and column holds input
    shape, out_shape : Amaranth shapes of a lane in and out
    words, lanes : transfers of a pixel and codes of a transfer
    code : the constant
    bipolar, out_bipolar : whether a lane is one bit that stands for -1 or +1

    Members
    -------
    i, o : In and out streams of ``lanes`` codes
    """

    def __init__(
        self, rows, cols, shape, out_shape=None, *, words, lanes, code=0, bipolar=False,
        out_bipolar=None,
    ):  # fmt: skip
        self.rows, self.cols, self.words = np.asarray(rows), np.asarray(cols), words
        self.bipolar = bipolar
        self.out_bipolar = bipolar if out_bipolar is None else out_bipolar
        held = self.rows.all() and self.cols.all()
        self.code = 0 if held else wire_code(code, self.out_bipolar)
        self.schedule = insert(self.rows, self.cols, words)
        out_shape = shape if out_shape is None else out_shape
        super().__init__(
            {
                "i": In(lanes_of(shape, lanes)),
                "o": Out(lanes_of(out_shape, lanes)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        payload = Signal(self.o.payload.shape(), reset_less=True)
        m.d.comb += self.o.payload.eq(payload)
        free, fire, take = ~self.o.valid | self.o.ready, Signal(), Signal()
        nest = Nest(m, [len(self.rows), len(self.cols), self.words], fire)
        real = lookup(self.rows, nest.index[0]) & lookup(self.cols, nest.index[1])
        word = self.i.payload
        if self.rows[0] and self.cols[0]:
            m.d.comb += take.eq(real)
        else:
            first, keeps = Signal(init=1), Signal()
            kept = Signal(word.shape(), reset_less=True)
            m.d.comb += take.eq(first | (real & ~keeps))
            with m.If(fire):
                m.d.sync += first.eq(nest.pick([0, 0, 0], 1))
                m.d.sync += keeps.eq(first | (keeps & ~real))
                with m.If(first):
                    m.d.sync += kept.eq(word)
            word = Mux(keeps, kept, word)
        m.d.comb += [self.i.ready.eq(free & take), fire.eq(free & (self.i.valid | ~take))]
        word = data.View(self.i.payload.shape(), word)
        with m.If(free):
            m.d.sync += self.o.valid.eq(fire)
            m.d.sync += [
                payload[lane].eq(
                    Mux(real, recode(word[lane], self.bipolar, self.out_bipolar), self.code)
                )
                for lane in range(payload.shape().length)
            ]
        return m


class Pad(Insert):
    """Surround every frame with pixels of one code.

    Parameters
    ----------
    height, width : of the input, in pixels
    pads : (top, left, bottom, right)
    others : as for ``Insert``
    """

    def __init__(self, height, width, pads, shape, out_shape=None, **rest):
        top, left, bottom, right = pads
        rows = np.repeat([False, True, False], [top, height, bottom])
        cols = np.repeat([False, True, False], [left, width, right])
        super().__init__(rows, cols, shape, out_shape, **rest)


class ZeroInsert(Insert):
    """Spread the pixels of every frame apart, with pixels of one code between them.

    Parameters
    ----------
    height, width : of the input, in pixels
    factors : distance of former neighbours (vertical, horizontal)
    others : as for ``Insert``
    """

    def __init__(self, height, width, factors, shape, out_shape=None, **rest):
        rows = np.arange((height - 1) * factors[0] + 1) % factors[0] == 0
        cols = np.arange((width - 1) * factors[1] + 1) % factors[1] == 0
        super().__init__(rows, cols, shape, out_shape, **rest)
