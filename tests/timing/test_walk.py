"""Walks: what they read, when words are there and when they may go."""

import numpy as np
import pytest

from hwgen import timing
from hwgen.timing import Window

WINDOWS = [
    Window(5, 4, (3, 3), pads=(1, 1, 1, 1)),
    Window(5, 4, (3, 3)),
    Window(6, 6, (3, 3), (2, 2), pads=(0, 0, 1, 1)),
    Window(7, 6, (3, 3), (2, 2), pads=(1, 1, 1, 1)),
    Window(6, 5, (2, 2), (2, 2)),
    Window(5, 5, (1, 1), (2, 2)),
    Window(7, 6, (2, 3), (1, 2), (2, 1), (1, 2, 1, 0)),
    Window(1, 9, (1, 3), (1, 1), (1, 2), (0, 2, 0, 2)),
    Window(4, 5, (3, 3), pads=(2, 2, 2, 2)),
    Window(7, 5, (2, 2), (3, 3)),
    Window(8, 5, (3, 2), (2, 1), (3, 1), (2, 0, 3, 0)),
    Window(3, 2, (3, 2), pads=(2, 1, 0, 1)),
]


def memory_holds(walk, depth):
    """Follow the schedule's rules word by word: every step finds its word, none is stuck."""
    buffer = walk.schedule(depth, 1)
    frames = 3
    memory = np.full(depth, -1)
    word = 0
    for step in range(frames * walk.steps):
        frame, index = divmod(step, walk.steps)
        while word < frames * walk.words:
            free = buffer.frees[word % walk.words] + word // walk.words * walk.steps
            if free >= step:
                break
            memory[word % depth] = word
            word += 1
        assert word > buffer.needs[index] + frame * walk.words, "a step waits for ever"
        if walk.real[index]:
            wanted = frame * walk.words + walk.positions[index]
            assert memory[wanted % depth] == wanted, "a word was written over too early"
    return True


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize(("words", "groups"), [(1, 1), (2, 1), (2, 2)])
def test_window_walk_reads_taps_in_raster_order(window, words, groups):
    walk = timing.swu(window, words, groups)
    frame = np.arange(walk.words).reshape(window.height, window.width, groups, words // groups)
    expected = []
    for row in range(window.out[0]):
        for col in range(window.out[1]):
            for group in range(groups):
                for kh in range(window.kernel[0]):
                    for kw in range(window.kernel[1]):
                        r = row * window.stride[0] + kh * window.dilation[0] - window.pads[0]
                        c = col * window.stride[1] + kw * window.dilation[1] - window.pads[1]
                        inside = 0 <= r < window.height and 0 <= c < window.width
                        blank = [-1] * (words // groups)
                        expected += frame[r, c, group].tolist() if inside else blank
    np.testing.assert_array_equal(np.where(walk.real, walk.positions, -1), expected)


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize(("words", "groups"), [(1, 1), (2, 2)])
def test_smallest_depth_suffices_and_full_speed_depth_reaches_it(window, words, groups):
    walk = timing.swu(window, words, groups)
    assert memory_holds(walk, walk.smallest_depth)
    depth = walk.depth_for()
    assert memory_holds(walk, depth)
    best = max(walk.words, walk.steps)
    assert timing.steady(timing.single(walk.schedule(depth, 1))).ii_cycles == best
    if depth > walk.smallest_depth:
        slower = timing.steady(timing.single(walk.schedule(depth - 1, 1)))
        assert slower.ii_cycles > best
        relaxed = walk.depth_for(int(np.ceil(slower.ii_cycles)))
        assert relaxed < depth
    with pytest.raises(AssertionError, match="deadlock"):
        walk.schedule(walk.smallest_depth - 1, 1)


@pytest.mark.parametrize("factors", [(1, 2), (2, 1), (2, 3)])
def test_upsampling_walk(factors):
    walk = timing.upsample(3, 2, 2, factors)
    frame = np.arange(12).reshape(3, 2, 2)
    expected = frame.repeat(factors[0], axis=0).repeat(factors[1], axis=1)
    np.testing.assert_array_equal(walk.positions, expected.ravel())
    assert memory_holds(walk, walk.smallest_depth)
    steady = timing.steady(timing.single(walk.schedule(walk.depth_for(), 1)))
    assert steady.ii_cycles == walk.steps


@pytest.mark.parametrize(("mode", "lanes"), [("DCR", 1), ("DCR", 2), ("CRD", 1)])
def test_pixel_shuffle_walk(mode, lanes):
    walk = timing.depth_to_space(2, 3, 8, 2, lanes, mode)
    assert sorted(walk.positions) == list(range(walk.words))
    assert memory_holds(walk, walk.smallest_depth)
    steady = timing.steady(timing.single(walk.schedule(walk.depth_for(), 1)))
    assert steady.ii_cycles == walk.words


@pytest.mark.parametrize("window", WINDOWS)
def test_line_walk_waits_for_the_lowest_row(window):
    walk = timing.lines(window, 2)
    width = timing.column_steps(window)
    assert memory_holds(walk, timing.line_banks(window, 2) * window.width * 2)
    needs = walk.needs.reshape(window.out[0], width, 2)
    for row in range(window.out[0]):
        taps = (
            row * window.stride[0]
            - window.pads[0]
            + (np.arange(window.kernel[0]) * window.dilation[0])
        )
        lowest = max(taps[(taps >= 0) & (taps < window.height)], default=0)
        assert needs[row, -1, -1] >= (lowest * window.width + width - 1) * 2 + 1


def test_padding_costs_no_memory():
    """Two lines and three pixels, padded or not; the last word is read as it is replaced."""
    padded = timing.swu(Window(112, 112, (3, 3), pads=(1, 1, 1, 1)), 4)
    plain = timing.swu(Window(112, 112, (3, 3)), 4)
    assert padded.smallest_depth == plain.smallest_depth == (2 * 112 + 3) * 4
    assert padded.depth_for() == padded.smallest_depth
