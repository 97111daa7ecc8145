"""Padding and spreading of pixels."""

import numpy as np
import pytest
from amaranth.hdl import signed, unsigned

from hwgen.ir import ops
from hwgen.rtl.insert import Pad, ZeroInsert
from tests.rtl.harness import check_times, drive


def frames(channels=2):
    return np.random.default_rng(1).integers(-4, 4, (3, 3, 2, channels))


@pytest.mark.parametrize("pads", [(1, 2, 3, 0), (0, 1, 0, 1), (0, 0, 1, 1), (1, 0, 0, 0)])
@pytest.mark.parametrize("lanes", [1, 2])
@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_pad_surrounds_frames(pads, lanes, stall):
    x = frames()
    dut = Pad(3, 2, pads, signed(3), words=2 // lanes, lanes=lanes, code=-2)
    run = drive(dut, x.reshape(-1, lanes), stall=stall)
    expected = ops.Pad(pads, -2).reference(x)
    np.testing.assert_array_equal(run.output, expected.reshape(-1, lanes))
    check_times(dut, run)
    if not stall:
        assert run.cycles == expected.size // lanes + 1  # II 1, latency 1


@pytest.mark.parametrize("factors", [(2, 3), (1, 2), (3, 1)])
@pytest.mark.parametrize("lanes", [1, 2])
@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_zero_insert_spreads_pixels(factors, lanes, stall):
    x = frames()
    dut = ZeroInsert(3, 2, factors, signed(3), words=2 // lanes, lanes=lanes)
    run = drive(dut, x.reshape(-1, lanes), stall=stall)
    expected = ops.ZeroInsert(factors).reference(x)
    np.testing.assert_array_equal(run.output, expected.reshape(-1, lanes))
    check_times(dut, run)


def test_nothing_of_a_frame_leaves_before_it_begins():
    dut = Pad(1, 2, (1, 1, 0, 0), signed(3), words=1, lanes=1)
    run = drive(dut, np.array([[1], [2], [3], [-4]]), stall=0.9, sink_stall=0.0, seed=5)
    first = run.output_cycles[0].reshape(2, -1)[:, 0]
    np.testing.assert_array_equal(first, run.input_cycles[0][::2] + 1)


def test_bipolar_frames_widen():
    x = np.random.default_rng(2).choice([-1, 1], (3, 2, 2, 2))
    dut = Pad(
        2,
        2,
        (0, 1, 1, 0),
        unsigned(1),
        signed(2),
        words=1,
        lanes=2,
        bipolar=True,
        out_bipolar=False,
    )
    run = drive(dut, (x.reshape(-1, 2) + 1) // 2, stall=0.2)
    np.testing.assert_array_equal(run.output, ops.Pad((0, 1, 1, 0)).reference(x).reshape(-1, 2))


def test_a_single_bipolar_pixel_stays_bipolar_whatever_would_stand_between():
    x = np.array([[1, -1], [-1, -1], [1, 1]])
    dut = ZeroInsert(1, 1, (2, 2), unsigned(1), words=1, lanes=2, code=-2, bipolar=True)
    run = drive(dut, (x + 1) // 2, stall=0.3)
    np.testing.assert_array_equal(run.output * 2 - 1, x)
