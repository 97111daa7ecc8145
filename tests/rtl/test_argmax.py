import numpy as np
import pytest
from amaranth.hdl import signed, unsigned

from hwgen import rtl
from hwgen.ir import ops
from tests.rtl.harness import check_times, drive


def transfers(x, pe, rng, shape):
    """Lay pixels out in words of ``pe``; what pads the last word is larger than any code."""
    pad = -x.shape[1] % pe
    high = (1 << shape.width - shape.signed) - 1
    return np.pad(x, ((0, 0), (0, pad)), constant_values=high).reshape(-1, pe)


@pytest.mark.parametrize("channels", [1, 2, 5, 7, 10])
@pytest.mark.parametrize("shape", [signed(4), unsigned(3), unsigned(1)])
def test_first_of_the_largest(channels, shape):
    rng = np.random.default_rng(channels)
    low = -(1 << shape.width - 1) if shape.signed else 0
    high = (1 << shape.width - shape.signed) - 1
    x = rng.integers(low, high + 1, (12, channels))
    x[0], x[1] = low, high  # all equal, at both ends
    x[2:6] = np.clip(x[2:6], high - 1, high)  # ties
    for pe in range(1, channels + 1):
        for stall in (0.0, 0.4):
            dut = rtl.ArgMax(channels, shape, pe=pe)

            run = drive(dut, transfers(x, pe, rng, shape), stall=stall, seed=pe)

            np.testing.assert_array_equal(run.output, ops.ArgMax().reference(x))
            check_times(dut, run)
            if not stall:
                words = -(-channels // pe)
                assert run.output_cycles[0][0] == words - 1 + (pe - 1).bit_length() + 1
                assert run.output_cycles[0][-1] == 12 * words - 1 + (pe - 1).bit_length() + 1
