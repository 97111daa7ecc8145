import numpy as np
import pytest
from amaranth.hdl import signed, unsigned

from hwgen import rtl, timing
from hwgen.ir import ops
from tests.rtl.harness import check_times, drive, refused


def cases(levels, low, high, rng):
    """Random accumulators, the ends of the range, and each level with its two neighbours."""
    near = [levels.T + d for d in (-1, 0, 1)]
    ends = np.array([[low] * len(levels), [high] * len(levels)])
    x = np.concatenate([*near, ends, rng.integers(low, high + 1, (6, len(levels)))])
    return np.clip(x, low, high)


@pytest.mark.parametrize("pe", [1, 2, 4])
@pytest.mark.parametrize(
    ("steps", "low"), [(0, 3), (1, 0), (2, -1), (3, 0), (4, 0), (7, -4), (14, -7), (15, 0)]
)
def test_counts_the_levels_reached(steps, low, pe):
    rng = np.random.default_rng(steps)
    levels = np.sort(rng.integers(-34, 35, (4, steps)), axis=1)  # some outside the range
    op = ops.Threshold(levels, low)
    x = cases(levels, -32, 31, rng)
    for stall in (0.0, 0.4):
        dut = rtl.Threshold(levels, signed(6), pe=pe, low=low)

        run = drive(dut, x.reshape(-1, pe), stall=stall, seed=pe)

        np.testing.assert_array_equal(run.output.reshape(x.shape), op.reference(x))
        check_times(dut, run)
        if not stall:
            assert run.cycles == x.size // pe + timing.threshold_latency(steps)  # II 1


def test_unsigned_accumulators_and_equal_levels():
    levels = np.array([[0, 0, 5], [7, 7, 7], [-9, 8, 99], [1, 2, 2]])
    x = np.repeat(np.arange(8)[:, None], 4, axis=1)
    run = drive(rtl.Threshold(levels, unsigned(3), pe=2), x.reshape(-1, 2))
    np.testing.assert_array_equal(run.output.reshape(x.shape), ops.Threshold(levels).reference(x))


def test_bipolar_codes_are_bits():
    op = ops.Threshold(np.array([[0], [3], [-8], [9]]), bipolar=True)
    x = np.repeat(np.arange(-8, 8)[:, None], 4, axis=1)
    run = drive(rtl.Threshold(op.thresholds, signed(4), pe=4, bipolar=True), x)
    np.testing.assert_array_equal(2 * run.output - 1, op.reference(x))


def test_wide_codes():
    rng = np.random.default_rng(8)
    op = ops.Threshold(np.sort(rng.integers(-2000, 2000, (2, 255)), axis=1), -128)
    x = cases(op.thresholds[:, ::9], -2048, 2047, rng)
    run = drive(rtl.Threshold(op.thresholds, signed(12), pe=1, low=-128), x.reshape(-1, 1))
    np.testing.assert_array_equal(run.output.reshape(x.shape), op.reference(x))


@pytest.mark.parametrize("pe", [1, 2])
def test_levels_in_block_ram(pe, monkeypatch):
    monkeypatch.setattr("hwgen.arith.threshold._BLOCK_WORDS", 8)
    rng = np.random.default_rng(9)
    levels = np.sort(rng.integers(-520, 520, (6, 13)), axis=1)  # some outside the range
    op = ops.Threshold(levels, -7)
    x = cases(levels, -512, 511, rng)
    for stall in (0.0, 0.4):
        dut = rtl.Threshold(levels, signed(10), pe=pe, low=-7)

        run = drive(dut, x.reshape(-1, pe), stall=stall, seed=pe)

        np.testing.assert_array_equal(run.output.reshape(x.shape), op.reference(x))
        check_times(dut, run)


def test_channels_must_fill_the_lanes():
    refused(
        r"Threshold: PE=3 does not divide 4 \(channels\)",
        lambda: rtl.Threshold(np.zeros((4, 1)), signed(4), pe=3),
    )
