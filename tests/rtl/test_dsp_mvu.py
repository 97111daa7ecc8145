import numpy as np
import pytest
from amaranth.hdl import signed, unsigned

from hwgen.rtl.dsp_mvu import DspMvu
from tests.rtl.harness import check_times, drive, refused
from tests.rtl.test_mvu import check as check_mvu


def check(weights, shape, **options):
    return check_mvu(weights, shape, component=DspMvu, **options)


@pytest.mark.parametrize("pe", [1, 2, 3, 4])
def test_every_fold_of_a_small_matrix(pe):
    weights = np.random.default_rng(5).integers(-1, 2, (4, 5))
    for simd in range(1, 6):
        memory = ("const", "lutram", "bram")[simd % 3]
        check(weights, unsigned(2), pe=pe, simd=simd, memory=memory, stalls=(0.0, 0.4))


@pytest.mark.parametrize("x_bits", range(1, 9))
@pytest.mark.parametrize("w_bits", [1, 2, 3, 4, 6, 8])
def test_all_widths(x_bits, w_bits):
    """Fields are as narrow as the products allow, so range ends borrow from their neighbours."""
    rng = np.random.default_rng(8 * x_bits + w_bits)
    low, high = -(1 << w_bits - 1), (1 << w_bits - 1) - 1
    weights = rng.integers(low, high + 1, (5, 3))
    weights[0, :2], weights[1] = (low, high), low
    if w_bits == 1:
        weights = rng.choice([-1, 1], (5, 3))
    shape = signed(x_bits) if (x_bits + w_bits) % 2 else unsigned(x_bits)
    check(weights, shape, pe=5, simd=2, seed=w_bits)


@pytest.mark.parametrize("w_bits", [1, 2, 4])
def test_bipolar_inputs(w_bits):
    rng = np.random.default_rng(w_bits)
    weights = rng.choice([-1, 1], (6, 7)) * rng.integers(1, 1 << w_bits, (6, 7))
    check(weights, unsigned(1), pe=4, simd=3, bipolar=True)


@pytest.mark.parametrize(
    ("limit", "shape", "fields"),
    [(127, signed(8), 2), (7, unsigned(4), 4), (1, unsigned(2), 12), (3, unsigned(3), 5)],
)
def test_products_per_multiplier(limit, shape, fields):
    weights = np.random.default_rng(limit).integers(-limit, limit + 1, (12, 2))
    weights[0, 0] = limit
    dut = check(weights, shape, pe=12, simd=2, vectors=12)
    assert dut.plan.fields == fields
    assert dut.plan.multipliers == 2 * -(-12 // fields)


def test_zeros_and_single_columns():
    check(np.zeros((3, 1), np.int64), signed(3), pe=3, simd=1)
    check(np.array([[5], [-5], [0]]), signed(3), pe=2, simd=1)


def test_bits_that_are_alike_are_stored_once():
    """A row of ternary weights has one sign bit for all digits above its lowest."""
    weights = np.random.default_rng(9).integers(-1, 2, (12, 8))
    plan = check(weights, signed(8), pe=4, simd=2, memory="bram", stalls=(0.0, 0.3)).plan
    stored, place = plan.stored
    assert 0 < stored.shape[1] < plan.table.shape[1] // 2
    assert len(np.unique(stored.T, axis=0)) == stored.shape[1]
    np.testing.assert_array_equal(stored[:, place[place >= 0]], plan.table[:, place >= 0])


def test_weights_that_never_change_are_not_stored():
    weights = np.tile([[3, -2], [1, 0]], (2, 2))
    plan = check(weights, signed(4), pe=2, simd=2, memory="bram").plan
    assert plan.stored[0].shape == (4, 0)
    assert set(plan.stored[1].tolist()) == {-1, -2}


def test_vectors_side_by_side():
    weights = np.random.default_rng(1).integers(-7, 8, (3, 4))
    dut = DspMvu(weights, unsigned(4), pe=2, simd=2, m=2)
    assert dut.i.payload.shape().length == 4
    x = np.random.default_rng(2).integers(0, 16, (5, 2, 4))  # pairs, side, columns
    words = x.reshape(5, 2, 2, 2).transpose(0, 2, 1, 3)  # pair, word, side, lane
    run = drive(dut, np.repeat(words[:, None], 2, axis=1).reshape(-1, 4), stall=0.3, seed=1)
    check_times(dut, run)
    sums = run.output.reshape(5, 2, 2, 2).transpose(0, 2, 1, 3).reshape(5, 2, 4)[..., :3]
    np.testing.assert_array_equal(sums, x @ weights.T)


def test_folds_out_of_range_are_refused():
    refused(r"PE=5 is outside 1\.\.4", lambda: DspMvu(np.ones((4, 3)), unsigned(2), pe=5, simd=1))
