"""Pooling: one code per channel from the taps of a window.

Windows come from a ``Swu``; a global pool reads ``Reshape((H * W * C,))``, whose only row has a
tap for every pixel. An average is a ``SumPool`` with thresholds or a table behind it.
"""

from __future__ import annotations

from dataclasses import dataclass

from hwgen.errors import ShapeError
from hwgen.ir.dtypes import TensorType
from hwgen.ir.ops.base import IntArray, Op


@dataclass(frozen=True, eq=False)
class MaxPool(Op):
    """Keep the largest code of each channel.

    x (..., taps * C), channels fastest -> y (..., C), same range
    """

    taps: int

    def infer(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        shape = _pooled(x, self.taps, "MaxPool")
        return TensorType(shape, x.low, x.high, x.bipolar)

    def reference(self, *inputs: IntArray) -> IntArray:
        (x,) = inputs
        return x.reshape(*x.shape[:-1], self.taps, x.shape[-1] // self.taps).max(axis=-2)


@dataclass(frozen=True, eq=False)
class SumPool(Op):
    """Add up the codes of each channel, exactly.

    x (..., taps * C), channels fastest -> y (..., C)
    """

    taps: int

    def infer(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        shape = _pooled(x, self.taps, "SumPool")
        bipolar = x.bipolar and self.taps == 1
        return TensorType(shape, self.taps * x.low, self.taps * x.high, bipolar)

    def reference(self, *inputs: IntArray) -> IntArray:
        (x,) = inputs
        return x.reshape(*x.shape[:-1], self.taps, x.shape[-1] // self.taps).sum(axis=-2)


def _pooled(x: TensorType, taps: int, name: str) -> tuple[int, ...]:
    if taps < 1 or x.channels % taps:
        raise ShapeError(f"{name} of {taps} taps does not divide rows of {x.channels} codes")
    return (*x.shape[:-1], x.channels // taps)
