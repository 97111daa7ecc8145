"""Sliding windows, one tap at a time."""

from __future__ import annotations

from hwgen.rtl.line_buffer import LineBuffer
from hwgen.timing.pixels import swu


class Swu(LineBuffer):
    """Emit the im2col row of every output pixel, taps in raster order, channels fastest.

    One line buffer of ``depth`` words; padding is made on the way out and costs no memory. A frame
    takes max(words in, words out) cycles where ``depth`` is at least ``depth_for()`` of its walk.
    Latency 1, or 2 for padding behind block RAM.

    Parameters
    ----------
    window : kernel, stride, dilation and padding, a ``hwgen.timing.Window``
    shape, out_shape : Amaranth shapes of a lane in and out (out_shape holds the padding code too)
    words, lanes : transfers of a pixel and codes of a transfer
    groups : channel groups, each with all its taps; divides ``words``
    times : how often each group's taps come (for a matrix folded over its outputs)
    times : how often each group's taps come, for a matrix that takes several passes over them
    depth : words of memory; the smallest for full speed if None
    others : see ``LineBuffer``
    """

    def __init__(
        self, window, shape, out_shape=None, *, words, lanes, groups=1, times=1, depth=None, **rest
    ):
        walk = swu(window, words, groups, times)
        depth = walk.depth_for() if depth is None else depth
        super().__init__(walk, shape, out_shape, lanes=lanes, depth=depth, **rest)
