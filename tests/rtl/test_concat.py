"""Concatenation and slices of channels."""

import numpy as np
import pytest
from amaranth.hdl import signed, unsigned

from hwgen.ir import ops
from hwgen.rtl.concat import Concat
from hwgen.rtl.slice import Slice
from tests.rtl.harness import check_times, drive


@pytest.mark.parametrize("lanes", [1, 2])
@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_concat_passes_inputs_in_turn(lanes, stall):
    rng = np.random.default_rng(1)
    a, b = rng.integers(-4, 4, (5, 4)), rng.integers(0, 8, (5, 2))
    c = rng.choice([-1, 1], (5, 6))
    dut = Concat(
        [4 // lanes, 2 // lanes, 6 // lanes],
        [signed(3), unsigned(3), unsigned(1)],
        signed(4),
        lanes=lanes,
        bipolar=[False, False, True],
    )
    parts = a, b, (c + 1) // 2

    run = drive(dut, *(part.reshape(-1, lanes) for part in parts), stall=stall)

    expected = ops.Concat().reference(a, b, c)
    np.testing.assert_array_equal(run.output, expected.reshape(-1, lanes))
    check_times(dut, run)
    if not stall:
        assert run.cycles == expected.size // lanes + 1  # II 1, latency 1


def test_bipolar_inputs_stay_bits():
    c = np.random.default_rng(2).choice([-1, 1], (5, 4))
    dut = Concat(
        [1, 1], [unsigned(1)] * 2, unsigned(1), lanes=2, bipolar=[True] * 2, out_bipolar=True
    )
    run = drive(dut, (c[:, :2] + 1) // 2, (c[:, 2:] + 1) // 2)
    np.testing.assert_array_equal(run.output.reshape(5, 4), (c + 1) // 2)


@pytest.mark.parametrize("lanes", [1, 2])
@pytest.mark.parametrize("bounds", [(0, 4), (2, 6), (4, 8), (0, 8)])
@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_slice_passes_its_channels(lanes, bounds, stall):
    x = np.random.default_rng(3).integers(-4, 4, (5, 8))
    start, stop = (bound // lanes for bound in bounds)
    dut = Slice(8 // lanes, start, stop, signed(3), lanes=lanes)
    run = drive(dut, x.reshape(-1, lanes), stall=stall)
    expected = ops.Slice(*bounds).reference(x)
    np.testing.assert_array_equal(run.output, expected.reshape(-1, lanes))
    check_times(dut, run)
