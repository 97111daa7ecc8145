import numpy as np
import pytest
from amaranth.hdl import signed

from hwgen import rtl, timing
from tests.rtl.harness import check_times, drive


@pytest.mark.parametrize("stall", [0.0, 0.5])
@pytest.mark.parametrize(
    ("depth", "style"),
    [
        (1, "reg"), (2, "reg"), (5, "reg"), (1, "lutram"), (3, "lutram"), (8, "lutram"),
        (1, "bram"), (2, "bram"), (3, "bram"), (8, "bram"), (2, None), (3, None), (65, None),
    ],
)  # fmt: skip
def test_order_and_cycles(depth, style, stall):
    x = np.random.default_rng(depth).integers(-8, 8, (90, 2))
    dut = rtl.Fifo(signed(4), 2, depth, style)

    run = drive(dut, x, stall=stall, seed=depth)

    np.testing.assert_array_equal(run.output, x)
    check_times(dut, run)


@pytest.mark.parametrize("style", ["reg", "lutram", "bram"])
@pytest.mark.parametrize("depth", [1, 3, 4])
def test_holds_exactly_its_depth(depth, style):
    """With the sink stalled for good, ``depth`` transfers go in and no more."""
    x = np.arange(depth + 3)[:, None] % 8
    dut = rtl.Fifo(4, 1, depth, style)

    run = drive(dut, x, stall=0.0, sink_stall=1.0, expected=[0], limit=40, patience=30)

    assert len(run.input_cycles[0]) == depth


def test_full_rate_from_depth_of_latency_plus_one():
    for depth, style, latency in ((2, "reg", 1), (2, "lutram", 1), (3, "bram", 2)):
        run = drive(rtl.Fifo(4, 1, depth, style), np.zeros((20, 1)))
        assert run.cycles == 20 + latency
        assert timing.fifo(depth, style).latency == latency


def test_style_follows_depth():
    assert [timing.fifo_style(d) for d in (1, 2, 3, 64, 65)] == [
        "reg", "reg", "lutram", "lutram", "bram",
    ]  # fmt: skip
