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
        "whole", all taps of ``lanes`` channels at once, for several pixels side by side if M is
        more than 1, which a converter cuts up where they are not ``simd``; then a memory repeats
    lanes : channels of a word of the window unit
    cycles : per frame, the interval of all units from the window unit to the matrix
    across : pixels of the window unit's input side by side, more than 1 for whole windows only
    """

    mode: Literal["taps", "wide", "narrow", "whole"]
    lanes: int
    cycles: int
    across: int = 1


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


def rows(op: ops.Swu, x: TensorType, simd: int, folds: int, m: int = 1) -> Rows | None:
    """Return how the rows of ``op`` on ``x`` best reach a matrix unit, None if they cannot.

    simd : columns at once; folds : ceil(MH / PE) of each group; m : pixels at once, more than 1
        takes whole windows
    """
    op, x, _ = framed(op, x)
    *high, wide = op.out_spatial(x.shape[:-1])
    out = prod(high) * -(-wide // m)
    channels = x.channels // op.groups
    matrix = out * op.groups * ceil(op.taps * channels / simd) * folds
    if m > 1:
        return _whole(op, x, m, matrix)

    def cycles(lanes: int, times: int) -> int:
        return max(x.pixels, out * op.taps * times) * (x.channels // lanes)

    if channels % simd == 0 and cycles(simd, folds) <= matrix:
        return Rows("taps", simd, matrix)
    choices = [lanes for lanes in range(1, channels + 1) if channels % lanes == 0]
    wider = [lanes for lanes in choices if lanes >= simd]
    if wider:
        lanes = next((n for n in wider if cycles(n, folds) <= matrix), wider[-1])
        mode = "taps" if lanes == simd else "wide"
        return Rows(mode, lanes, max(matrix, cycles(lanes, folds)))
    lanes = next((n for n in choices if cycles(n, 1) <= matrix), choices[-1])
    narrow = Rows("narrow", lanes, max(matrix, cycles(lanes, 1)))
    if narrow.cycles == matrix:
        return narrow
    whole = _whole(op, x, 1, matrix)
    return whole if whole is not None and whole.cycles < narrow.cycles else narrow


def taps(op: ops.Swu, x: TensorType, pe: int, simd: int, m: int = 1) -> Rows | None:
    """Return how the taps of each channel best reach a unit that reduces them, None if they cannot.

    pe, simd : channels and taps at once; m : pixels at once
    Modes are as for a matrix; "narrow" are single taps of all channels, joined.
    """
    op, x, _ = framed(op, x)
    *high, wide = op.out_spatial(x.shape[:-1])
    words, own = ceil(x.channels / pe), prod(high) * -(-wide // m) * ceil(op.taps / simd)
    found: list[Rows] = []
    if m == 1 and (simd == 1 or words == 1):
        cycles = max(x.pixels, prod(high) * wide * op.taps) * words
        found.append(Rows("taps" if simd == 1 else "narrow", pe, cycles))
    lanes = pe
    if simd == 1 < min(m, words) and x.channels % pe == 0:
        lanes = x.channels  # single taps of several pixels, cut from windows of all channels
    if simd == op.taps or lanes == x.channels:
        for across in (n for n in range(1, m * op.stride[-1] + 1) if m * op.stride[-1] % n == 0):
            cycles = whole_cycles(op, x, lanes, across, m)
            if cycles is not None:
                found.append(Rows("whole", lanes, max(cycles, own * words), across))
    return min(found, key=lambda way: way.cycles, default=None)


def _whole(op: ops.Swu, x: TensorType, m: int, matrix: int) -> Rows | None:
    """Return the least whole windows that keep up with ``matrix`` cycles, or else the fastest."""
    found: list[tuple[int, int, int, int]] = []
    for lanes in (n for n in range(1, x.channels + 1) if x.channels % n == 0):
        for across in (n for n in range(1, m * op.stride[-1] + 1) if m * op.stride[-1] % n == 0):
            cycles = whole_cycles(op, x, lanes, across, m)
            if cycles is not None:
                found.append((max(cycles, matrix), lanes * across, lanes, across))
    if not found:
        return None
    cycles, _, lanes, across = min(found)
    return Rows("whole", lanes, cycles, across)


def whole_cycles(op: ops.Swu, x: TensorType, lanes: int, across: int = 1, m: int = 1) -> int | None:
    """Return the cycles per frame of whole windows of ``lanes`` channels, None if there are none.

    op : as ``framed`` returns it
    across, m : columns and windows side by side
    """
    window = window_of(op, x)
    if op.groups > 1 or not timing.slides(window, across, m):
        return None
    shifts = len(timing.windows(window, 1, across, m).takes)
    return max(window.height * ceil(window.width / across), shifts) * ceil(x.channels / lanes)


def _pair(sizes: tuple[int, ...]) -> tuple[int, int]:
    first, second = sizes
    return first, second
