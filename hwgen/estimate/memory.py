"""Memory shapes to blocks and LUTs, as Yosys maps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import ceil

from hwgen.arith.memory import UNCHAINED
from hwgen.boards import Family

_Shapes = tuple[tuple[int, int], ...]

LUT_INPUTS: Mapping[Family, int] = {"xc7": 6, "xcup": 6, "ecp5": 4, "ice40": 4, "gowin": 4}
# Block shapes (words, bits), of 18-Kbit halves, of whole 36-Kbit blocks, of 4-Kbit blocks.
_HALF = ((16384, 1), (8192, 2), (4096, 4), (2048, 9), (1024, 18), (512, 36))
_FULL = ((32768, 1), (16384, 2), (8192, 4), (4096, 9), (2048, 18), (1024, 36), (512, 72))
_BYTE = 9  # bits with a write enable of their own
_ICE40 = ((2048, 2), (1024, 4), (512, 8), (256, 16))
# What Yosys's library says of them: the price of a half, of a whole, and of a bit of multiplexer
# behind memories that lie one above the other.
_HALF_PRICE, _FULL_PRICE, _MUX_PRICE = 129.0, 257.0, 0.5

# Words of one LUT as memory.
_LUTRAM_WORDS = 64

# Registers in a row that Yosys takes for a shift register in one LUT a bit, and its most.
SHIFT_REGISTER, _LONGEST_SHIFT = 3, 32


@dataclass(frozen=True)
class Blocks:
    """A block memory.

    bram36 : 36-Kbit blocks; halves count 0.5, the 4-Kbit blocks of iCE40 1/9
    mux_bits : bits of two-to-one multiplexers that choose among blocks for different addresses
    """

    bram36: float
    mux_bits: int


@cache
def blocks(depth: int, width: int, family: Family, *, written: bool = False) -> Blocks:
    """Return the block memory of ``depth`` words of ``width`` bits that Yosys chooses.

    Blocks of one shape cover the depth in groups. The bits of all groups fill blocks densely where
    they are only read; where they are ``written``, groups share no write enable, of which a block
    has one for every nine bits.
    """
    if family == "ice40":
        kinds: list[tuple[_Shapes, float, float]] = [(_ICE40, _HALF_PRICE, 1 / 9)]
    elif family in ("xc7", "xcup"):
        kinds = [(_HALF, _HALF_PRICE, 0.5), (_FULL, _FULL_PRICE, 1.0)]
    else:
        kinds = [(_HALF, _HALF_PRICE, 0.5)]
    found: list[tuple[float, float, int]] = []
    for shapes, price, size in kinds:
        for words, bits in shapes:
            groups = ceil(depth / words)
            if not written or family == "ice40":
                count = ceil(width * groups / bits)
            elif bits < _BYTE:
                count = groups * ceil(width / bits)
            else:
                count = ceil(groups * ceil(width / _BYTE) / (bits // _BYTE))
            muxes = width * (groups - 1)
            found.append((count * price + muxes * _MUX_PRICE, count * size, muxes))
    _, bram36, muxes = min(found)
    return Blocks(bram36, muxes)


def bram36(depth: int, width: int, family: Family, *, written: bool = False) -> float:
    """Return the 36-Kbit blocks of a block memory of ``depth`` words of ``width`` bits."""
    return blocks(depth, width, family, written=written).bram36


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


def lutram_choice(depth: int, width: int) -> float:
    """Return the LUTs behind a deep ``lutram_luts`` that choose among its parts of 64 words."""
    return float(width * ceil((ceil(depth / _LUTRAM_WORDS) - 1) / 3))


def delay_luts(depth: int, width: int, family: Family) -> float:
    """Return the LUTs of ``width`` bits that are kept for ``depth`` shifts."""
    if depth < SHIFT_REGISTER:
        return 0.0
    if depth <= _LONGEST_SHIFT and family in ("xc7", "xcup"):
        return float(width)
    return lutram_luts(depth, width, family)


def counter_bits(size: float) -> int:
    """Return the bits of a counter over ``size`` values."""
    return max(1, (ceil(size) - 1).bit_length())


def counter_luts(size: float, *, compared: bool = False) -> float:
    """Return the LUTs of a counter over ``size`` values that starts over.

    compared : whether its first and its last value are asked for

    Carry chains add without LUTs; where a counter does not start over by itself, each bit has one.
    Yosys has no chain for one or two bits.
    """
    values = ceil(size)
    if values <= 1:
        return 0.0
    bits = counter_bits(values)
    adds = 1.0 if values == 1 << bits and bits > 2 else float(bits)
    return adds + compared * bits / 4


def index_bits(size: float) -> int:
    """Return the flip-flops of a counter that constants are read with: long ones run ahead."""
    return counter_bits(size) * (1 if ceil(size) <= UNCHAINED else 2)
