"""Accumulators to codes by counting thresholds."""

from __future__ import annotations

import numpy as np
from amaranth.hdl import Cat, Module, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hwgen import timing
from hwgen.arith.threshold import in_block_ram, stage_levels
from hwgen.errors import check_divides
from hwgen.rtl.elastic import (
    Stages,
    cast_shape,
    lane_range,
    lane_shape,
    lanes_of,
    payload,
    rom_attrs,
    rom_index,
    select,
)


class Threshold(wiring.Component):
    """Count the thresholds that each accumulator reaches, by binary search.

    A pixel's channels arrive in order, ``pe`` per transfer. Each stage makes one bit of the count:
    it compares with the threshold in the middle of what the bits above leave possible. So a code
    of n bits costs n comparators, not 2**n - 1. II 1, latency n = ``timing.threshold_latency``.
    Where a stage has many thresholds to choose from, block RAM holds them; it is read as the stage
    before ends.

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
        fold = rom_index(m, self.folds, stages.enter[1], "fold")
        accs = [self.i.p[lane] for lane in range(self.pe)]
        counts = [None] * self.pe
        levels = [self._level(m, 1, fold, None, lane) for lane in range(self.pe)]
        for stage in range(1, self.latency):
            found = [self._bits(*parts) for parts in zip(accs, levels, counts, strict=True)]
            blocks = self._blocks(m, stages, stage, fold, found)
            counts = [self._held(m, stages, stage, c, f"c_{n}") for n, c in enumerate(found)]
            accs = [self._held(m, stages, stage, a, f"acc_{n}") for n, a in enumerate(accs)]
            if self.folds > 1:
                fold = self._held(m, stages, stage, fold, "fold")
            levels = blocks or [
                self._level(m, stage + 1, fold, count, lane) for lane, count in enumerate(counts)
            ]
        full = [self._bits(*parts) for parts in zip(accs, levels, counts, strict=True)]
        self._finish(m, stages, full)
        return m

    def _held(self, m, stages, stage, value, name):
        register = payload(value.shape(), f"{name}_{stage}")
        with m.If(stages.open[stage]):
            m.d.sync += register.eq(value)
        return register

    def _bits(self, acc, level, count):
        """Return the count's bits so far and one more."""
        reached = acc >= level
        return reached if count is None else Cat(reached, count)

    def _levels(self, stage, lane):
        """Return a stage's thresholds, by fold and by the count so far, and their shape."""
        levels = stage_levels(self.thresholds[lane :: self.pe], stage, self.never).ravel().tolist()
        bottom, top = lane_range(self.acc)
        return levels, lane_shape(bottom, max(top, *levels))

    def _level(self, m, stage, fold, count, lane):
        """Return the threshold that a lane's accumulator is compared with."""
        levels, shape = self._levels(stage, lane)
        index = [*([count] if count is not None else []), *([fold] if self.folds > 1 else [])]
        return select(m, Cat(index), levels, shape, f"level_{stage}_{lane}")

    def _blocks(self, m, stages, stage, fold, counts):
        """Return the next stage's thresholds from block RAM, None where they lie elsewhere."""
        if not in_block_ram(stage + 1, self.folds):
            return None
        found = []
        for lane, count in enumerate(counts):
            levels, shape = self._levels(stage + 1, lane)
            memory = Memory(shape=shape, depth=len(levels), init=levels, attrs=rom_attrs("bram"))
            m.submodules[f"levels_{stage + 1}_{lane}"] = memory
            port = memory.read_port()
            index = Cat(count, fold) if self.folds > 1 else count
            m.d.comb += [port.addr.eq(index), port.en.eq(stages.open[stage])]
            found.append(port.data)
        return found

    def _finish(self, m, stages, counts):
        """Put the code on the output."""
        for lane, count in enumerate(counts):
            full = count if self.steps else 0
            if self.low and self.latency <= 4:
                codes = [self.low + min(n, self.steps) for n in range(1 << self.latency)]
                full = select(m, full, codes, self.o.p[lane].shape(), f"code_{lane}")
            elif self.low:
                full = full + self.low
            code = payload(self.o.p[lane].shape(), f"code_out_{lane}")
            with m.If(stages.open[self.latency]):
                m.d.sync += code.eq(full)
            m.d.comb += self.o.p[lane].eq(code)
