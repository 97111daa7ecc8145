"""Operations that add, repeat or move pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from hwgen.errors import ShapeError
from hwgen.ir.dtypes import TensorType
from hwgen.ir.ops.base import IntArray, Op
from hwgen.ir.ops.swu import pad_spatial, with_code


def _check_axes(name: str, x: TensorType, entries: float) -> None:
    axes = len(x.shape) - 1
    if axes not in (1, 2) or entries != axes:
        raise ShapeError(f"{name} has {entries} axes, its input has shape {x.shape}")


@dataclass(frozen=True, eq=False)
class Pad(Op):
    """Surround a frame with pixels of one code.

    pads : pixels before each spatial axis, then after each, ``(top, left, bottom, right)``
    x (*spatial, C) -> y (*spatial + pads, C)
    """

    pads: tuple[int, ...]
    code: int = 0

    def infer(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        _check_axes("Pad", x, len(self.pads) / 2)
        if min(self.pads) < 0:
            raise ShapeError(f"Pad by {self.pads} must not be negative")
        axes = len(self.pads) // 2
        spatial = (
            size + before + after
            for size, before, after in zip(
                x.shape[:-1], self.pads[:axes], self.pads[axes:], strict=True
            )
        )
        return TensorType((*spatial, x.channels), *with_code(x, self.code))

    def reference(self, *inputs: IntArray) -> IntArray:
        (x,) = inputs
        return pad_spatial(x, self.pads, self.code)


@dataclass(frozen=True, eq=False)
class Upsample(Op):
    """Repeat every pixel: nearest-neighbour enlargement.

    factors : repetitions along each spatial axis
    x (*spatial, C) -> y (*spatial * factors, C)
    """

    factors: tuple[int, ...]

    def infer(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        _check_axes("Upsample", x, len(self.factors))
        if min(self.factors) < 1:
            raise ShapeError(f"Upsample factors {self.factors} must be at least 1")
        spatial = (size * f for size, f in zip(x.shape[:-1], self.factors, strict=True))
        return TensorType((*spatial, x.channels), x.low, x.high, x.bipolar)

    def reference(self, *inputs: IntArray) -> IntArray:
        (y,) = inputs
        for axis, factor in enumerate(self.factors):
            y = np.repeat(y, factor, axis=axis + 1)
        return y


@dataclass(frozen=True, eq=False)
class ZeroInsert(Op):
    """Spread pixels apart, with pixels of one code between them.

    A transposed convolution is this, then ``Swu`` with ``kernel - 1 - pad`` around, stride 1, and
    an ``Mvu`` with the kernel turned by half a circle.

    factors : distance of former neighbours along each spatial axis
    x (*spatial, C) -> y (*((spatial - 1) * factors + 1), C)
    """

    factors: tuple[int, ...]
    code: int = 0

    def infer(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        _check_axes("ZeroInsert", x, len(self.factors))
        if min(self.factors) < 1:
            raise ShapeError(f"ZeroInsert factors {self.factors} must be at least 1")
        spatial = tuple((s - 1) * f + 1 for s, f in zip(x.shape[:-1], self.factors, strict=True))
        if spatial == x.shape[:-1]:
            return x
        return TensorType((*spatial, x.channels), *with_code(x, self.code))

    def reference(self, *inputs: IntArray) -> IntArray:
        (x,) = inputs
        frames, *spatial, channels = x.shape
        shape = [(s - 1) * f + 1 for s, f in zip(spatial, self.factors, strict=True)]
        y: IntArray = np.full((frames, *shape, channels), self.code, dtype=np.int64)
        y[(slice(None), *(slice(None, None, f) for f in self.factors))] = x
        return y


@dataclass(frozen=True, eq=False)
class DepthToSpace(Op):
    """Spread blocks of channels over the pixels of a finer grid (pixel shuffle).

    block : enlargement of both axes
    mode : "DCR" if the block position is the slower part of the channel index (ONNX's default),
        "CRD" if the channel is
    x (H, W, block * block * C) -> y (H * block, W * block, C)
    """

    block: int
    mode: Literal["DCR", "CRD"] = "DCR"

    def infer(self, *inputs: TensorType) -> TensorType:
        (x,) = inputs
        _check_axes("DepthToSpace", x, 2)
        if self.block < 1 or x.channels % self.block**2:
            raise ShapeError(
                f"DepthToSpace by {self.block} needs a multiple of {self.block**2} channels, "
                f"its input has {x.channels}"
            )
        height, width, channels = x.shape
        shape = (height * self.block, width * self.block, channels // self.block**2)
        return TensorType(shape, x.low, x.high, x.bipolar)

    def reference(self, *inputs: IntArray) -> IntArray:
        (x,) = inputs
        frames, height, width, channels = x.shape
        block, fine = self.block, channels // self.block**2
        if self.mode == "DCR":
            parts = x.reshape(frames, height, width, block, block, fine)
            order = (0, 1, 3, 2, 4, 5)
        else:
            parts = x.reshape(frames, height, width, fine, block, block)
            order = (0, 1, 4, 2, 5, 3)
        return parts.transpose(order).reshape(frames, height * block, width * block, fine)
