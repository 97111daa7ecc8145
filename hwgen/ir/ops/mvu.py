"""Matrix-vector products."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwgen.errors import ShapeError
from hwgen.ir.dtypes import TensorType
from hwgen.ir.ops.base import IntArray, Op, exact_matmul


@dataclass(frozen=True, eq=False)
class Mvu(Op):
    """Multiply every channel vector with a constant matrix.

    weights : int64, shape (MH, MW)
    x (..., MW) -> y (..., MH), the exact sums; their range follows from these very weights
    """

    weights: IntArray

    def infer(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        mh, mw = self.weights.shape
        if x.channels != mw:
            raise ShapeError(f"Mvu has {mw} columns, its input has {x.channels} channels")
        low, high = self.channel_range(x)
        return TensorType((*x.shape[:-1], mh), int(low.min()), int(high.max()))

    def channel_range(self, x: TensorType) -> tuple[IntArray, IntArray]:
        """Return the smallest and largest sum of each output channel, each int64 (MH,)."""
        positive = np.maximum(self.weights, 0).sum(axis=1)
        negative = np.minimum(self.weights, 0).sum(axis=1)
        return (positive * x.low + negative * x.high, positive * x.high + negative * x.low)

    @property
    def bipolar(self) -> bool:
        """Whether every weight is -1 or +1."""
        return bool((np.abs(self.weights) == 1).all())

    def reference(self, *inputs: IntArray) -> IntArray:
        (x,) = inputs
        return exact_matmul(x, self.weights)
