"""Products with sparse structure: depthwise and grouped convolutions behind a ``Swu``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwgen.errors import ShapeError
from hwgen.ir.dtypes import TensorType
from hwgen.ir.ops.base import IntArray, Op, exact_matmul


@dataclass(frozen=True, eq=False)
class Vvu(Op):
    """Weigh the taps of each channel on its own: the depthwise form of ``Mvu``.

    weights : int64, shape (C, K), channel by tap
    x (..., K * C), rows of a ``Swu`` without groups -> y (..., C), the exact sums
    """

    weights: IntArray

    def infer(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        channels, taps = self.weights.shape
        if x.channels != channels * taps:
            raise ShapeError(
                f"Vvu has {channels} channels of {taps} taps, its input rows hold {x.channels}"
            )
        low, high = self.channel_range(x)
        return TensorType((*x.shape[:-1], channels), int(low.min()), int(high.max()))

    def channel_range(self, x: TensorType) -> tuple[IntArray, IntArray]:
        """Return the smallest and largest sum of each channel, each int64 (C,)."""
        return _sum_range(self.weights, x)

    @property
    def bipolar(self) -> bool:
        """Whether every weight is -1 or +1."""
        return bool((np.abs(self.weights) == 1).all())

    def reference(self, *inputs: IntArray) -> IntArray:
        (x,) = inputs
        channels, taps = self.weights.shape
        rows = x.reshape(*x.shape[:-1], taps, channels)
        total: IntArray = rows[..., 0, :] * self.weights[:, 0]
        for tap in range(1, taps):
            total += rows[..., tap, :] * self.weights[:, tap]
        return total


@dataclass(frozen=True, eq=False)
class GroupedMvu(Op):
    """One matrix for each group of a row: a grouped convolution behind ``Swu(groups=G)``.

    In hardware it is an ``Mvu`` that takes G short vectors per pixel and steps through G matrices,
    so it needs neither split nor concatenation and folds over PE and SIMD like any other.

    weights : int64, shape (G, MH, MW)
    x (..., G * MW), groups one after another -> y (..., G * MH), likewise
    """

    weights: IntArray

    def infer(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        groups, mh, mw = self.weights.shape
        if x.channels != groups * mw:
            raise ShapeError(
                f"GroupedMvu has {groups} groups of {mw} columns, its input rows hold {x.channels}"
            )
        low, high = self.channel_range(x)
        return TensorType((*x.shape[:-1], groups * mh), int(low.min()), int(high.max()))

    def channel_range(self, x: TensorType) -> tuple[IntArray, IntArray]:
        """Return the smallest and largest sum of each output channel, each int64 (G * MH,)."""
        return _sum_range(self.weights.reshape(-1, self.weights.shape[-1]), x)

    @property
    def bipolar(self) -> bool:
        """Whether every weight is -1 or +1."""
        return bool((np.abs(self.weights) == 1).all())

    def reference(self, *inputs: IntArray) -> IntArray:
        (x,) = inputs
        groups, mh, mw = self.weights.shape
        rows = x.reshape(*x.shape[:-1], groups, mw)
        parts = [exact_matmul(rows[..., g, :], self.weights[g]) for g in range(groups)]
        return np.stack(parts, axis=-2).reshape(*x.shape[:-1], groups * mh)


def _sum_range(weights: IntArray, x: TensorType) -> tuple[IntArray, IntArray]:
    positive = np.maximum(weights, 0).sum(axis=1)
    negative = np.minimum(weights, 0).sum(axis=1)
    return (positive * x.low + negative * x.high, positive * x.high + negative * x.low)
