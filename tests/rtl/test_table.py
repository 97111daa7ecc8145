import numpy as np
import pytest
from amaranth.hdl import signed, unsigned

from hwgen import rtl
from hwgen.ir import ops
from tests.rtl.harness import check_times, drive, refused


@pytest.mark.parametrize("memory", ["const", "bram"])
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize(
    ("shape", "first", "entries"),
    [(signed(3), -4, 8), (signed(4), -3, 5), (unsigned(3), 0, 7), (unsigned(4), 2, 9)],
)
def test_looks_every_code_up(shape, first, entries, shared, memory):
    rng = np.random.default_rng(entries)
    values = rng.integers(-30, 31, (1 if shared else 4, entries))
    op = ops.Table(values, first)
    codes = np.arange(first, first + entries)
    x = np.stack([rng.permutation(codes) for _ in range(4)], axis=1)  # every code on every channel
    for pe in (1, 2, 4):
        for stall in (0.0, 0.4):
            dut = rtl.Table(values, first, shape, pe=pe, memory=memory)

            run = drive(dut, x.reshape(-1, pe), stall=stall, seed=pe)

            np.testing.assert_array_equal(run.output.reshape(x.shape), op.reference(x))
            check_times(dut, run)
            if not stall:
                assert run.cycles == x.size // pe + 1  # II 1, latency 1


def test_bipolar_codes_are_bits():
    values = np.array([[-1, 1], [1, 1], [1, -1]])
    x = np.array([[0, 0, 0], [1, 1, 1], [0, 1, 0]])
    table = ops.Table(np.insert(values, 1, 0, axis=1), -1)
    expected = table.reference(2 * x - 1) > 0
    dut = rtl.Table(
        np.insert(values, 1, -1, axis=1), -1, unsigned(1), pe=3, bipolar=True, x_bipolar=True
    )
    np.testing.assert_array_equal(drive(dut, x).output, expected)


def test_channels_must_fill_the_lanes():
    refused(
        r"Table: PE=2 does not divide 3 \(channels\)",
        lambda: rtl.Table(np.zeros((3, 4)), 0, unsigned(2), pe=2),
    )
