"""Index of the largest of many codes."""

from __future__ import annotations

from amaranth.hdl import Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen import timing
from hwgen.rtl.elastic import Counter, Stages, cast_shape, lane_shape, lanes_of, payload


class ArgMax(wiring.Component):
    """Find the first of the largest of ``channels`` codes, ``pe`` of them per transfer.

    Pairs of lanes are compared, one round per stage; the last stage keeps the best so far.
    II: one pixel per ceil(channels / pe) cycles; latency ceil(log2(pe)) + 1.

    Parameters
    ----------
    channels : codes of a pixel; lanes past the last are ignored
    shape : Amaranth shape of a code
    pe : codes per transfer

    Members
    -------
    i : In stream of ``pe`` codes
    o : Out stream of one index, 0..channels - 1
    """

    def __init__(self, channels, shape, *, pe):
        self.channels, self.pe = channels, pe
        self.words = -(-channels // pe)
        self.index_shape = lane_shape(0, channels - 1)
        self.shape = cast_shape(shape)
        self.rounds = (pe - 1).bit_length()
        self.schedule = timing.argmax(self.words, latency=self.rounds + 1)
        super().__init__({"i": In(lanes_of(shape, pe)), "o": Out(lanes_of(self.index_shape, 1))})

    def elaborate(self, platform):
        m = Module()
        latency = self.rounds + 1
        stages = Stages(m, latency, self.i.valid, self.o.ready, last=False)
        m.d.comb += self.i.ready.eq(stages.open[1])
        word = Counter(m, self.words, stages.enter[1], "word_in")
        padded = self.words * self.pe > self.channels
        ending = Const(0)
        if padded:
            ending = word.last
        lanes = [(self.i.p[lane], Const(lane), lane) for lane in range(self.pe)]
        for stage in range(1, self.rounds + 1):
            lanes = [
                self._better(m, stages.open[stage], ending, lanes[at : at + 2], (stage, at))
                for at in range(0, len(lanes), 2)
            ]
            if padded and stage < self.rounds:
                ended = payload(1, f"ending_{stage}")
                with m.If(stages.open[stage]):
                    m.d.sync += ended.eq(ending)
                ending = ended
        self._keep(m, stages, *lanes[0][:2])
        return m

    def _better(self, m, enable, ending, pair, place):
        """Register the better lane of a pair; a lane past the last channel never wins."""
        code, index, lane = pair[0]
        if len(pair) == 2:
            other, other_index, other_lane = pair[1]
            wins = other > code
            if (self.words - 1) * self.pe + other_lane >= self.channels:
                wins &= ~ending
            code, index = Mux(wins, other, code), Mux(wins, other_index, index)
        stage, at = place
        kept = payload(self.shape, f"code_{stage}_{at}")
        kept_index = payload(range(max(self.pe, 2)), f"index_{stage}_{at}")
        with m.If(enable):
            m.d.sync += [kept.eq(code), kept_index.eq(index)]
        return kept, kept_index, lane

    def _keep(self, m, stages, code, index):
        """Compare the best of a word with the best of the words before it."""
        latency = self.rounds + 1
        word = Counter(m, self.words, stages.enter[latency], "word_out")
        best = payload(self.shape, "best")
        base = Signal(self.index_shape)
        if self.words > 1:
            m.d.comb += base.eq(word.value * self.pe)
        with m.If(stages.open[latency]):
            m.d.sync += self.o.valid.eq(stages.valid[latency - 1] & word.last)
        with m.If(stages.enter[latency] & (word.first | (code > best))):
            m.d.sync += [best.eq(code), self.o.p[0].eq(base + index)]
        m.d.comb += stages.valid[latency].eq(self.o.valid)
