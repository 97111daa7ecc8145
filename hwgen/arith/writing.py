"""What is written into a matrix unit whose weights can be exchanged at run time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hwgen.arith.mvu import MvuPlan

PIECE = 32  # bits written at once
BIAS = 1 << 31  # address bit of the sums' first values


def pack(values: Sequence[int], bits: int) -> int:
    """Return values of ``bits`` each as one number, the first in the lowest bits."""
    return sum(value << bits * place for place, value in enumerate(values))


def writes(plan: MvuPlan) -> Iterator[tuple[int, int]]:
    """Yield address and data of every write that brings a plan's weights into a unit like it.

    A word of weights holds the digits of a step, ``plan.table``; a word of first values those of
    the ``pe`` accumulators of an output word.
    """
    table = [pack([int(bit) for bit in row], 1) for row in plan.table]
    mask = (1 << plan.acc.bits) - 1
    starts = [pack([int(value) & mask for value in row], plan.acc.bits) for row in plan.bias]
    widths = plan.table.shape[1], plan.acc.bits * plan.pe
    for base, rows, width in zip((0, BIAS), (table, starts), widths, strict=True):
        pieces = -(-width // PIECE)
        shift = (pieces - 1).bit_length()
        for number, row in enumerate(rows):
            for piece in range(pieces):
                yield base | number << shift | piece, row >> PIECE * piece & (1 << PIECE) - 1
