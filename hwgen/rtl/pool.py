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
    def __init__(self, taps, shape, out_shape, *, words, lanes, bipolar=False):
        self.taps, self.words, self.bipolar = taps, words, bipolar
        self.schedule = gather(taps, words)
        super().__init__(
            {
                "i": In(lanes_of(shape, lanes)),
                "o": Out(lanes_of(out_shape, lanes)),
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
        nest = Nest(m, [self.taps, self.words], fire)
        taken = Signal(self.o.payload.shape())
        so_far = taken
        if self.taps > 1:
            m.submodules.so_far = delay = Delay(taken.shape(), self.words)
            m.d.comb += [delay.en.eq(fire), delay.d.eq(taken)]
            so_far = delay.q
        first = nest.within(0, 0, 1)
        for lane in range(taken.shape().length):
            code = self.code(self.i.payload[lane])
            joined = Mux(first, code, self.join(so_far[lane], code))
            m.d.comb += taken[lane].eq(joined)
        with m.If(self.i.ready):
            m.d.sync += self.o.valid.eq(self.i.valid & nest.within(0, self.taps - 1, self.taps))
            m.d.sync += payload.eq(taken)
        return m


class MaxPool(_Pool):
    """Keep the largest code of each channel.

    A window's taps arrive one after another, each with all its channels (rows of ``Swu``; a whole
    frame for a global pool). II 1, latency 1 from a channel's last tap.

    Parameters
    ----------
    taps : codes per channel
    shape : Amaranth shape of a lane, in and out
    words, lanes : transfers of a tap and codes of a transfer
    bipolar : whether a lane is one bit for -1 or +1

    Members
    -------
    i : In stream of ``lanes`` codes
    o : Out stream of ``lanes`` codes
    """

    def __init__(self, taps, shape, *, words, lanes, bipolar=False):
        super().__init__(taps, shape, shape, words=words, lanes=lanes, bipolar=bipolar)

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

    def __init__(self, taps, shape, acc_shape, *, words, lanes, bipolar=False):
        assert Shape.cast(acc_shape).width >= Shape.cast(shape).width, "a sum is no shorter"
        super().__init__(taps, shape, acc_shape, words=words, lanes=lanes, bipolar=bipolar)

    def code(self, lane):
        """Return the code as a number."""
        return number(lane, self.bipolar)

    def join(self, so_far, code):
        """Return the sum."""
        return so_far + code
