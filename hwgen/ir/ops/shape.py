"""Operations that only reorder or pick elements."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from hwgen.errors import ShapeError
from hwgen.ir.dtypes import TensorType
from hwgen.ir.ops.base import IntArray, Op


@dataclass(frozen=True, eq=False)
class Reshape(Op):
    """Give the frame another shape; elements keep their stream order, so no hardware is needed.

    shape : the new shape without the frame axis, of the same size
    """

    shape: tuple[int, ...]

    def infer(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        if prod(self.shape) != x.size:
            raise ShapeError(f"Reshape to {self.shape} does not hold {x.size} elements")
        return TensorType(self.shape, x.low, x.high, x.bipolar)

    def reference(self, *inputs: IntArray) -> IntArray:
        (x,) = inputs
        return x.reshape(len(x), *self.shape)


@dataclass(frozen=True, eq=False)
class ArgMax(Op):
    """Index of the largest code along the channels; of equal codes the first.

    x (..., C) -> y (..., 1), codes 0..C - 1
    """

    def infer(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        return TensorType((*x.shape[:-1], 1), 0, max(x.channels - 1, 0))

    def reference(self, *inputs: IntArray) -> IntArray:
        (x,) = inputs
        return np.argmax(x, axis=-1, keepdims=True).astype(np.int64)
