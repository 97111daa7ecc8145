"""Line memories and windows: one output pixel per cycle."""

import numpy as np
import pytest
from amaranth.hdl import Module, signed, unsigned
from amaranth.lib import wiring

from hwgen import timing
from hwgen.ir import ops
from hwgen.rtl.lines import Lines
from hwgen.rtl.windows import Windows
from hwgen.timing import Window
from tests.rtl.harness import check_times, drive

CASES = [
    (Window(5, 4, (3, 3), pads=(1, 1, 1, 1)), 2),
    (Window(5, 4, (3, 3)), 2),
    (Window(6, 6, (3, 3), (2, 2), pads=(1, 1, 1, 1)), 2),
    (Window(6, 6, (3, 3), (2, 2), pads=(0, 0, 1, 1)), 2),
    (Window(6, 5, (2, 2), (2, 2)), 2),
    (Window(5, 5, (1, 1), (2, 2)), 1),
    (Window(1, 9, (1, 3), (1, 1), (1, 2), (0, 2, 0, 2)), 2),
    (Window(6, 6, (5, 5), pads=(2, 2, 2, 2)), 1),
    (Window(8, 5, (3, 2), (2, 1), (3, 1), (2, 0, 3, 0)), 1),
    (Window(3, 2, (3, 3), pads=(2, 1, 2, 1)), 1),
]
LOW = -4


class Whole(wiring.Component):
    """Lines with windows behind them."""

    def __init__(self, lines, windows):
        self.lines, self.windows = lines, windows
        members = lines.signature.members["i"], windows.signature.members["o"]
        super().__init__({"i": members[0], "o": members[1]})

    def elaborate(self, platform):
        m = Module()
        m.submodules.lines, m.submodules.windows = self.lines, self.windows
        wiring.connect(m, wiring.flipped(self.i), self.lines.i)
        wiring.connect(m, self.lines.o, self.windows.i)
        wiring.connect(m, self.windows.o, wiring.flipped(self.o))
        return m


def rows_of(window, x, lanes, pad_code=LOW):
    """Im2col rows in the order of whole windows: channel words outside, taps inside."""
    op = ops.Swu(window.kernel, window.stride, window.dilation, window.pads, pad_code)
    rows = op.reference(x).reshape(-1, op.taps, x.shape[-1] // lanes, lanes)
    return rows.transpose(0, 2, 1, 3).reshape(-1, op.taps * lanes)


@pytest.mark.parametrize(("window", "channels"), CASES)
@pytest.mark.parametrize(("lanes", "memory", "stall"), [(1, "lutram", 0.3), (2, "bram", 0.0)])
def test_whole_windows_equal_the_reference_in_every_cycle(window, channels, lanes, memory, stall):
    lanes = min(lanes, channels)
    words = channels // lanes
    x = np.random.default_rng(1).integers(LOW, 4, (3, window.height, window.width, channels))
    lines = Lines(window, signed(3), words=words, lanes=lanes, pad_code=LOW, memory=memory)
    windows = Windows(window, signed(3), words=words, lanes=lanes, pad_code=LOW)
    network = timing.chain((lines.schedule, windows.schedule), window.height * window.width * words)
    expected = rows_of(window, x, lanes)

    run = drive(Whole(lines, windows), x.reshape(-1, lanes), stall=stall, expected=[len(expected)])

    np.testing.assert_array_equal(run.output, expected)
    times = timing.solve(network, 3, run.source_stalls, run.sink_stalls)
    taken = len(run.input_cycles[0])  # words that no window uses may still be on their way
    np.testing.assert_array_equal(run.input_cycles[0], times.cycles[0][:taken])
    np.testing.assert_array_equal(run.output_cycles[0], times.cycles[2])


# window, channels, columns at once, windows at once
SEVERAL = [
    (Window(5, 6, (3, 3), pads=(1, 1, 1, 1)), 2, 2, 2),
    (Window(4, 5, (3, 3), pads=(1, 1, 1, 1)), 2, 2, 2),  # rows end in half a group
    (Window(4, 7, (3, 3)), 1, 3, 3),
    (Window(6, 8, (3, 3), (2, 2), pads=(1, 1, 1, 1)), 2, 2, 2),  # two steps for each group
    (Window(6, 8, (3, 3), (2, 2), pads=(1, 1, 1, 1)), 1, 4, 2),
    (Window(4, 7, (3, 3), (2, 2)), 1, 2, 1),
    (Window(4, 8, (1, 1), (2, 2)), 2, 4, 2),
    (Window(1, 13, (1, 3), (1, 1), (1, 2), (0, 2, 0, 2)), 2, 4, 4),
    (Window(1, 12, (1, 4), (1, 3), (1, 1), (0, 2, 0, 1)), 1, 3, 4),
    (Window(6, 6, (5, 4), pads=(2, 1, 2, 2)), 1, 4, 4),
    (Window(3, 4, (3, 3), pads=(1, 1, 1, 1)), 1, 4, 4),  # a row at once
]


def side_by_side(rows, width, m):
    """Pad each row of ``width`` pixels to whole groups and lay ``m`` pixels side by side.

    rows : (..., width, words, lanes) -> (transfers, m * lanes)
    """
    *outer, _, words, lanes = rows.shape
    spare = -width % m
    rows = np.pad(rows, [*[(0, 0)] * len(outer), (0, spare), (0, 0), (0, 0)])
    groups = rows.reshape(-1, (width + spare) // m, m, words, lanes)
    return groups.swapaxes(2, 3).reshape(-1, m * lanes)


@pytest.mark.parametrize(("window", "channels", "across", "m"), SEVERAL)
@pytest.mark.parametrize(("lanes", "stall"), [(1, 0.3), (2, 0.0)])
def test_several_windows_at_once(window, channels, across, m, lanes, stall):
    lanes = min(lanes, channels)
    words = channels // lanes
    x = np.random.default_rng(1).integers(LOW, 4, (3, window.height, window.width, channels))
    shape = {"words": words, "lanes": lanes, "across": across, "pad_code": LOW}
    lines, windows = Lines(window, signed(3), **shape), Windows(window, signed(3), m=m, **shape)
    given = side_by_side(x.reshape(*x.shape[:-1], words, lanes), window.width, across)
    rows = rows_of(window, x, lanes).reshape(3, *window.out, words, -1)
    expected = side_by_side(rows, window.out[1], m)
    counts = side_by_side(np.ones_like(rows), window.out[1], m) > 0

    run = drive(Whole(lines, windows), given, stall=stall, expected=[len(expected)])

    np.testing.assert_array_equal(run.output[counts], expected[counts])
    network = timing.chain((lines.schedule, windows.schedule), len(given) // 3)
    times = timing.solve(network, 3, run.source_stalls, run.sink_stalls)
    taken = len(run.input_cycles[0])
    np.testing.assert_array_equal(run.input_cycles[0], times.cycles[0][:taken])
    np.testing.assert_array_equal(run.output_cycles[0], times.cycles[2])


@pytest.mark.parametrize("m", [2, 4])
def test_several_pixels_per_cycle(m):
    """A frame takes as many cycles as groups of pixels enter, plus one for the padding."""
    window = Window(8, 8, (3, 3), pads=(1, 1, 1, 1))
    depth = timing.line_banks(window, 1, across=m) * 8 // m
    nodes = (timing.lines(window, 1, m).schedule(depth, 1), timing.windows(window, 1, m, m))
    assert timing.steady(timing.chain(nodes, 64 // m)).ii_cycles == 64 // m + 1


@pytest.mark.parametrize(
    ("window", "extra"),
    [
        (Window(8, 8, (3, 3), pads=(1, 1, 1, 1)), 1),
        (Window(8, 8, (5, 5), pads=(2, 2, 2, 2)), 2),
        (Window(8, 8, (3, 3)), 0),
        (Window(8, 8, (3, 3), (2, 2), (1, 1), (1, 1, 1, 1)), 0),
    ],
)
def test_one_pixel_per_cycle(window, extra):
    """A frame takes as many cycles as pixels enter, plus the padding behind its last row."""
    lines = timing.lines(window, 1)
    depth = timing.line_banks(window, 1) * window.width
    nodes = (lines.schedule(depth, 1), timing.windows(window, 1))
    assert timing.steady(timing.chain(nodes, 64)).ii_cycles == 64 + extra
    assert depth == window.kernel[0] * window.width


def test_bipolar_windows_show_zero_outside():
    window = Window(3, 4, (3, 3), pads=(1, 1, 1, 1))
    x = np.random.default_rng(2).choice([-1, 1], (3, 3, 4, 1))
    lines = Lines(window, unsigned(1), signed(2), words=1, lanes=1, bipolar=True, out_bipolar=False)
    windows = Windows(window, signed(2), words=1, lanes=1)
    expected = rows_of(window, x, 1, pad_code=0)
    run = drive(Whole(lines, windows), (x.reshape(-1, 1) + 1) // 2, expected=[len(expected)])
    np.testing.assert_array_equal(run.output, expected)


@pytest.mark.parametrize("stall", [0.0, 0.5])
def test_each_half_keeps_its_schedule(stall):
    window = Window(4, 4, (3, 3), pads=(1, 1, 1, 1))
    rng = np.random.default_rng(3)
    lines = Lines(window, signed(3), words=1, lanes=1)
    check_times(lines, drive(lines, rng.integers(-4, 4, (48, 1)), stall=stall))
    windows = Windows(window, signed(3), words=1, lanes=1)
    check_times(windows, drive(windows, rng.integers(-4, 4, (48, 3)), stall=stall))


def test_side_padding_between_rows_has_its_limit():
    assert timing.slides(Window(4, 4, (3, 3), pads=(1, 1, 1, 1)))
    assert not timing.slides(Window(4, 4, (3, 3), pads=(2, 2, 2, 2)))
    assert not timing.slides(Window(6, 6, (5, 4), pads=(2, 1, 2, 2)), 2, 4)
    assert timing.slides(Window(6, 6, (5, 4), pads=(2, 1, 2, 2)), 4, 4)
