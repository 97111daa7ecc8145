import numpy as np
import pytest
from amaranth.hdl import signed

from hwgen import rtl
from tests.rtl.harness import check_times, drive


@pytest.mark.parametrize("memory", ["lutram", "bram"])
@pytest.mark.parametrize(
    ("words", "times", "depth"),
    [(1, 1, 1), (1, 3, 1), (1, 3, 4), (3, 1, 3), (3, 2, 3), (3, 4, 5), (4, 3, 8), (2, 2, 9)],
)
def test_sends_each_vector_several_times(words, times, depth, memory):
    x = np.random.default_rng(words).integers(-8, 8, (7 * words, 2))
    expected = np.repeat(x.reshape(7, 1, words, 2), times, axis=1).reshape(-1, 2)
    for stall in (0.0, 0.5):
        dut = rtl.Replay(signed(4), 2, words=words, times=times, depth=depth, memory=memory)

        run = drive(dut, x, stall=stall, seed=depth)

        np.testing.assert_array_equal(run.output, expected)
        check_times(dut, run)
        if not stall:
            assert run.output_cycles[0][0] == 2
            if depth >= 2 * words:
                assert run.output_cycles[0][-1] == 2 + 7 * words * times - 1  # no gap anywhere
