"""Whole windows, one output pixel per cycle: columns out of line memories, windows out of columns.

``lines`` reads, for every output row, each column of the rows that its windows cover; ``windows``
shifts columns along and shows all taps at once. Together they do what ``swu`` does tap by tap.

Several output pixels at once: ``across`` columns lie side by side in each transfer, and ``m``
windows of a row leave together. A row whose size they do not divide ends in a part of a group.
"""

from __future__ import annotations

import numpy as np

from hwgen.timing.pixels import Window
from hwgen.timing.schedule import BoolArray, IntArray, Pipe
from hwgen.timing.walk import Loop, Walk


def columns(window: Window) -> int:
    """Return the columns that windows use at all; a stride may leave some at the right."""
    last = (window.out[1] - 1) * window.stride[1] - window.pads[1] + window.reach[1] - 1
    return min(window.width, last + 1)


def column_steps(window: Window, across: int = 1) -> int:
    """Return the steps in which ``lines`` shows the columns of a row of windows."""
    return -(-columns(window) // across)


def slides(window: Window, across: int = 1, m: int = 1) -> bool:
    """Return whether each group of windows is one shift or more behind the one before it.

    Where padding at the sides asks for more windows than columns, pad the frame first.
    """
    spill = _positions(window, across, m)[-1] + 1 - window.out[0] * column_steps(window, across)
    hop = window_hop(window, across, m)
    room = column_steps(window, across) - (-(-window.out[1] // m) - 1) * hop
    return room >= 1 and (spill <= 1 or hop == 1)


def window_hop(window: Window, across: int = 1, m: int = 1) -> int:
    """Return the shifts from one group of ``m`` windows to the next."""
    hop, rest = divmod(m * window.stride[1], across)
    assert not rest, f"{across} columns at once do not divide the way of {m} windows"
    return hop


def lines(window: Window, words: int, across: int = 1) -> Walk:
    """Return the walk of the line memories: a step reads one word of all rows of a window.

    words : transfers of one pixel, or of ``across`` pixels that lie side by side in each transfer
    A step waits for the lowest row that its windows use.
    """
    rows, _ = window.out
    stride, width = window.stride[0], column_steps(window, across)
    line, top = -(-window.width // across) * words, window.pads[0]
    taps = np.arange(window.kernel[0]) * window.dilation[0] - top
    taken = np.arange(rows)[:, None] * stride + taps
    lowest = np.where(taken < window.height, taken, -1).max(axis=1)
    lowest = np.maximum.accumulate(np.maximum(lowest, 0))
    whole = (rows - 1) * stride * line + (width - 1) * words <= window.height * line
    free_rows = rows if whole else min(rows - 1, window.height // stride)
    places = tuple(int(row - lowest[0]) * line for row in lowest)
    loops = (
        Loop(rows, 0, release=stride * line - (width - 1) * words, until=free_rows, places=places),
        Loop(width, words, release=words),
        Loop(words, 1),
    )
    return Walk(loops, words=window.height * line, start=int(lowest[0]) * line, base=-top * line)


def line_banks(
    window: Window,
    words: int,
    interval: int | None = None,
    pace: int = 1,
    drain: int = 0,
    across: int = 1,
) -> int:
    """Return how many line memories keep the interval (the best there is if None).

    pace, drain : as for ``Walk.depth_for``
    """
    walk = lines(window, words, across)
    return -(-walk.depth_for(interval, pace, drain) // (walk.words // window.height))


def windows(window: Window, words: int, across: int = 1, m: int = 1) -> Pipe:
    """Return the schedule that turns columns into windows.

    words : transfers of ``across`` columns, and of ``m`` windows side by side
    A window at the right edge leaves while the next row's columns enter; only behind a frame's
    last column do windows leave without one.
    """
    assert slides(window, across, m), "padding at the sides fits between the rows"
    positions = _positions(window, across, m)
    columns_in = window.out[0] * column_steps(window, across)
    count = max(columns_in, int(positions[-1]) + 1)
    emits = np.zeros(count, np.bool_)
    emits[positions] = True
    takes = np.arange(count) < columns_in
    return Pipe(np.repeat(takes, words)[:, None], np.repeat(emits, words)[:, None], 1, 1)


def window_shift(window: Window, across: int = 1, m: int = 1) -> int:
    """Return the shifts of a row before the one that completes its first group of windows."""
    return ((m - 1) * window.stride[1] - window.pads[1] + window.reach[1] - 1) // across


def window_ages(window: Window, across: int = 1, m: int = 1) -> IntArray:
    """Return how many columns come behind that of each tap until its windows are complete.

    int64 (m, kernel columns)
    """
    newest = (window_shift(window, across, m) + 1) * across - 1
    return newest - _offsets(window, m)


def window_masks(window: Window, m: int = 1) -> BoolArray:
    """Return which taps are ever beside the frame, bool (m, kernel columns)."""
    offsets, place = _offsets(window, m), np.arange(m)
    last = (window.out[1] - 1 - place) // m * m * window.stride[1]
    return (offsets < 0) | (last[:, None] + offsets >= window.width)


def _offsets(window: Window, m: int) -> IntArray:
    """Return each tap's column beside the first pixel of its group, int64 (m, kernel columns)."""
    taps = np.arange(window.kernel[1], dtype=np.int64) * window.dilation[1] - window.pads[1]
    return np.arange(m, dtype=np.int64)[:, None] * window.stride[1] + taps


def _positions(window: Window, across: int, m: int) -> np.ndarray:
    """Return the shift after which each group is complete, counted through all rows."""
    rows, cols = window.out
    starts = np.arange(rows)[:, None] * column_steps(window, across)
    groups = np.arange(-(-cols // m)) * window_hop(window, across, m)
    return (starts + groups + window_shift(window, across, m)).ravel()
