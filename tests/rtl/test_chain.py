"""Components wired to each other without anything between them keep their schedules."""

import numpy as np
import pytest
from amaranth.hdl import Module, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hwgen import rtl, timing
from hwgen.ir import ops
from tests.rtl.harness import drive


class Chain(wiring.Component):
    def __init__(self, parts):
        self.parts = parts
        self.schedule = None
        super().__init__(
            {
                "i": In(stream.Signature(parts[0].i.payload.shape())),
                "o": Out(stream.Signature(parts[-1].o.payload.shape())),
            }
        )

    def elaborate(self, platform):
        m = Module()
        for number, part in enumerate(self.parts):
            m.submodules[f"part_{number}"] = part
        wiring.connect(m, wiring.flipped(self.i), self.parts[0].i)
        for before, behind in zip(self.parts, self.parts[1:], strict=False):
            wiring.connect(m, before.o, behind.i)
        wiring.connect(m, self.parts[-1].o, wiring.flipped(self.o))
        return m


@pytest.mark.parametrize("stall", [0.0, 0.2, 0.6])
@pytest.mark.parametrize("depth", [4, 7, 8])
def test_layer_runs_as_predicted(stall, depth):
    rng = np.random.default_rng(depth)
    mvu = ops.Mvu(rng.integers(-2, 2, (6, 8)))
    threshold = ops.Threshold(np.sort(rng.integers(-12, 12, (6, 3)), axis=1))
    x = rng.integers(0, 4, (6, 8))
    expected = ops.ArgMax().reference(threshold.reference(mvu.reference(x)))
    first = rtl.Mvu(mvu.weights, unsigned(2), pe=2, simd=2)
    parts = [
        rtl.WidthConverter(unsigned(2), 8, 4, 8, 2),
        rtl.Replay(unsigned(2), 2, words=4, times=3, depth=depth),
        first,
        rtl.Threshold(threshold.thresholds, first.o.payload.shape().elem_shape, pe=2),
        rtl.Fifo(unsigned(2), 2, 3),
        rtl.WidthConverter(unsigned(2), 6, 2, 6, 3),
        rtl.ArgMax(6, unsigned(2), pe=3),
        rtl.Fifo(unsigned(3), 1, 2),
    ]

    run = drive(Chain(parts), x.reshape(-1, 4), stall=stall, seed=1, expected=[6])

    np.testing.assert_array_equal(run.output, expected)
    network = timing.chain(tuple(part.schedule for part in parts), 2)
    times = timing.solve(network, 6, run.source_stalls, run.sink_stalls)
    np.testing.assert_array_equal(run.input_cycles[0], times.cycles[0])
    np.testing.assert_array_equal(run.output_cycles[0], times.cycles[-1])
