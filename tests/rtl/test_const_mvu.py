import numpy as np
import pytest
from amaranth.hdl import signed, unsigned

from hwgen import ir
from hwgen.ir import ops
from hwgen.rtl.const_mvu import ConstMvu
from tests.rtl.harness import check_times, drive

RNG = np.random.default_rng(7)


def check(weights, shape, *, bipolar=False, vectors=6, stalls=(0.0, 0.4), **options):
    """Drive random vectors and the ends of the range; return the component."""
    width = weights.shape[1]
    low = -(1 << shape.width - 1) if shape.signed else 0
    high = (1 << shape.width - shape.signed) - 1
    side = options.get("m", 1)
    x = RNG.integers(low, high + 1, (vectors * side, width))
    x[0] = np.where(weights[0] > 0, high, low)  # the first row's largest sum
    x[1] = np.where(weights[0] > 0, low, high)
    expected = ops.Mvu(weights).reference(2 * x - 1 if bipolar else x)
    for stall in stalls:
        dut = ConstMvu(weights, shape, x_bipolar=bipolar, **options)
        run = drive(dut, x.reshape(vectors, -1), stall=stall, seed=3)
        np.testing.assert_array_equal(run.output.reshape(expected.shape), expected)
        check_times(dut, run)
        if not stall:
            assert run.output_cycles[0].tolist() == list(
                range(dut.plan.latency, dut.plan.latency + vectors)
            )
    return dut


@pytest.mark.parametrize("x_bits", range(1, 9))
@pytest.mark.parametrize("w_bits", [1, 2, 3, 4, 6, 8])
def test_all_widths(x_bits, w_bits):
    low, high = -(1 << w_bits - 1), (1 << w_bits - 1) - 1
    weights = RNG.integers(low, high + 1, (3, 4))
    weights[0, :2] = low, high
    if w_bits == 1:
        weights = RNG.choice([-1, 1], (3, 5))
    shape = signed(x_bits) if (x_bits + w_bits) % 2 else unsigned(x_bits)
    check(weights, shape, stalls=(0.3,), vectors=4)


@pytest.mark.parametrize("rows", [1, 5])
@pytest.mark.parametrize("columns", [1, 3, 11])
@pytest.mark.parametrize("bipolar", [False, True])
def test_shapes(rows, columns, bipolar):
    weights = RNG.choice([-1, 0, 1], (rows, columns)) if columns != 3 else np.full((rows, 3), -1)
    check(weights, unsigned(1 if bipolar else 2), bipolar=bipolar)


@pytest.mark.parametrize("bipolar", [False, True])
def test_wider_weights_of_bipolar_inputs(bipolar):
    check(RNG.integers(-4, 4, (4, 9)), unsigned(1), bipolar=bipolar)


@pytest.mark.parametrize(
    "weights",
    [
        np.zeros((2, 3), np.int64),
        np.array([[0, 0, 0], [1, 0, 0]]),
        np.array([[0, -1, 0], [0, 0, 0]]),
        np.array([[4, 0, 0], [-8, 0, 0]]),
        np.array([[127, -128, 127], [-128, -128, -128]]),
        np.array([[85, 85, 85], [51, 51, 51]]),
    ],
)
def test_odd_matrices(weights):
    check(weights, signed(3))
    check(weights, unsigned(2))


@pytest.mark.parametrize("columns", [6, 24, 60])
@pytest.mark.parametrize("adders_per_stage", [1, 2, 9])
def test_stages(columns, adders_per_stage):
    weights = RNG.integers(-3, 4, (4, columns))
    dut = check(weights, unsigned(2), adders_per_stage=adders_per_stage)
    assert dut.plan.latency == -(-dut.plan.levels // adders_per_stage)


@pytest.mark.parametrize("levels", [0, 1, 4])
def test_shared_terms(levels):
    """Rows alike share; the more levels may, the fewer LUTs."""
    weights = np.repeat(RNG.integers(-1, 2, (3, 40)), 6, axis=0)
    weights[:, :6] = RNG.integers(-1, 2, (18, 6))
    dut = check(weights, unsigned(2), shared_levels=levels, stalls=(0.3,))
    assert dut.plan.shared.level.max() <= levels
    assert bool(len(dut.plan.shared.pairs)) == bool(levels)


def test_vectors_side_by_side():
    check(RNG.integers(-2, 2, (3, 5)), signed(2), m=3)


def test_sums_of_the_graph_type():
    weights = RNG.integers(-2, 2, (3, 7))
    kind = ops.Mvu(weights).infer(ir.TensorType((7,), 0, 3))
    dut = check(weights, unsigned(2), acc_shape=range(kind.low, kind.high + 1))
    assert dut.plan.acc.bits == kind.bits
