"""Depthwise products."""

from __future__ import annotations

import numpy as np
from amaranth.hdl import Module, Mux, Shape, Signal
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hwgen.rtl.codes import number, product
from hwgen.rtl.delay import Delay
from hwgen.rtl.elastic import Stages, lanes_of, rom_attrs, rom_index
from hwgen.rtl.walker import Nest
from hwgen.timing.conv import gather, vvu_cuts, vvu_latency


class Vvu(wiring.Component):
    """Weigh the taps of each channel and add them up: a depthwise convolution behind a ``Swu``.

    A transfer holds ``simd`` taps of ``pe`` channels, lane ``tap * pe + channel``; a pixel's
    transfers go through the taps, and for each of these through the channels. II 1, latency
    ``timing.conv.vvu_latency`` from a channel's last tap: operands, products and tree, sums.

    Parameters
    ----------
    weights : int array, shape (channels, taps); both are padded with zeros to whole transfers
    x_shape, acc_shape : Amaranth shapes of a code and of a sum
    pe, simd : channels and taps of a transfer
    x_bipolar : whether a lane is one bit for -1 or +1
    style : "lut" for products out of adders, "dsp" for multipliers
    memory : where the weights lie: "const" or "bram"
    m : pixels side by side, which share the weights

    Members
    -------
    i : In stream of ``m * simd * pe`` codes, one pixel's after another's
    o : Out stream of ``m * pe`` sums
    """

    def __init__(
        self, weights, x_shape, acc_shape, *, pe, simd=1, x_bipolar=False, style="lut",
        memory="const", m=1,
    ):  # fmt: skip
        channels, taps = weights.shape
        padded = np.pad(weights, ((0, -channels % pe), (0, -taps % simd)))
        self.words, self.steps = padded.shape[0] // pe, padded.shape[1] // simd
        # (step, word, tap, channel): the order of the lanes
        self.weights = padded.reshape(self.words, pe, self.steps, simd).transpose(2, 0, 3, 1)
        self.pe, self.simd, self.m, self.x_bipolar = pe, simd, m, x_bipolar
        self.style, self.memory = style, memory
        self.schedule = gather(self.steps, self.words, latency=vvu_latency(simd, memory))
        super().__init__(
            {
                "i": In(lanes_of(x_shape, m * simd * pe)),
                "o": Out(lanes_of(acc_shape, m * pe)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        latency = vvu_latency(self.simd, self.memory)
        stages = Stages(m, latency, self.i.valid, self.o.ready, last=False)
        m.d.comb += [self.i.ready.eq(stages.open[1]), stages.valid[latency].eq(self.o.valid)]
        nest = Nest(m, [self.steps, self.words], stages.enter[1])
        first, last = self._marks(m, nest, stages.open[1:latency])

        codes = Signal(self.i.payload.shape(), reset_less=True)
        with m.If(stages.open[1]):
            m.d.sync += codes.eq(self.i.payload)
        factors = self._weights(m, nest, stages.enter[1], stages.open[1])

        acc = self.o.payload.shape()
        terms = Signal(acc)
        for at in range(self.m * self.pe):
            pixel, channel = divmod(at, self.pe)
            begin, lanes = pixel * self.simd * self.pe, range(channel, len(factors), self.pe)
            products = [self._product(codes[begin + n], factors[n]) for n in lanes]
            m.d.comb += terms[at].eq(self._tree(m, products, stages.open[2:latency], at))

        sums = Signal(acc, reset_less=True)
        taken = Signal(acc)
        m.d.comb += [taken.eq(terms), self.o.payload.eq(sums)]
        if self.steps > 1:
            m.submodules.so_far = delay = Delay(acc, self.words)
            m.d.comb += [delay.en.eq(stages.enter[latency]), delay.d.eq(taken)]
            for at in range(self.m * self.pe):
                m.d.comb += taken[at].eq(terms[at] + Mux(first, 0, delay.q[at]))
        with m.If(stages.open[latency]):
            m.d.sync += [self.o.valid.eq(stages.valid[latency - 1] & last), sums.eq(taken)]
        return m

    def _marks(self, m, nest, stages):
        """Return whether the step before the last stage is a channel's first, and its last."""
        marks = [nest.within(0, 0, 1), nest.within(0, self.steps - 1, self.steps)]
        for free in stages:
            held = [Signal(reset_less=True) for _ in marks]
            with m.If(free):
                m.d.sync += [register.eq(mark) for register, mark in zip(held, marks, strict=True)]
            marks = held
        return marks

    def _tree(self, m, terms, stages, at):
        """Return the sum of a channel's terms, with registers behind the levels of ``vvu_cuts``."""
        most = Shape.cast(self.o.payload.shape().elem_shape)
        level, cuts = 0, dict(zip(vvu_cuts(self.simd, self.memory), stages, strict=True))
        while True:
            if level in cuts:
                held = []
                for n, term in enumerate(terms):
                    shape = min(term.shape(), most, key=lambda shape: shape.width)
                    held.append(Signal(shape, name=f"sum_{at}_{level}_{n}", reset_less=True))
                with m.If(cuts[level]):
                    m.d.sync += [register.eq(t) for register, t in zip(held, terms, strict=True)]
                terms = held
            if len(terms) == 1:
                return terms[0]
            pairs = [a + b for a, b in zip(terms[::2], terms[1::2], strict=False)]
            terms = pairs + terms[len(pairs) * 2 :]
            level += 1

    def _weights(self, m, nest, fire, free):
        """Return the weights of the step in the first stage, one per lane."""
        low, high = int(self.weights.min()), int(self.weights.max())
        layout = data.ArrayLayout(Shape.cast(range(low, high + 1)), self.simd * self.pe)
        rows = self.weights.reshape(self.steps * self.words, -1).tolist()
        if all(row == rows[0] for row in rows):
            return rows[0]
        at = rom_index(m, len(rows), fire, "step")
        attrs = rom_attrs(self.memory)
        m.submodules.weights = rom = Memory(shape=layout, depth=len(rows), init=rows, attrs=attrs)
        read = rom.read_port()
        m.d.comb += [read.addr.eq(at), read.en.eq(free)]
        return [read.data[lane] for lane in range(layout.length)]

    def _product(self, code, weight):
        if self.x_bipolar:
            return Mux(code, weight, -weight)
        return number(code) * weight if self.style == "dsp" else product(number(code), weight)
