"""Accumulators to codes: thresholds and tables."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwgen.errors import ShapeError
from hwgen.ir.dtypes import TensorType
from hwgen.ir.ops.base import IntArray, Op


@dataclass(frozen=True, eq=False)
class Threshold(Op):
    """Count how many of its channel's thresholds each accumulator reaches.

    thresholds : int64, shape (C, S), non-decreasing along S, in accumulator LSBs
    low : the code where no threshold is reached
    bipolar : S is 1 and the codes are -1 and +1
    x (..., C) -> y (..., C), channels-last, codes low..low + S
    """

    thresholds: IntArray
    low: int = 0
    bipolar: bool = False

    def infer(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        channels, steps = self.thresholds.shape
        if x.channels != channels:
            raise ShapeError(f"Threshold has {channels} channels, its input has {x.channels}")
        if (np.diff(self.thresholds, axis=1) < 0).any():
            raise ShapeError("Threshold levels must not decrease along a channel")
        if self.bipolar:
            if steps != 1:
                raise ShapeError(f"a bipolar Threshold has one level, not {steps}")
            return TensorType(x.shape, -1, 1, bipolar=True)
        return TensorType(x.shape, self.low, self.low + steps)

    def reference(self, *inputs: IntArray) -> IntArray:
        (x,) = inputs
        steps = self.thresholds.shape[1]
        count = np.zeros(x.shape, dtype=np.int64)
        if steps <= 32:
            for step in range(steps):
                count += x >= self.thresholds[:, step]
        else:
            for channel, levels in enumerate(self.thresholds):
                count[..., channel] = np.searchsorted(levels, x[..., channel], side="right")
        return 2 * count - 1 if self.bipolar else self.low + count


@dataclass(frozen=True, eq=False)
class Table(Op):
    """Look every code up in its channel's table.

    values : int64, shape (C, N), or (1, N) where all channels share one table
    first : the code that entry 0 stands for; the input's range lies in first..first + N - 1
    bipolar : every value is -1 or +1
    x (..., C) -> y (..., C), y = values[channel, x - first]
    """

    values: IntArray
    first: int
    bipolar: bool = False

    def infer(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        channels, entries = self.values.shape
        if channels not in (1, x.channels):
            raise ShapeError(f"Table has {channels} channels, its input has {x.channels}")
        if x.low < self.first or x.high >= self.first + entries:
            raise ShapeError(
                f"Table covers codes {self.first}..{self.first + entries - 1}, "
                f"its input ranges over {x.low}..{x.high}"
            )
        if self.bipolar:
            return TensorType(x.shape, -1, 1, bipolar=True)
        return TensorType(x.shape, int(self.values.min()), int(self.values.max()))

    def reference(self, *inputs: IntArray) -> IntArray:
        (x,) = inputs
        if len(self.values) == 1:
            return self.values[0, x - self.first]
        return self.values[np.arange(x.shape[-1]), x - self.first]
