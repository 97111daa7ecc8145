"""Sliding windows: the im2col rows that turn a convolution into a matrix product."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np

from hwgen.errors import ShapeError
from hwgen.ir.dtypes import TensorType
from hwgen.ir.ops.base import IntArray, Op


def with_code(x: TensorType, code: int) -> tuple[int, int, bool]:
    """Return ``(low, high, bipolar)`` of ``x`` once ``code`` may occur in it as well."""
    low, high = min(x.low, code), max(x.high, code)
    return low, high, x.bipolar and code in (-1, 1)


def pad_spatial(x: IntArray, pads: tuple[int, ...], code: int) -> IntArray:
    """Surround the spatial axes of ``x (frames, *spatial, C)`` with ``code``.

    pads : amounts before each spatial axis, then after each, as ONNX orders them
    """
    if not any(pads):
        return x
    axes = len(pads) // 2
    widths = [(0, 0), *zip(pads[:axes], pads[axes:], strict=True), (0, 0)]
    return np.pad(x, widths, constant_values=code)


@dataclass(frozen=True, eq=False)
class Swu(Op):
    """Lay out, for every output pixel, the input pixels that its window covers.

    One entry per spatial axis (one for ``(L, C)``, two for ``(H, W, C)``):

    kernel, stride, dilation : size of the window, its steps, the distance of its taps
    pads : pixels of ``pad_code`` before each axis, then after each, ``(top, left, bottom, right)``
    pad_code : the code that stands for zero (or the lowest code, for a maximum)
    groups : channel groups that lie one after another in a row, each with all its taps
    x (*spatial, C) -> y (*out, K * C), K = prod(kernel); a row holds, for each group, the taps in
    raster order and of each tap the group's channels, so that without groups channels are fastest
    """

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    pads: tuple[int, ...]
    pad_code: int = 0
    groups: int = 1

    def infer(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        axes = len(x.shape) - 1
        sizes = (len(self.kernel), len(self.stride), len(self.dilation), len(self.pads) / 2)
        if axes not in (1, 2) or any(size != axes for size in sizes):
            raise ShapeError(
                f"Swu with kernel {self.kernel}, stride {self.stride}, dilation {self.dilation} "
                f"and pads {self.pads} does not fit an input of shape {x.shape}"
            )
        if min(*self.kernel, *self.stride, *self.dilation) < 1 or min(self.pads) < 0:
            raise ShapeError(
                f"Swu kernel {self.kernel}, stride {self.stride} and dilation {self.dilation} "
                f"must be at least 1, pads {self.pads} at least 0"
            )
        if self.groups < 1 or x.channels % self.groups:
            raise ShapeError(f"Swu has {self.groups} groups for {x.channels} channels")
        out = self.out_spatial(x.shape[:-1])
        if min(out) < 1:
            raise ShapeError(f"Swu kernel {self.kernel} exceeds the padded input {x.shape}")
        low, high, bipolar = with_code(x, self.pad_code) if any(self.pads) else _range(x)
        return TensorType((*out, self.taps * x.channels), low, high, bipolar)

    @property
    def taps(self) -> int:
        """Pixels that a window covers."""
        return int(np.prod(self.kernel))

    def out_spatial(self, spatial: tuple[int, ...]) -> tuple[int, ...]:
        """Return the number of window positions along each axis of an input of that size."""
        axes = len(self.kernel)
        return tuple(
            (spatial[k] + self.pads[k] + self.pads[axes + k] - reach) // self.stride[k] + 1
            for k, reach in enumerate(
                d * (size - 1) + 1 for size, d in zip(self.kernel, self.dilation, strict=True)
            )
        )

    def reference(self, *inputs: IntArray) -> IntArray:
        (x,) = inputs
        frames, *spatial, channels = x.shape
        out = self.out_spatial(tuple(spatial))
        padded = pad_spatial(x, self.pads, self.pad_code)
        grouped = padded.reshape(*padded.shape[:-1], self.groups, channels // self.groups)
        shape = (frames, *out, self.groups, self.taps, channels // self.groups)
        rows: IntArray = np.empty(shape, dtype=np.int64)
        for tap, offsets in enumerate(product(*map(range, self.kernel))):
            window = tuple(
                slice(o * d, o * d + (size - 1) * s + 1, s)
                for o, d, s, size in zip(offsets, self.dilation, self.stride, out, strict=True)
            )
            rows[..., tap, :] = grouped[(slice(None), *window)]
        return rows.reshape(frames, *out, self.taps * channels)


def _range(x: TensorType) -> tuple[int, int, bool]:
    return x.low, x.high, x.bipolar
