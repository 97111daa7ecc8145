"""Which memory holds a number of words at least cost."""

from __future__ import annotations

from math import ceil
from typing import Literal

# What an 18-Kbit block is worth in LUTs, about as boards with both offer them.
BLOCK_LUTS = 190

# Values up to which a counter's increment takes no carry chain, so that constants are read with it.
UNCHAINED = 16


def lutram_luts(depth: int, width: int) -> int:
    """Return the LUTs of a memory with a write and a read port, as 6-input LUTs offer it."""
    if depth <= 32:
        return 4 * ceil(width / 6)
    return 4 * ceil(depth / 64) * ceil(width / 3)


def half_blocks(depth: int, width: int) -> int:
    """Return the 18-Kbit blocks of a memory with a write and a read port."""
    shapes = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))
    return min(ceil(width / bits) * ceil(depth / words) for words, bits in shapes)


def memory_style(depth: int, width: int) -> Literal["lutram", "bram"]:
    """Return where ``depth`` words of ``width`` bits lie at least cost."""
    cheap = lutram_luts(depth, width) <= BLOCK_LUTS * half_blocks(depth, width)
    return "lutram" if cheap else "bram"
