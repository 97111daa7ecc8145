"""What every integer operation offers, and exact integer matrix products."""

from __future__ import annotations

import abc

import numpy as np
import numpy.typing as npt

from hwgen.ir.dtypes import TensorType

IntArray = npt.NDArray[np.int64]


class Op(abc.ABC):
    """One integer operation on channels-last tensors.

    Subclasses are frozen dataclasses that say what is computed, never how it is folded.
    """

    @abc.abstractmethod
    def infer(self, *inputs: TensorType) -> TensorType:
        """Return the output's type; raise ``ShapeError`` where the inputs do not fit."""

    @abc.abstractmethod
    def reference(self, *inputs: IntArray) -> IntArray:
        """Compute the operation on int64 arrays of shape ``(frames, *type.shape)``."""


def exact_matmul(x: IntArray, weights: IntArray) -> IntArray:
    """Return ``x @ weights.T`` exactly.

    x (..., K), weights (M, K) -> (..., M). Runs on floating-point BLAS where the largest sum of
    absolute products bounds every partial sum below the mantissa, in int64 otherwise.
    """
    if x.size == 0:
        return np.zeros((*x.shape[:-1], len(weights)), dtype=np.int64)
    bound = max(-int(x.min()), int(x.max())) * int(np.abs(weights).sum(axis=1).max())
    if bound < 2**24:
        kind: type[np.floating] = np.float32
    elif bound < 2**53:
        kind = np.float64
    else:
        return x @ weights.T
    return (x.astype(kind) @ weights.T.astype(kind)).astype(np.int64)
