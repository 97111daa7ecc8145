"""Pools: one code per channel from all taps of a window or of a frame."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Shape, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen.rtl.codes import number
from hwgen.rtl.delay import Delay
from hwgen.rtl.elastic import lanes_of
from hwgen.rtl.walker import Nest
from hwgen.timing.conv import gather


class _Pool(wiring.Component):
    def __init__(self, taps, shape, out_shape, *, words, lanes, simd=1, m=1, bipolar=False):
        self.taps, self.words, self.bipolar = taps, words, bipolar
        self.lanes, self.simd, self.m = lanes, simd, m
        self.steps = -(-taps // simd)
        self.schedule = gather(self.steps, words)
        super().__init__(
            {
                "i": In(lanes_of(shape, m * simd * lanes)),
                "o": Out(lanes_of(out_shape, m * lanes)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        payload = Signal(self.o.payload.shape(), reset_less=True)
        fire = Signal()
        m.d.comb += [
            self.i.ready.eq(~self.o.valid | self.o.ready),
            fire.eq(self.i.valid & self.i.ready),
            self.o.payload.eq(payload),
        ]
        nest = Nest(m, [self.steps, self.words], fire)
        taken = Signal(self.o.payload.shape())
        so_far = None
        if self.steps > 1:
            m.submodules.so_far = delay = Delay(taken.shape(), self.words)
            m.d.comb += [delay.en.eq(fire), delay.d.eq(taken)]
            so_far = delay.q
        first, last = nest.within(0, 0, 1), nest.within(0, self.steps - 1, self.steps)
        for pixel in range(self.m):
            for lane in range(self.lanes):
                at = pixel * self.lanes + lane
                code = self._gathered(m, pixel, lane, last)
                if so_far is not None:
                    code = Mux(first, code, self.join(so_far[at], code))
                m.d.comb += taken[at].eq(code)
        with m.If(self.i.ready):
            m.d.sync += self.o.valid.eq(self.i.valid & last)
            m.d.sync += payload.eq(taken)
        return m

    def _gathered(self, m, pixel, lane, last):
        """Return what a transfer's taps of one channel come to."""
        places = [(pixel * self.simd + tap) * self.lanes + lane for tap in range(self.simd)]
        taps = [self.code(self.i.payload[place]) for place in places]
        whole = self._tree(taps)
        left = self.taps - (self.steps - 1) * self.simd
        return whole if left == self.simd else Mux(last, self._tree(taps[:left]), whole)

    def _tree(self, codes):
        while len(codes) > 1:
            pairs = [self.join(a, b) for a, b in zip(codes[::2], codes[1::2], strict=False)]
            codes = pairs + codes[len(pairs) * 2 :]
        return codes[0]


class MaxPool(_Pool):
    """Keep the largest code of each channel.

    A window's taps arrive one after another, each with all its channels (rows of ``Swu``; a whole
    frame for a global pool). II 1, latency 1 from a channel's last tap.

    Parameters
    ----------
    taps : codes per channel
    shape : Amaranth shape of a lane, in and out
    words, lanes : transfers of a tap and channels of a transfer
    simd : taps of a transfer; those past the last one hold anything
    m : pixels side by side
    bipolar : whether a lane is one bit for -1 or +1

    Members
    -------
    i : In stream of ``m * simd * lanes`` codes, of each pixel, of each tap all its channels
    o : Out stream of ``m * lanes`` codes
    """

    def __init__(self, taps, shape, *, words, lanes, **rest):
        super().__init__(taps, shape, shape, words=words, lanes=lanes, **rest)

    def code(self, lane):
        """Return the lane itself: a bipolar bit has the order of its code."""
        return lane

    def join(self, so_far, code):
        """Return the larger one."""
        return so_far | code if self.bipolar else Mux(code > so_far, code, so_far)


class SumPool(_Pool):
    """Add up the codes of each channel; an average is this with thresholds behind it.

    Order, timing and members as for ``MaxPool``.

    Parameters
    ----------
    acc_shape : Amaranth shape of a sum
    others : as for ``MaxPool``
    """

    def __init__(self, taps, shape, acc_shape, *, words, lanes, **rest):
        assert Shape.cast(acc_shape).width >= Shape.cast(shape).width, "a sum is no shorter"
        super().__init__(taps, shape, acc_shape, words=words, lanes=lanes, **rest)

    def code(self, lane):
        """Return the code as a number; a sum of one bipolar code is bipolar itself."""
        return number(lane, self.bipolar and self.taps > 1)

    def join(self, so_far, code):
        """Return the sum."""
        return so_far + code
