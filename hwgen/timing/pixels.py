"""Walks of the units that move pixels: windows, enlargement, pixel shuffle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hwgen.timing.walk import Loop, Walk


@dataclass(frozen=True)
class Window:
    """Shape of a sliding window; one-dimensional streams have height 1.

    height, width : of the input, in pixels
    pads : (top, left, bottom, right), each less than the reach of the kernel
    """

    height: int
    width: int
    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)

    def __post_init__(self) -> None:
        top, left, bottom, right = self.pads
        assert max(top, bottom) < self.reach[0], "a window touches the frame"
        assert max(left, right) < self.reach[1], "a window touches the frame"
        assert min(self.out) >= 1, "the window fits"

    @property
    def reach(self) -> tuple[int, int]:
        """Rows and columns from a window's first to its last pixel, inclusive."""
        (kh, kw), (dh, dw) = self.kernel, self.dilation
        return (kh - 1) * dh + 1, (kw - 1) * dw + 1

    @property
    def out(self) -> tuple[int, int]:
        """Rows and columns of the output."""
        top, left, bottom, right = self.pads
        return (
            (self.height + top + bottom - self.reach[0]) // self.stride[0] + 1,
            (self.width + left + right - self.reach[1]) // self.stride[1] + 1,
        )


def swu(window: Window, words: int, groups: int = 1, times: int = 1) -> Walk:
    """Return the walk of a window unit: taps in raster order, each with its channels.

    words : transfers of one pixel
    groups : parts of a pixel, all taps of one before those of the next; divides ``words``
    times : how often each group's taps come before those of the next
    """
    assert words % groups == 0, "groups hold whole words"
    (rows, cols), (sh, sw), (dh, dw) = window.out, window.stride, window.dilation
    line, share = window.width * words, words // groups
    top, left, bottom, right = window.pads
    # the oldest pixel of a window frees what lies before it, but never more than later ones allow
    free_cols = min(cols - 1, sh * window.width // sw)
    whole = (rows - 1) * sh * line + free_cols * sw * words <= window.height * line
    free_rows = rows if whole else min(rows - 1, window.height // sh)
    row_end = sh * line - free_cols * sw * words
    loops = (
        Loop(rows, sh * line, row=sh, release=row_end, until=free_rows),
        Loop(cols, sw * words, col=sw, release=sw * words, until=free_cols),
        Loop(groups, share),
        Loop(times, 0),
        Loop(window.kernel[0], dh * line, row=dh),
        Loop(window.kernel[1], dw * words, col=dw),
        Loop(share, 1),
    )
    return Walk(
        loops,
        words=window.height * line,
        start=-(top * window.width + left) * words,
        rows=(-top, window.height) if top or bottom else None,
        cols=(-left, window.width) if left or right else None,
    )


def upsample(height: int, width: int, words: int, factors: tuple[int, int]) -> Walk:
    """Return the walk that repeats every pixel ``factors[1]`` times, every line ``factors[0]``.

    words : transfers of one pixel
    """
    vertical, horizontal = factors
    line = width * words
    loops = (
        Loop(height, line, release=words),
        Loop(vertical, 0, since=vertical - 1),
        Loop(width, words, release=words),
        Loop(horizontal, 0),
        Loop(words, 1),
    )
    return Walk(loops, words=height * line)


def depth_to_space(
    height: int,
    width: int,
    channels: int,
    block: int,
    lanes: int,
    mode: Literal["DCR", "CRD"] = "DCR",
) -> Walk:
    """Return the walk that spreads each pixel's channels over ``block * block`` pixels.

    height, width, channels : of the input
    lanes : divides ``channels / block**2`` ("DCR") or is 1 ("CRD")
    """
    fine = channels // block**2
    assert fine * block**2 == channels, "channels make whole blocks"
    assert fine % lanes == 0, "no word spans two output pixels"
    assert mode == "DCR" or lanes == 1, "interleaved channels go one by one"
    words, inner = channels // lanes, fine // lanes
    if mode == "DCR":
        across, down, along = inner, block * inner, 1
    else:
        across, down, along = 1, block, block**2
    loops = (
        Loop(height, width * words, release=words),
        Loop(block, down, since=block - 1),
        Loop(width, words, release=words),
        Loop(block, across),
        Loop(inner, along),
    )
    return Walk(loops, words=height * width * words)
