"""Joins of two branches, and integer multiples of one."""

import numpy as np
import pytest
from amaranth.hdl import signed, unsigned

from hwgen import timing
from hwgen.ir import ops
from hwgen.rtl.add import Add
from hwgen.rtl.affine import Affine
from tests.rtl.harness import check_times, drive

FACTORS = [
    ([1], [-2]),
    ([3], [5]),
    ([1, -2, 3, 4], [7]),
    ([2, 2, 4, 1], [-1, 1, 0, 3]),
    ([0], [1]),
    ([37], [-90]),
]


@pytest.mark.parametrize(("m_a", "m_b"), FACTORS)
@pytest.mark.parametrize("lanes", [1, 2, 4])
@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_joins_equal_their_reference(m_a, m_b, lanes, stall):
    op = ops.Add(np.array(m_a), np.array(m_b))
    rng = np.random.default_rng(1)
    a, b = rng.integers(-4, 4, (8, 4)), rng.integers(0, 8, (8, 4))
    a[:2], b[:2] = [[-4], [3]], [[7], [0]]
    shapes = signed(3), unsigned(3)
    dut = Add(op.m_a, op.m_b, shapes, signed(11), words=4 // lanes, lanes=lanes)

    run = drive(dut, a.reshape(-1, lanes), b.reshape(-1, lanes), stall=stall)

    np.testing.assert_array_equal(run.output, op.reference(a, b).reshape(-1, lanes))
    check_times(dut, run)
    if not stall:
        assert run.cycles == 32 // lanes + timing.add_latency(op.m_a, op.m_b)


def test_a_bipolar_branch():
    op = ops.Add(np.array([2]), np.array([1]))
    rng = np.random.default_rng(2)
    a, b = rng.choice([-1, 1], (6, 2)), rng.integers(-2, 2, (6, 2))
    dut = Add(
        op.m_a, op.m_b, (unsigned(1), signed(2)), signed(4), words=1, lanes=2, bipolar=(True, False)
    )
    run = drive(dut, (a + 1) // 2, b, stall=0.3)
    np.testing.assert_array_equal(run.output, op.reference(a, b))
    check_times(dut, run)


@pytest.mark.parametrize(("scale", "bias"), [([-3], [5]), ([1, 2, -7, 0], [100, 0, -1, 9])])
@pytest.mark.parametrize("lanes", [1, 2, 4])
def test_affine_equals_its_reference(scale, bias, lanes):
    op = ops.Affine(np.array(scale), np.array(bias))
    x = np.random.default_rng(3).integers(-4, 4, (6, 4))
    dut = Affine(op.scale, op.bias, signed(3), signed(8), words=4 // lanes, lanes=lanes)
    run = drive(dut, x.reshape(-1, lanes), stall=0.3)
    np.testing.assert_array_equal(run.output, op.reference(x).reshape(-1, lanes))
    check_times(dut, run)


def test_a_product_by_shifts_is_the_product():
    """One lane per factor, so that each is a constant of its own."""
    factors = np.array([*range(-20, 21), 127, -128])
    op = ops.Affine(factors, np.zeros(1, np.int64))
    x = np.repeat(np.arange(-4, 4)[:, None], len(factors), axis=1)
    dut = Affine(op.scale, op.bias, signed(3), signed(11), words=1, lanes=len(factors))
    run = drive(dut, x)
    np.testing.assert_array_equal(run.output, op.reference(x))
    assert run.cycles == len(x) + timing.AFFINE_LATENCY
