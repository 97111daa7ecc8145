"""Pools over windows and over frames."""

import numpy as np
import pytest
from amaranth.hdl import signed, unsigned

from hwgen.ir import ops
from hwgen.rtl.pool import MaxPool, SumPool
from tests.rtl.harness import check_times, drive


def run_pool(dut, x, expected, stall):
    lanes = dut.o.payload.shape().length
    run = drive(dut, x.reshape(-1, lanes), stall=stall)
    np.testing.assert_array_equal(run.output, expected.reshape(-1, lanes))
    check_times(dut, run)
    return run


@pytest.mark.parametrize("lanes", [1, 2, 4])
@pytest.mark.parametrize("taps", [1, 4, 9])
@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_pools_equal_their_reference(lanes, taps, stall):
    x = np.random.default_rng(1).integers(-4, 4, (6, taps * 4))
    x[0], x[1] = -4, 3
    words = 4 // lanes
    high = MaxPool(taps, signed(3), words=words, lanes=lanes)
    total = SumPool(taps, signed(3), signed(7), words=words, lanes=lanes)
    run = run_pool(high, x, ops.MaxPool(taps).reference(x), stall)
    run_pool(total, x, ops.SumPool(taps).reference(x), stall)
    if not stall:
        assert run.output_cycles[0][0] == (taps - 1) * words + 1  # II 1, latency 1


def test_bipolar_pools():
    x = np.random.default_rng(2).choice([-1, 1], (8, 3 * 2))
    bits = (x + 1) // 2
    high = MaxPool(3, unsigned(1), words=1, lanes=2, bipolar=True)
    total = SumPool(3, unsigned(1), signed(3), words=2, lanes=1, bipolar=True)
    run_pool(high, bits, (ops.MaxPool(3).reference(x) + 1) // 2, 0.2)
    run_pool(total, bits, ops.SumPool(3).reference(x), 0.2)
    alone = SumPool(1, unsigned(1), unsigned(1), words=3, lanes=2, bipolar=True)
    run_pool(alone, bits, bits, 0.2)


def test_global_pool_of_many_channels_keeps_its_sums_in_memory():
    x = np.random.default_rng(3).integers(0, 16, (2, 6 * 40))
    dut = SumPool(6, unsigned(4), unsigned(7), words=40, lanes=1)
    run_pool(dut, x, ops.SumPool(6).reference(x), 0.1)


@pytest.mark.parametrize(("taps", "simd"), [(4, 4), (9, 4), (5, 2), (2, 1)])
@pytest.mark.parametrize("m", [1, 3])
def test_several_taps_and_pixels_at_once(taps, simd, m):
    """Taps past the last one hold the worst: the end of the range."""
    rng = np.random.default_rng(4)
    pe, words, steps = 2, 2, -(-taps // simd)
    for pool, fill in ((ops.MaxPool(taps), 3), (ops.SumPool(taps), -4)):
        x = rng.integers(-4, 4, (4, m, taps * 4))
        x[0], x[1] = -4, 3
        padded = np.full((4, m, steps * simd, words * pe), fill)
        padded[:, :, :taps] = x.reshape(4, m, taps, 4)
        parts = padded.reshape(4, m, steps, simd, words, pe).transpose(0, 2, 4, 1, 3, 5)
        sizes = {"words": words, "lanes": pe, "simd": simd, "m": m}
        dut = (
            MaxPool(taps, signed(3), **sizes)
            if isinstance(pool, ops.MaxPool)
            else SumPool(taps, signed(3), signed(7), **sizes)
        )
        run = drive(dut, parts.reshape(-1, m * simd * pe), stall=0.3)
        expected = pool.reference(x).reshape(4, m, words, pe).swapaxes(1, 2)
        np.testing.assert_array_equal(run.output, expected.reshape(-1, m * pe))
        check_times(dut, run)
