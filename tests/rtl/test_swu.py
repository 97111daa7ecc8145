"""Window units: rows, times and folds against the reference and the token model."""

import numpy as np
import pytest
from amaranth.hdl import signed, unsigned

from hwgen import timing
from hwgen.ir import ops
from hwgen.rtl.swu import Swu
from hwgen.timing import Window
from tests.rtl.harness import check_times, drive

CASES = [
    # window, channels
    (Window(5, 4, (3, 3), pads=(1, 1, 1, 1)), 2),
    (Window(3, 3, (2, 2), pads=(1, 0, 0, 1)), 4),
    (Window(4, 5, (3, 2)), 2),
    (Window(6, 6, (3, 3), (2, 2), pads=(0, 0, 1, 1)), 2),
    (Window(5, 5, (2, 2), (2, 2)), 2),
    (Window(5, 5, (1, 1), (2, 2)), 2),
    (Window(7, 6, (2, 3), (1, 2), (2, 1), (1, 2, 1, 0)), 2),
    (Window(1, 9, (1, 3), (1, 1), (1, 2), (0, 2, 0, 2)), 2),
    (Window(3, 4, (3, 3), pads=(2, 2, 2, 2)), 2),
    (Window(4, 4, (2, 2), (3, 3)), 1),
    (Window(3, 3, (3, 3)), 1),
]
LOW, HIGH = -4, 3


def reference(window, x, groups=1, pad_code=LOW):
    op = ops.Swu(window.kernel, window.stride, window.dilation, window.pads, pad_code, groups)
    return op.reference(x)


def folds():
    for window, channels in CASES:
        for lanes in (n for n in range(1, channels + 1) if channels % n == 0):
            words = channels // lanes
            for groups in (n for n in (1, 2, 4) if words % n == 0):
                yield window, channels, lanes, groups


@pytest.mark.parametrize(("window", "channels", "lanes", "groups"), list(folds()))
@pytest.mark.parametrize("memory", ["lutram", "bram"])
def test_every_fold_equals_the_reference_in_every_cycle(window, channels, lanes, groups, memory):
    frames = 2 if window.height * channels > 8 else 4
    x = np.random.default_rng(1).integers(
        LOW, HIGH + 1, (frames, window.height, window.width, channels)
    )
    words = channels // lanes
    walk = timing.swu(window, words, groups)
    depth = walk.smallest_depth if memory == "bram" else None
    stall = 0.3 if memory == "bram" else 0.0
    dut = Swu(window, signed(3), words=words, lanes=lanes, groups=groups, depth=depth,
              pad_code=LOW, memory=memory)  # fmt: skip

    run = drive(dut, x.reshape(-1, lanes), stall=stall, seed=2)

    expected = reference(window, x, groups)
    np.testing.assert_array_equal(run.output, expected.reshape(-1, lanes))
    check_times(dut, run)
    if not stall:
        latency = timing.line_latency(walk, memory)
        assert run.output_cycles[0][0] == run.input_cycles[0][walk.needs[0]] + 1 + latency


@pytest.mark.parametrize(("source", "sink"), [(0.8, 0.0), (0.0, 0.8), (0.5, 0.5)])
@pytest.mark.parametrize("extra", [0, 1, 5])
def test_no_stall_pattern_hangs_the_tightest_memory(source, sink, extra):
    window = Window(5, 4, (3, 3), (2, 1), pads=(1, 1, 0, 1))
    x = np.random.default_rng(3).integers(LOW, HIGH + 1, (3, 5, 4, 2))
    depth = timing.swu(window, 2).smallest_depth + extra
    dut = Swu(window, signed(3), words=2, lanes=1, depth=depth, pad_code=LOW)

    run = drive(dut, x.reshape(-1, 1), stall=source, sink_stall=sink, seed=extra)

    np.testing.assert_array_equal(run.output, reference(window, x).reshape(-1, 1))
    check_times(dut, run)


def test_frames_follow_without_a_gap():
    """The interval is the larger one of transfers in and out, from the first frame on."""
    for window in (Window(4, 4, (3, 3), pads=(1, 1, 1, 1)), Window(6, 6, (2, 2), (2, 2))):
        x = np.zeros((4, window.height * window.width, 1), np.int64)
        dut = Swu(window, signed(3), words=1, lanes=1)
        run = drive(dut, x.reshape(-1, 1))
        ends = run.output_cycles[0].reshape(4, -1)[:, -1]
        np.testing.assert_array_equal(np.diff(ends), max(dut.walk.words, dut.walk.steps))


@pytest.mark.parametrize("pad_code", [0, -1, 1])
def test_bipolar_codes_get_a_zero_where_they_are_padded(pad_code):
    window = Window(3, 3, (3, 3), pads=(1, 1, 1, 1))
    x = np.random.default_rng(4).choice([-1, 1], (3, 3, 3, 2))
    stays = pad_code != 0
    dut = Swu(window, unsigned(1), None if stays else signed(2), words=1, lanes=2,
              pad_code=pad_code, bipolar=True, out_bipolar=stays)  # fmt: skip

    run = drive(dut, (x.reshape(-1, 2) + 1) // 2, stall=0.2)

    expected = reference(window, x, pad_code=pad_code).reshape(-1, 2)
    np.testing.assert_array_equal(run.output, (expected + 1) // 2 if stays else expected)
    check_times(dut, run)


def test_padding_wider_than_a_word_changes_the_shape():
    window = Window(2, 3, (2, 2), pads=(0, 1, 1, 0))
    x = np.random.default_rng(5).integers(0, 4, (3, 2, 3, 1))
    dut = Swu(window, unsigned(2), signed(3), words=1, lanes=1, pad_code=-2, memory="bram")
    run = drive(dut, x.reshape(-1, 1), stall=0.3)
    np.testing.assert_array_equal(run.output, reference(window, x, pad_code=-2).reshape(-1, 1))
    check_times(dut, run)


@pytest.mark.parametrize("groups", [1, 2])
def test_taps_come_again_for_every_fold_of_a_matrix(groups):
    window = Window(3, 4, (2, 2), pads=(0, 1, 1, 0))
    x = np.random.default_rng(6).integers(LOW, HIGH + 1, (3, 3, 4, 4))
    dut = Swu(window, signed(3), words=2, lanes=2, groups=groups, times=3, pad_code=LOW)
    run = drive(dut, x.reshape(-1, 2), stall=0.2)
    rows = reference(window, x, groups).reshape(-1, 1, 16 // groups)
    np.testing.assert_array_equal(run.output, rows.repeat(3, axis=1).reshape(-1, 2))
    check_times(dut, run)
