import numpy as np
import pytest
from amaranth.hdl import signed

from hwgen import rtl
from tests.rtl.harness import check_times, drive


@pytest.mark.parametrize("copies", [1, 2, 4])
@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_every_reader_gets_every_transfer(copies, stall):
    x = np.random.default_rng(3).integers(-8, 8, (40, 3))
    dut = rtl.Fork(signed(4), 3, copies)

    run = drive(dut, x, stall=stall, seed=copies)

    for output in run.outputs:
        np.testing.assert_array_equal(output, x)
    check_times(dut, run)
    if not stall:
        assert run.cycles == len(x) + 1  # II 1, latency 1
