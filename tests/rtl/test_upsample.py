"""Enlargement and pixel shuffle."""

import numpy as np
import pytest
from amaranth.hdl import signed

from hwgen.ir import ops
from hwgen.rtl.depth_to_space import DepthToSpace
from hwgen.rtl.upsample import Upsample
from tests.rtl.harness import check_times, drive


@pytest.mark.parametrize("factors", [(2, 2), (1, 3), (3, 1)])
@pytest.mark.parametrize(("lanes", "stall"), [(1, 0.0), (2, 0.3), (4, 0.0)])
def test_upsample_repeats_pixels_and_lines(factors, lanes, stall):
    x = np.random.default_rng(1).integers(-4, 4, (3, 2, 3, 4))
    dut = Upsample(2, 3, factors, signed(3), words=4 // lanes, lanes=lanes)

    run = drive(dut, x.reshape(-1, lanes), stall=stall)

    expected = ops.Upsample(factors).reference(x)
    np.testing.assert_array_equal(run.output, expected.reshape(-1, lanes))
    check_times(dut, run)
    if not stall:
        ends = run.output_cycles[0].reshape(3, -1)[:, -1]
        np.testing.assert_array_equal(np.diff(ends), expected[0].size // lanes)


def test_one_dimensional_upsample():
    x = np.random.default_rng(2).integers(-4, 4, (3, 5, 2))
    dut = Upsample(1, 5, (1, 2), signed(3), words=1, lanes=2, memory="bram")
    run = drive(dut, x.reshape(-1, 2), stall=0.4)
    np.testing.assert_array_equal(run.output, ops.Upsample((2,)).reference(x).reshape(-1, 2))
    check_times(dut, run)


@pytest.mark.parametrize(("mode", "lanes"), [("DCR", 1), ("DCR", 3), ("DCR", 6), ("CRD", 1)])
@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_depth_to_space(mode, lanes, stall):
    x = np.random.default_rng(3).integers(-4, 4, (3, 2, 2, 24))
    dut = DepthToSpace(2, 2, 24, 2, signed(3), lanes=lanes, mode=mode)

    run = drive(dut, x.reshape(-1, lanes), stall=stall)

    expected = ops.DepthToSpace(2, mode).reference(x)
    np.testing.assert_array_equal(run.output, expected.reshape(-1, lanes))
    check_times(dut, run)
