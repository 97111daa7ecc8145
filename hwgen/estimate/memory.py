"""Memory shapes to blocks and LUTs, as Yosys maps them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from math import ceil

from hwgen.boards import Family

LUT_INPUTS: Mapping[Family, int] = {"xc7": 6, "xcup": 6, "ecp5": 4, "ice40": 4, "gowin": 4}
# Block shapes (words, bits), of 18-Kbit halves, of whole 36-Kbit blocks, of 4-Kbit blocks.
_HALF = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))
_FULL = ((512, 72), (1024, 36), (2048, 18), (4096, 9), (8192, 4), (16384, 2), (32768, 1))
_ICE40 = ((256, 16), (512, 8), (1024, 4), (2048, 2))


@cache
def bram36(depth: int, width: int, family: Family) -> float:
    """Return the 36-Kbit blocks of a block memory of ``depth`` words of ``width`` bits.

    Halves count 0.5, the 4-Kbit blocks of iCE40 1/9.
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
    """Return the LUTs of a constant memory of random content: one per bit up to their inputs.

    Deeper ones join several; the multiplexers beside Xilinx LUTs join 4 for nothing.
    """
    if depth <= 1:
        return 0.0
    luts = ceil(depth / 2**lut_inputs)
    joined = ceil(luts / 4)
    muxes = ceil((joined - 1) / 3) if lut_inputs == 6 else luts - 1
    return float(width * (luts + muxes))


@cache
def lutram_luts(depth: int, width: int, family: Family) -> float:
    """Return the LUTs of a writable memory with one write and one read port."""
    if family in ("xc7", "xcup"):
        if depth <= 32:
            return 4.0 * ceil(width / 6)
        return 4.0 * ceil(depth / 64) * ceil(width / 3)
    return 6.0 * ceil(depth / 16) * ceil(width / 4)


def counter_bits(size: float) -> int:
    """Return the bits of a counter over ``size`` values."""
    return max(1, (ceil(size) - 1).bit_length())
