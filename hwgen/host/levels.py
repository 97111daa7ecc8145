"""The host's quantizer as float32 levels: the same codes without exact arithmetic."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hwgen.errors import UnsupportedError
from hwgen.frontend.affine import affine
from hwgen.frontend.hostio import HostInput

_WORK = 1 << 22  # numbers to bisect; a frame of a large image times its codes is more
_MANY = 1 << 12  # codes; more would make meta.json larger than the network


class Levels(NamedTuple):
    """``codes[n]`` is the code of a number that reaches ``n`` of its channel's levels.

    levels : float32 (1 or channels, steps), non-decreasing
    """

    levels: npt.NDArray[np.float32]
    codes: npt.NDArray[np.int64]


def levels_of(source: HostInput) -> Levels:
    """Return the levels of a quantizer, found by bisection of the float32 numbers.

    Raises ``UnsupportedError`` for a quantizer whose code does not rise with the number, depends on
    the place, or has too many codes.
    """
    kind = source.type
    found = None if source.expr is None else affine(source.expr)
    rising = found is not None and all(scale > 0 for scale in np.ravel(found.scale))
    steps = kind.high - kind.low
    if not rising or steps >= _MANY or steps * kind.size > _WORK:
        raise UnsupportedError(
            f"input {source.name}: the driver cannot quantize it and takes codes; with "
            f"--input-type and --input-scale the chip quantizes"
        )
    codes = np.array([-1, 1]) if kind.bipolar else np.arange(kind.low, kind.high + 1)
    levels = _bisect(source, codes[1:])
    if bool((levels == levels[:, :1]).all()):
        levels = levels[:, :1]
    if bool((levels == levels[:1]).all()):
        levels = levels[:1]
    if levels.shape[1] > 1:
        raise UnsupportedError(
            f"input {source.name}: its quantizer depends on the place, so the driver takes codes"
        )
    return Levels(levels[:, 0], codes.astype(np.int64))


def _bisect(source: HostInput, codes: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Return the least float32 whose code is at least each of ``codes``: (channels, pixels, n)."""
    pixels, channels = source.type.pixels, source.type.channels
    last = int(np.finfo(np.float32).max.view(np.int32))
    low = np.full((len(codes), pixels * channels), -last, np.int64)
    high = np.full_like(low, last + 1)
    while bool((low < high).any()):
        middle = (low + high) // 2
        reached = _codes(source, _number(np.minimum(middle, last))) >= codes[:, None]
        active = low < high
        high = np.where(active & reached, middle, high)
        low = np.where(active & ~reached, middle + 1, low)
    # what no number reaches lies beyond all of them
    levels = np.where(low > last, np.float32(np.inf), _number(np.minimum(low, last)))
    return levels.reshape(len(codes), pixels, channels).transpose(2, 1, 0).astype(np.float32)


def _codes(source: HostInput, x: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """Return the codes of numbers in stream order."""
    arranged = np.empty_like(x)
    arranged[:, source.order] = x
    return source.encode(arranged.reshape(len(x), *source.shape)).reshape(len(x), -1)


def _number(ordinal: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Return the float32 numbers at places in the order of all of them; 0.0 has place 0."""
    bits = np.where(ordinal >= 0, ordinal, -ordinal | 0x8000_0000)
    return bits.astype(np.uint32).view(np.float32)
