"""Where branches meet and part: sums, concatenation, channel slices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwgen.errors import ShapeError
from hwgen.ir.dtypes import TensorType
from hwgen.ir.ops.base import IntArray, Op


def _range_of(m: IntArray, x: TensorType) -> tuple[IntArray, IntArray]:
    ends = np.stack([m * x.low, m * x.high])
    return ends.min(axis=0), ends.max(axis=0)


def _check_vector(name: str, value: IntArray, channels: int) -> None:
    if value.ndim != 1 or len(value) not in (1, channels):
        raise ShapeError(f"{name} has shape {value.shape}, needs (1,) or ({channels},)")


@dataclass(frozen=True, eq=False)
class Add(Op):
    """Join two tensors of unequal scales: ``y = m_a * a + m_b * b``.

    m_a, m_b : int64, shape (1,) or one multiplier per channel (C,)
    a, b (..., C) -> y (..., C)
    """

    m_a: IntArray
    m_b: IntArray

    def infer(self, *inputs: TensorType) -> TensorType:
        a, b = inputs
        if a.shape != b.shape:
            raise ShapeError(f"Add joins {a.shape} with {b.shape}; the shapes must be equal")
        _check_vector("Add multiplier a", self.m_a, a.channels)
        _check_vector("Add multiplier b", self.m_b, a.channels)
        low, high = self.channel_range(a, b)
        return TensorType(a.shape, int(low.min()), int(high.max()))

    def channel_range(self, a: TensorType, b: TensorType) -> tuple[IntArray, IntArray]:
        """Return the smallest and largest sum of each channel, each int64 (1,) or (C,)."""
        low_a, high_a = _range_of(self.m_a, a)
        low_b, high_b = _range_of(self.m_b, b)
        return low_a + low_b, high_a + high_b

    def reference(self, *inputs: IntArray) -> IntArray:
        a, b = inputs
        return self.m_a * a + self.m_b * b


@dataclass(frozen=True, eq=False)
class Affine(Op):
    """Multiply and shift each channel by integers: ``y = scale * x + bias``.

    scale, bias : int64, shape (1,) or (C,)
    x (..., C) -> y (..., C)
    """

    scale: IntArray
    bias: IntArray

    def infer(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        _check_vector("Affine scale", self.scale, x.channels)
        _check_vector("Affine bias", self.bias, x.channels)
        low, high = self.channel_range(x)
        return TensorType(x.shape, int(low.min()), int(high.max()))

    def channel_range(self, x: TensorType) -> tuple[IntArray, IntArray]:
        """Return the smallest and largest result of each channel, each int64 (1,) or (C,)."""
        low, high = _range_of(self.scale, x)
        return low + self.bias, high + self.bias

    def reference(self, *inputs: IntArray) -> IntArray:
        (x,) = inputs
        return self.scale * x + self.bias


@dataclass(frozen=True, eq=False)
class Concat(Op):
    """Lay the channels of several tensors one after another.

    inputs (..., C_k) with equal leading axes -> y (..., sum of C_k)
    """

    def infer(self, *inputs: TensorType) -> TensorType:
        lead = inputs[0].shape[:-1]
        for x in inputs:
            if x.shape[:-1] != lead:
                shapes = ", ".join(str(entry.shape) for entry in inputs)
                raise ShapeError(f"Concat joins {shapes}; all axes but the last must be equal")
        low, high = min(x.low for x in inputs), max(x.high for x in inputs)
        bipolar = all(x.bipolar for x in inputs)
        return TensorType((*lead, sum(x.channels for x in inputs)), low, high, bipolar)

    def reference(self, *inputs: IntArray) -> IntArray:
        return np.concatenate(inputs, axis=-1)


@dataclass(frozen=True, eq=False)
class Slice(Op):
    """Keep the channels ``start..stop - 1``; a split is one ``Slice`` for each part.

    x (..., C) -> y (..., stop - start)
    """

    start: int
    stop: int

    def infer(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if not 0 <= self.start < self.stop <= x.channels:
            raise ShapeError(f"Slice {self.start}..{self.stop} is not within {x.channels} channels")
        return TensorType((*x.shape[:-1], self.stop - self.start), x.low, x.high, x.bipolar)

    def reference(self, *inputs: IntArray) -> IntArray:
        (x,) = inputs
        return np.ascontiguousarray(x[..., self.start : self.stop])
