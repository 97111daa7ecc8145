"""Concatenation of channels."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen.rtl.codes import recode
from hwgen.rtl.elastic import lanes_of
from hwgen.rtl.walker import Nest
from hwgen.timing.conv import concat


class Concat(wiring.Component):
    """Pass a pixel's transfers of each input in turn. II 1, latency 1.

    Parameters
    ----------
    words : transfers of a pixel, for each input
    shapes : Amaranth shapes of a lane, for each input
    out_shape : Amaranth shape of a lane that holds them all
    lanes : codes of a transfer, the same everywhere
    bipolar : whether a lane of each input is one bit for -1 or +1
    out_bipolar : whether an output lane is; only if all inputs are

    Members
    -------
    i_0, i_1, ... : In streams of ``lanes`` codes
    o : Out stream of ``lanes`` codes
    """

    def __init__(self, words, shapes, out_shape, *, lanes, bipolar=None, out_bipolar=False):
        self.words, self.out_bipolar = tuple(words), out_bipolar
        self.bipolar = (False,) * len(self.words) if bipolar is None else tuple(bipolar)
        self.schedule = concat(self.words)
        inputs = {f"i_{port}": In(lanes_of(shape, lanes)) for port, shape in enumerate(shapes)}
        out = Out(lanes_of(out_shape, lanes))
        super().__init__(inputs | {"o": out})

    def elaborate(self, platform):
        m = Module()
        payload = Signal(self.o.payload.shape(), reset_less=True)
        m.d.comb += self.o.payload.eq(payload)
        free, fire = ~self.o.valid | self.o.ready, Signal()
        word = Nest(m, [sum(self.words)], fire).index[0]
        turn = Signal(range(len(self.words)))
        m.d.comb += fire.eq(0)
        with m.Switch(turn):
            for port in range(len(self.words)):
                with m.Case(port):
                    self._pass(m, port, payload, free, fire, word, turn)
        return m

    def _pass(self, m, port, payload, free, fire, word, turn):
        source = getattr(self, f"i_{port}")
        m.d.comb += [source.ready.eq(free), fire.eq(free & source.valid)]
        with m.If(fire & (word == sum(self.words[: port + 1]) - 1)):
            m.d.sync += turn.eq((port + 1) % len(self.words))
        with m.If(free):
            m.d.sync += self.o.valid.eq(source.valid)
            m.d.sync += [
                payload[lane].eq(recode(source.p[lane], self.bipolar[port], self.out_bipolar))
                for lane in range(payload.shape().length)
            ]
