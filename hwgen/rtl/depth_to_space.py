"""Pixel shuffle."""

from __future__ import annotations

from hwgen.rtl.line_buffer import LineBuffer
from hwgen.timing.pixels import depth_to_space


class DepthToSpace(LineBuffer):
    """Spread blocks of channels over the pixels of a finer grid. II 1 per transfer, latency 1.

    Parameters
    ----------
    height, width, channels : of the input
    block, mode : enlargement, and "DCR" or "CRD" as for ``ir.ops.DepthToSpace``
    shape : Amaranth shape of a lane
    lanes : codes of a transfer, divides ``channels / block**2``; 1 for "CRD"
    depth : words of memory; the smallest for full speed if None
    others : see ``LineBuffer``
    """

    def __init__(
        self, height, width, channels, block, shape, *, lanes, mode="DCR", depth=None, **rest
    ):
        walk = depth_to_space(height, width, channels, block, lanes, mode)
        depth = walk.depth_for() if depth is None else depth
        super().__init__(walk, shape, lanes=lanes, depth=depth, **rest)
