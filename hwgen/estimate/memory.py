"""Memory shapes to blocks and LUTs, as Yosys maps them."""

from __future__ import annotations

from functools import cache
from math import ceil

from hwgen.boards import Family

# Block shapes (words, bits) by size in 18-Kbit halves; read-only or one port each way.
_HALF = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))
_FULL = ((512, 72), (1024, 36), (2048, 18), (4096, 9), (8192, 4), (16384, 2), (32768, 1))
_ICE40 = ((256, 16), (512, 8), (1024, 4), (2048, 2))


@cache
def bram36(depth: int, width: int, family: Family) -> float:
    """Return the 36-Kbit blocks of a block memory of ``depth`` words of ``width`` bits.

    Halves count 0.5, on iCE40 its 4-Kbit blocks 1/9.
    """
    if family == "ice40":
        return _fewest(depth, width, _ICE40) / 9
    halves = _fewest(depth, width, _HALF)
    if family in ("xc7", "xcup"):
        halves = min(halves, 2 * _fewest(depth, width, _FULL))
    return halves / 2


def _fewest(depth: int, width: int, shapes: tuple[tuple[int, int], ...]) -> int:
    return min(ceil(width / bits) * ceil(depth / words) for words, bits in shapes)


@cache
def rom_luts(depth: int, width: int, lut_inputs: int) -> float:
    """Return the LUTs of a constant memory of random content, one bit per LUT up to its inputs.

    Deeper ones join several LUTs; Xilinx multiplexers beside the LUTs are free up to 4 of them.
    """
    if depth <= 1:
        return 0.0
    words = 2**lut_inputs
    free = 4 if lut_inputs == 6 else 1
    luts = ceil(depth / words)
    joined = ceil(luts / free)
    return float(width * (luts + (joined - 1) / 2 if joined > 1 else luts))


def lutram_luts(depth: int, width: int, family: Family) -> float:
    """Return the LUTs of a writable memory with one write and one read port."""
    if family in ("xc7", "xcup"):
        blocks = ceil(depth / 64) if depth > 32 else 1
        return 4.0 * blocks * ceil(width / (3 if depth > 32 else 6))
    if family == "ecp5":
        return 6.0 * ceil(depth / 16) * ceil(width / 4)
    return 6.0 * ceil(depth / 16) * ceil(width / 4)
