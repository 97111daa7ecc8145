"""Quantizers as rising step functions of a real number.

Every quantizing node of a file is a step function applied to an expression: a rounded and clipped
number, a sign, or a count of thresholds. Codes are integers; ``edge`` says that a number lies
exactly where two codes meet, so that the rounding rule decides.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from hwgen.frontend.expr import Array

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Steps(abc.ABC):
    """A non-decreasing function from real numbers to the codes ``low..high``."""

    low: int
    high: int

    @abc.abstractmethod
    def codes(self, u: Floats) -> Ints:
        """Return the code of every number of an array whose last axis is the channel."""

    @abc.abstractmethod
    def at(self, u: Fraction, channel: int) -> int:
        """Return the code of one number."""

    @abc.abstractmethod
    def edge(self, u: Floats) -> npt.NDArray[np.bool_]:
        """Whether each number, taken exactly, lies where a rounding rule decides."""

    @abc.abstractmethod
    def boundary(self, low: Fraction, high: Fraction, channel: int) -> Fraction:
        """Return a point of ``low..high`` where two codes meet."""


def _half_up(u: Floats) -> Floats:
    whole = np.floor(np.abs(u))
    return np.sign(u) * (whole + (np.abs(u) - whole >= 0.5))  # |u| + 0.5 may round up


def _half_down(u: Floats) -> Floats:
    return np.sign(u) * np.ceil(np.abs(u) - 0.5)


def _away(u: Floats) -> Floats:
    return np.sign(u) * np.ceil(np.abs(u))


def _sign(u: Fraction) -> int:
    return (u > 0) - (u < 0)


HALF = Fraction(1, 2)


@dataclass(frozen=True)
class Mode:
    """A rounding mode: on float64 arrays, and on one exact number.

    half : codes meet halfway between integers (elsewhere they meet at integers)
    """

    values: Callable[[Floats], Floats]
    exact: Callable[[Fraction], int]
    half: bool


def _round(u: Fraction) -> int:
    return round(u)


_HALF_EVEN = Mode(np.round, _round, True)
MODES: Mapping[str, Mode] = MappingProxyType(
    {
        "ROUND": _HALF_EVEN,
        "HALF_EVEN": _HALF_EVEN,
        "CEIL": Mode(np.ceil, lambda u: -(-u // 1), False),
        "FLOOR": Mode(np.floor, lambda u: u // 1, False),
        "UP": Mode(_away, lambda u: _sign(u) * -(-abs(u) // 1), False),
        "DOWN": Mode(np.trunc, lambda u: _sign(u) * (abs(u) // 1), False),
        "HALF_UP": Mode(_half_up, lambda u: _sign(u) * ((abs(u) + HALF) // 1), True),
        "HALF_DOWN": Mode(_half_down, lambda u: _sign(u) * -(-(abs(u) - HALF) // 1), True),
    }
)
"""The rounding modes of QONNX by name."""


@dataclass(frozen=True)
class Rounding(Steps):
    """Round by a mode, clipped to ``low..high``; ``shift`` is added to the rounded number."""

    mode: str
    low: int
    high: int
    shift: int = 0

    def codes(self, u: Floats) -> Ints:
        clipped = np.clip(u, self.low - self.shift, self.high - self.shift)
        return MODES[self.mode].values(clipped).astype(np.int64) + self.shift

    def at(self, u: Fraction, channel: int) -> int:
        clipped = min(max(u, Fraction(self.low - self.shift)), Fraction(self.high - self.shift))
        return int(MODES[self.mode].exact(clipped)) + self.shift

    def edge(self, u: Floats) -> npt.NDArray[np.bool_]:
        inside = (u > self.low - self.shift) & (u < self.high - self.shift)
        return inside & (u - np.floor(u) == 0.5) & MODES[self.mode].half

    def boundary(self, low: Fraction, high: Fraction, channel: int) -> Fraction:
        if MODES[self.mode].half:
            return Fraction(-(-(low - HALF) // 1)) + HALF
        return Fraction(-(-low // 1))


@dataclass(frozen=True)
class Sign(Steps):
    """-1 below 0, +1 from 0 on; ``BipolarQuant``."""

    low: int = -1
    high: int = 1

    def codes(self, u: Floats) -> Ints:
        return np.where(u >= 0, 1, -1).astype(np.int64)

    def at(self, u: Fraction, channel: int) -> int:
        return 1 if u >= 0 else -1

    def edge(self, u: Floats) -> npt.NDArray[np.bool_]:
        return u == 0

    def boundary(self, low: Fraction, high: Fraction, channel: int) -> Fraction:
        return Fraction(0)


@dataclass(frozen=True, eq=False)
class Count(Steps):
    """Number of thresholds reached; ``MultiThreshold``.

    levels : object array (channels or 1, steps) of ``Fraction``, rising along steps
    stride : codes are ``low + stride * count`` (2 for bipolar codes)
    """

    levels: Array
    low: int
    stride: int = 1

    @property
    def high(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Largest code."""
        return self.low + self.stride * self.levels.shape[1]

    def codes(self, u: Floats) -> Ints:
        # levels are float32 or integers in every file, hence exact in float64
        levels = self.levels.astype(np.float64)
        if len(levels) == 1:
            count = np.searchsorted(levels[0], u.reshape(-1), side="right").reshape(u.shape)
        else:
            count = np.empty(u.shape, dtype=np.int64)
            for channel, row in enumerate(levels):
                count[..., channel] = np.searchsorted(row, u[..., channel], side="right")
        return self.low + self.stride * count.astype(np.int64)

    def at(self, u: Fraction, channel: int) -> int:
        row = self.levels[channel if len(self.levels) > 1 else 0]
        return self.low + self.stride * sum(u >= level for level in row)

    def edge(self, u: Floats) -> npt.NDArray[np.bool_]:
        return np.zeros(u.shape, dtype=np.bool_)

    def boundary(self, low: Fraction, high: Fraction, channel: int) -> Fraction:
        row = self.levels[channel if len(self.levels) > 1 else 0]
        return next((level for level in row if low <= level <= high), low)
