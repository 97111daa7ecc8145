"""Nearest-neighbour enlargement."""

from __future__ import annotations

from hwgen.rtl.line_buffer import LineBuffer
from hwgen.timing.pixels import upsample


class Upsample(LineBuffer):
    """Repeat every pixel along both axes. II 1 per output transfer, latency 1.

    Parameters
    ----------
    height, width : of the input, in pixels (height 1 for one-dimensional streams)
    factors : repetitions (vertical, horizontal)
    shape : Amaranth shape of a lane
    words, lanes : transfers of a pixel and codes of a transfer
    depth : words of memory; the smallest for full speed if None
    others : see ``LineBuffer``
    """

    def __init__(self, height, width, factors, shape, *, words, lanes, depth=None, **rest):
        walk = upsample(height, width, words, factors)
        depth = walk.depth_for() if depth is None else depth
        super().__init__(walk, shape, lanes=lanes, depth=depth, **rest)
