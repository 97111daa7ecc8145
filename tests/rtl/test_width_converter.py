import numpy as np
import pytest
from amaranth.hdl import signed, unsigned

from hwgen import rtl, timing
from tests.rtl.harness import check_times, drive


def words(x, lanes, rng):
    """Lay groups out in words; padding lanes hold noise."""
    pad = -x.shape[1] % lanes
    return np.hstack([x, rng.integers(-8, 8, (len(x), pad))]).reshape(-1, lanes)


def unpadded(output, groups, elements):
    return output.reshape(groups, -1)[:, :elements]


@pytest.mark.parametrize("elements", [1, 6, 7, 12])
def test_all_pairs_of_lanes(elements):
    rng = np.random.default_rng(elements)
    x = rng.integers(-8, 8, (4, elements))
    for lanes_in in range(1, min(elements, 6) + 1):
        for lanes_out in range(1, min(elements, 6) + 1):
            dut = rtl.WidthConverter(signed(4), elements, lanes_in, elements, lanes_out)
            run = drive(
                dut,
                words(x, lanes_in, rng),
                stall=0.3 * (lanes_in + lanes_out & 1),
                expected=[4 * -(-elements // lanes_out)],
            )
            np.testing.assert_array_equal(unpadded(run.output, 4, elements), x)
            check_times(dut, run)


@pytest.mark.parametrize(("elements_in", "elements_out"), [(5, 8), (8, 5), (3, 9), (9, 3), (7, 1)])
@pytest.mark.parametrize(("lanes_in", "lanes_out"), [(1, 1), (2, 3), (3, 2), (4, 4)])
def test_groups_grow_and_shrink(elements_in, elements_out, lanes_in, lanes_out):
    rng = np.random.default_rng(lanes_in)
    x = rng.integers(-8, 8, (5, elements_in))
    kept = min(elements_in, elements_out)
    for stall in (0.0, 0.4):
        dut = rtl.WidthConverter(signed(4), elements_in, lanes_in, elements_out, lanes_out)
        run = drive(dut, words(x, lanes_in, rng), stall=stall)
        np.testing.assert_array_equal(unpadded(run.output, 5, elements_out)[:, :kept], x[:, :kept])
        check_times(dut, run)


@pytest.mark.parametrize(
    ("lanes_in", "lanes_out"), [(1, 4), (4, 1), (2, 6), (6, 2), (4, 6), (3, 2)]
)
def test_full_rate_where_nothing_is_padded(lanes_in, lanes_out):
    x = np.arange(48)[:, None] % 16
    dut = rtl.WidthConverter(unsigned(4), 12, lanes_in, 12, lanes_out)
    run = drive(dut, x.reshape(-1, lanes_in))
    first = -(-lanes_out // lanes_in)
    assert run.output_cycles[0][0] == first  # latency 1 from the last word it needs
    assert run.cycles <= first + 48 // min(lanes_in, lanes_out)


def test_a_step_is_one_word_in_and_one_out_at_most():
    for sizes in ((7, 3, 7, 2), (7, 2, 7, 3), (5, 5, 9, 2), (9, 2, 5, 5)):
        takes, emits = timing.width_steps(*sizes)
        elements_in, lanes_in, elements_out, lanes_out = sizes
        assert takes.sum() == -(-elements_in // lanes_in)
        assert emits.sum() == -(-elements_out // lanes_out)
        assert len(takes) <= takes.sum() + emits.sum()
