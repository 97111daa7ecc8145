"""How the windows of a convolution reach its matrix: on which lanes, how often, in which order.

Pure numbers, which planning builds and the folding search asks for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, prod
from typing import Literal

from hwgen import timing
from hwgen.ir import TensorType, ops


@dataclass(frozen=True)
class Rows:
    """One way to feed a matrix of MW columns, ``simd`` at once, ``folds`` times over.

    mode : "taps", the window unit gives words of ``simd`` codes, and each row ``folds`` times;
        "wide", it gives words of more codes, which a converter cuts up, each row ``folds`` times;
        "narrow", it gives words of fewer codes, which a converter joins, then a memory repeats;
        "whole", all taps of ``lanes`` channels at once, then a memory repeats
    lanes : channels of a word of the window unit
    cycles : per frame, the interval of all units from the window unit to the matrix
    """

    mode: Literal["taps", "wide", "narrow", "whole"]
    lanes: int
    cycles: int


def window_of(op: ops.Swu, x: TensorType) -> timing.Window:
    """Return the sliding window over pixels; one-dimensional streams have height 1."""
    if len(x.shape) == 3:
        height, width, _ = x.shape
        top, left, bottom, right = op.pads
        sizes = _pair(op.kernel), _pair(op.stride), _pair(op.dilation)
        return timing.Window(height, width, *sizes, (top, left, bottom, right))
    (length, _), (left, right) = x.shape, op.pads
    sizes = (1, op.kernel[0]), (1, op.stride[0]), (1, op.dilation[0])
    return timing.Window(1, length, *sizes, (0, left, 0, right))


def framed(op: ops.Swu, x: TensorType) -> tuple[ops.Swu, TensorType, tuple[int, ...] | None]:
    """Return a window whose padding is less than its reach, what it reads, and pads before it.

    Windows that lie in the padding alone need their frame padded first; None where there are none.
    """
    axes = len(op.kernel)
    reach = [(k - 1) * d + 1 for k, d in zip(op.kernel, op.dilation, strict=True)]
    if all(pad < size for pad, size in zip(op.pads, reach * 2, strict=True)):
        return op, x, None
    padded = ops.Pad(op.pads, op.pad_code).infer(x)
    return replace(op, pads=(0,) * 2 * axes), padded, op.pads


def rows(op: ops.Swu, x: TensorType, simd: int, folds: int) -> Rows:
    """Return how the rows of ``op`` on ``x`` best reach a matrix unit.

    simd : columns at once; folds : ceil(MH / PE) of each group
    """
    op, x, _ = framed(op, x)
    out = prod(op.out_spatial(x.shape[:-1]))
    channels = x.channels // op.groups
    matrix = out * op.groups * ceil(op.taps * channels / simd) * folds

    def cycles(lanes: int, times: int) -> int:
        return max(x.pixels, out * op.taps * times) * (x.channels // lanes)

    if channels % simd == 0 and cycles(simd, folds) <= matrix:
        return Rows("taps", simd, matrix)
    choices = [lanes for lanes in range(1, channels + 1) if channels % lanes == 0]
    wide = [lanes for lanes in choices if lanes >= simd]
    if wide:
        lanes = next((n for n in wide if cycles(n, folds) <= matrix), wide[-1])
        mode = "taps" if lanes == simd else "wide"
        return Rows(mode, lanes, max(matrix, cycles(lanes, folds)))
    lanes = next((n for n in choices if cycles(n, 1) <= matrix), choices[-1])
    narrow = Rows("narrow", lanes, max(matrix, cycles(lanes, 1)))
    whole = whole_cycles(op, x, simd // op.taps) if simd % op.taps == 0 else None
    if whole is not None and max(whole, matrix) < narrow.cycles:
        return Rows("whole", simd // op.taps, max(whole, matrix))
    return narrow


def whole_cycles(op: ops.Swu, x: TensorType, lanes: int) -> int | None:
    """Return the cycles per frame of whole windows of ``lanes`` channels, None if there are none.

    op : as ``framed`` returns it
    """
    window = window_of(op, x)
    if op.groups > 1 or x.channels % lanes or not timing.slides(window):
        return None
    shifts = len(timing.windows(window, 1).takes)
    return max(x.pixels, shifts) * (x.channels // lanes)


def _pair(sizes: tuple[int, ...]) -> tuple[int, int]:
    first, second = sizes
    return first, second
