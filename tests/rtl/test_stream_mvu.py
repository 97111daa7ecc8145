import numpy as np
import pytest
from amaranth.hdl import signed, unsigned

from hwgen.ir import ops
from hwgen.rtl.stream_mvu import StreamMvu
from tests.rtl.harness import check_times, drive


def codes(rng, shape, bipolar, size):
    """Return random codes, both ends of the range among them, and their lanes' integers."""
    if bipolar:
        lanes = rng.integers(0, 2, size)
        return 2 * lanes - 1, lanes
    low = -(1 << shape.width - 1) if shape.signed else 0
    high = (1 << shape.width - shape.signed) - 1
    found = rng.integers(low, high + 1, size)
    found[0], found[1] = low, high
    return found, found


def check(x_shape, w_shape, *, pe, simd, words, x_bipolar=False, w_bipolar=False, **options):
    """Multiply random vectors with random matrices, one each; return the component."""
    rng = np.random.default_rng(pe + simd)
    vectors = 5
    x, x_lanes = codes(rng, x_shape, x_bipolar, (vectors, words * simd))
    w, w_lanes = codes(rng, w_shape, w_bipolar, (vectors, pe, words * simd))
    expected = [ops.Mvu(matrix).reference(vector) for matrix, vector in zip(w, x, strict=True)]
    steps = w_lanes.reshape(vectors, pe, words, simd).swapaxes(1, 2).reshape(-1, pe * simd)
    for stall in (0.0, 0.3):
        dut = StreamMvu(
            words,
            x_shape,
            w_shape,
            pe=pe,
            simd=simd,
            x_bipolar=x_bipolar,
            w_bipolar=w_bipolar,
            **options,
        )
        run = drive(dut, x_lanes.reshape(-1, simd), steps, stall=stall, seed=4)
        np.testing.assert_array_equal(run.output, expected)
        check_times(dut, run)
        if not stall:
            assert run.cycles == vectors * words + dut.plan.latency
    return dut


@pytest.mark.parametrize("x_bits", [1, 2, 4, 8])
@pytest.mark.parametrize("w_bits", [1, 2, 4, 8])
@pytest.mark.parametrize("kind", [signed, unsigned])
def test_all_widths(x_bits, w_bits, kind):
    check(kind(x_bits), signed(w_bits), pe=2, simd=3, words=2)


@pytest.mark.parametrize("simd", [1, 2, 3, 4, 7, 16])
def test_bipolar_both(simd):
    check(unsigned(1), unsigned(1), pe=2, simd=simd, words=3, x_bipolar=True, w_bipolar=True)


@pytest.mark.parametrize("bits", [1, 2, 5])
def test_one_bipolar_side(bits):
    for kind in (signed, unsigned):
        check(kind(bits), unsigned(1), pe=2, simd=5, words=2, w_bipolar=True)
    check(unsigned(1), signed(bits), pe=2, simd=5, words=2, x_bipolar=True)


@pytest.mark.parametrize("adders_per_stage", [1, 2, 9])
@pytest.mark.parametrize("words", [1, 4])
def test_stages(adders_per_stage, words):
    dut = check(
        unsigned(3), signed(3), pe=1, simd=16, words=words, adders_per_stage=adders_per_stage
    )
    assert dut.plan.levels > 1
    assert dut.plan.latency == 2 + -(-dut.plan.levels // adders_per_stage)


def test_the_largest_sums():
    """All weights and inputs at their ends: the accumulator holds what no matrix exceeds."""
    for x_shape, w_shape in ((signed(3), signed(2)), (unsigned(2), signed(4))):
        dut = StreamMvu(2, x_shape, w_shape, pe=2, simd=3)
        lane, weight = dut.plan.x, dut.plan.w
        x = np.repeat([[lane.low], [lane.high]], 6, axis=1)
        w = np.stack([np.full(6, weight.low), np.full(6, weight.high)])
        steps = np.broadcast_to(w, (2, 2, 6)).reshape(2, 2, 2, 3).swapaxes(1, 2).reshape(-1, 6)
        run = drive(dut, x.reshape(-1, 3), steps)
        np.testing.assert_array_equal(run.output, ops.Mvu(w).reference(x))
