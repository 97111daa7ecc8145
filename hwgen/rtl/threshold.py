"""Accumulators to codes by counting thresholds."""

from __future__ import annotations

import numpy as np
from amaranth.hdl import Cat, Module, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen import timing
from hwgen.errors import check_divides
from hwgen.rtl.elastic import (
    Counter,
    Stages,
    cast_shape,
    lane_range,
    lane_shape,
    lanes_of,
    payload,
    select,
)


class Threshold(wiring.Component):
    """Count the thresholds that each accumulator reaches, by binary search.

    A pixel's channels arrive in order, ``pe`` per transfer. Each stage makes one bit of the count:
    it compares with the threshold in the middle of what the bits above leave possible. So a code
    of n bits costs n comparators, not 2**n - 1. II 1, latency n = ``timing.threshold_latency``.

    Parameters
    ----------
    thresholds : int array (channels, steps), non-decreasing along steps; channels a multiple of pe
    acc_shape : Amaranth shape of an accumulator
    pe : channels per transfer
    low : code where no threshold is reached
    bipolar : one step, codes -1 and +1, one bit on the wire

    Members
    -------
    i : In stream of ``pe`` accumulators
    o : Out stream of ``pe`` codes in low..low + steps
    """

    def __init__(self, thresholds, acc_shape, *, pe, low=0, bipolar=False):
        channels, steps = thresholds.shape
        check_divides("Threshold", "PE", pe, "channels", channels)
        assert not bipolar or steps == 1, "a bipolar code has one threshold"
        self.pe, self.steps, self.bipolar = pe, steps, bipolar
        self.low = 0 if bipolar else low
        self.folds = channels // pe
        bottom, top = lane_range(acc_shape)
        self.never = top + 1
        self.acc = cast_shape(acc_shape)
        self.thresholds = np.clip(thresholds, bottom, self.never).astype(np.int64)
        self.latency = timing.threshold_latency(steps)
        self.schedule = timing.elementwise(self.latency)
        code = unsigned(1) if bipolar else lane_shape(low, low + steps)
        super().__init__({"i": In(lanes_of(acc_shape, pe)), "o": Out(lanes_of(code, pe))})

    def elaborate(self, platform):
        m = Module()
        stages = Stages(m, self.latency, self.i.valid, self.o.ready)
        m.d.comb += [self.i.ready.eq(stages.open[1]), self.o.valid.eq(stages.valid[self.latency])]
        fold = Counter(m, self.folds, stages.enter[1], "fold").value
        accs = [self.i.p[lane] for lane in range(self.pe)]
        counts = [None] * self.pe
        for stage in range(1, self.latency):
            counts = self._stage(m, stages, stage, fold, accs, counts)
            accs = [self._held(m, stages, stage, a, f"acc_{n}") for n, a in enumerate(accs)]
            if self.folds > 1:
                fold = self._held(m, stages, stage, fold, "fold")
        self._finish(m, stages, fold, accs, counts)
        return m

    def _held(self, m, stages, stage, value, name):
        register = payload(value.shape(), f"{name}_{stage}")
        with m.If(stages.open[stage]):
            m.d.sync += register.eq(value)
        return register

    def _stage(self, m, stages, stage, fold, accs, counts):
        """Register the count's bits so far and one more."""
        return [
            self._held(m, stages, stage, self._bits(m, stage, fold, acc, count, lane), f"c_{lane}")
            for lane, (acc, count) in enumerate(zip(accs, counts, strict=True))
        ]

    def _bits(self, m, stage, fold, acc, count, lane):
        """Return the count's highest ``stage`` bits from the highest ``stage - 1``."""
        known = 1 << stage - 1
        below = self.latency - stage
        wanted = [(above << 1 | 1) << below for above in range(known)]
        rows = self.thresholds[lane :: self.pe]
        levels = [
            int(row[place - 1]) if place <= self.steps else self.never
            for row in rows
            for place in wanted
        ]
        shape = lane_shape(*lane_range(self.acc))
        if self.never in levels:
            shape = lane_shape(lane_range(self.acc)[0], self.never)
        index = [*([count] if count is not None else []), *([fold] if self.folds > 1 else [])]
        level = select(m, Cat(index), levels, shape, f"level_{stage}_{lane}")
        reached = acc >= level
        return reached if count is None else Cat(reached, count)

    def _finish(self, m, stages, fold, accs, counts):
        """Make the last bit and put the code on the output."""
        for lane, (acc, count) in enumerate(zip(accs, counts, strict=True)):
            full = self._bits(m, self.latency, fold, acc, count, lane) if self.steps else 0
            if self.low and self.latency <= 4:
                codes = [self.low + min(n, self.steps) for n in range(1 << self.latency)]
                full = select(m, full, codes, self.o.p[lane].shape(), f"code_{lane}")
            elif self.low:
                full = full + self.low
            code = payload(self.o.p[lane].shape(), f"code_out_{lane}")
            with m.If(stages.open[self.latency]):
                m.d.sync += code.eq(full)
            m.d.comb += self.o.p[lane].eq(code)
