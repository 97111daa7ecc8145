"""What a tensor of the file is while it is lowered: constant, computed from codes, or unknown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod

import numpy as np
import numpy.typing as npt

from hwgen.frontend.expr import Array, Expr, Num, compress, rebuild, variables
from hwgen.frontend.model import FileNode

Ints = npt.NDArray[np.int64]


class Problem(Exception):  # noqa: N818 - a finding, not an error
    """A layer that cannot become hardware.

    reason : what is wrong; remedy : what the user can do
    """

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy


@dataclass(frozen=True, eq=False)
class Const:
    """A constant tensor.

    expr : an expression without variables; its arrays broadcast to ``shape``
    elem : ONNX element type, 0 where unknown
    """

    expr: Expr
    shape: tuple[int, ...]
    elem: int = 0

    @property
    def raw(self) -> Array | None:
        """The array, where it is one and holds plain numbers."""
        if isinstance(self.expr, Num) and self.expr.values.dtype != object:
            return np.broadcast_to(self.expr.values, self.shape)
        return None

    def gathered(self, index: Ints) -> Const:
        """Return the tensor whose elements are those at flat positions ``index``."""

        def pick(values: Array) -> Array:
            if values.ndim == 0:
                return values
            if values.size == prod(self.shape):
                return values.reshape(-1)[index]
            # an array that broadcasts stays as short as it is
            own = np.arange(values.size).reshape(values.shape)
            spots = np.broadcast_to(own, self.shape).reshape(-1)[index]
            for axis in range(spots.ndim):
                first = spots.take([0], axis=axis)
                spots = first if (spots == first).all() else spots
            return values.reshape(-1)[spots]

        return Const(rebuild(self.expr, num=pick), index.shape, self.elem)


@dataclass(frozen=True, eq=False)
class Dynamic:
    """A tensor computed from codes, element by element.

    expr : expression over integer tensors that all have the shape ``space``
    index : the tensor's shape in the file (frame axis 1); position of each element in stream order
    space : (pixels, channels) of the integer tensors, whose stream order is pixel by pixel
    """

    expr: Expr
    index: Ints
    space: tuple[int, int]

    @property
    def shape(self) -> tuple[int, ...]:
        """The tensor's shape in the file, with a frame axis of 1."""
        return self.index.shape

    @property
    def leaves(self) -> tuple[str, ...]:
        """The integer tensors it is computed from."""
        return variables(self.expr)

    def with_expr(self, expr: Expr) -> Dynamic:
        """Return the tensor with another expression on the same codes."""
        return replace(self, expr=expr)

    def whole(self) -> bool:
        """Whether every element of the integer tensor occurs exactly once."""
        size = prod(self.space)
        return self.index.size == size and bool(
            (np.bincount(self.index.reshape(-1), minlength=size) == 1).all()
        )


@dataclass(frozen=True)
class Unknown:
    """A tensor behind a layer that was refused; ``shape`` where it can still be told."""

    shape: tuple[int, ...] | None


@dataclass(frozen=True, eq=False)
class Tail:
    """A tensor that the host computes from the network's output codes.

    base : what the hardware delivers, as real numbers
    nodes : operators of the file to run on it, in order, each on the one before
    constants : their other inputs by name
    """

    base: Dynamic
    nodes: tuple[FileNode, ...]
    constants: Mapping[str, Array]

    @property
    def shape(self) -> None:
        """Not known here; the host finds out."""
        return


Tensor = Const | Dynamic | Unknown | Tail


def spread(const: Const, onto: Dynamic) -> Expr:
    """Return the constant's expression with arrays in ``onto``'s stream order.

    The constant broadcasts against ``onto.shape``; an array comes out as () where it does not vary,
    (channels,) where it does not vary over pixels, else (pixels, channels).
    """

    def place(values: Array) -> Array:
        if values.ndim == 0:
            return values
        full = np.broadcast_to(np.broadcast_to(values, const.shape), onto.shape).reshape(-1)
        if (full == full[0]).all():
            return compress(full)
        flat = np.empty(prod(onto.space), dtype=full.dtype)
        flat[...] = full[0]
        flat[onto.index.reshape(-1)] = full
        return compress(flat.reshape(onto.space))

    return rebuild(const.expr, num=place)
