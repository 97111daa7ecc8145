"""The host's side of a network: numbers to input codes, output codes to numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from hwgen.errors import InputError
from hwgen.frontend.affine import affine
from hwgen.frontend.context import HOST
from hwgen.frontend.decide import decide
from hwgen.frontend.evaluate import approx
from hwgen.frontend.expr import Array, Expr, Var, rebuild, variables
from hwgen.frontend.handlers.shape import run_node
from hwgen.frontend.model import FileNode
from hwgen.frontend.quantizer import Steps
from hwgen.ir import TensorType

Ints = npt.NDArray[np.int64]

CHUNK = 1 << 21


@dataclass(frozen=True, eq=False)
class HostInput:
    """Turns what the file takes into the codes that the hardware takes.

    name, type : of the graph's input
    shape : of one frame in the file, without the frame axis
    order : position in the file's frame of each code in stream order
    expr, steps : what the host rounds, and how; None where the codes themselves are fed
    space : (pixels, channels) that constants of ``expr`` refer to
    """

    name: str
    type: TensorType
    shape: tuple[int, ...]
    order: Ints
    expr: Expr | None
    steps: Steps | None

    @property
    def integer(self) -> bool:
        """Whether the codes themselves are fed."""
        return self.steps is None

    def encode(self, x: npt.ArrayLike) -> Ints:
        """Return codes (frames, *type.shape) of ``x`` (frames, *shape).

        Raises ``InputError`` for another shape, a type that is not the file's, NaN, infinity, and
        codes outside the input's range. Values are clipped only as the file's quantizer clips.
        """
        values = self._arranged(np.asarray(x))
        codes = self._integers(values) if self.steps is None else self._quantized(values)
        return codes.reshape(len(values), *self.type.shape)

    def _arranged(self, x: Array) -> Array:
        """Return (frames, size) in stream order."""
        frames = len(x) if x.ndim else 0
        wanted = ", ".join(str(size) for size in self.shape)
        rest = x.shape[1:]
        last = (*self.shape[1:], self.shape[0])
        if x.ndim and rest != self.shape and rest == last and len(rest) == 3:
            x = np.moveaxis(x, -1, 1)
        elif not x.ndim or _squeezed(rest) not in (_squeezed(self.shape), (prod(self.shape),)):
            raise InputError(
                f"input {self.name} has shape {x.shape}, expected (frames, {wanted}); "
                f"reshape the array"
            )
        return x.reshape(frames, -1)[:, self.order]

    def _integers(self, x: Array) -> Ints:
        low, high = self.type.low, self.type.high
        what = f"codes from {low} to {high}"
        if x.dtype.kind not in "iuf":
            raise InputError(f"input {self.name} has type {x.dtype}, expected {what}")
        if x.size and x.dtype.kind == "f" and not (x == np.rint(x)).all():
            raise InputError(
                f"input {self.name} holds fractions, NaN or infinity, expected {what}; "
                f"feed the codes before scaling"
            )
        if x.size and (x.min() < low or x.max() > high):
            frame, place = np.argwhere((x < low) | (x > high))[0]
            raise InputError(
                f"input {self.name}, frame {frame}: element {self.order[place]} is "
                f"{x[frame, place]:g}, expected {what}; feed the codes themselves"
            )
        codes = x.astype(np.int64)
        if self.type.bipolar and (codes == 0).any():
            raise InputError(f"input {self.name} holds 0, expected -1 and +1 only")
        return codes

    def _quantized(self, x: Array) -> Ints:
        assert self.expr is not None
        assert self.steps is not None
        if x.dtype.kind != "f":
            raise InputError(
                f"input {self.name} has type {x.dtype}, but the file takes real numbers (float32); "
                f"scale the array as in training, or say --input-type and --input-scale"
            )
        with np.errstate(over="ignore"):
            x = x.astype(np.float32)
        finite = np.isfinite(x)
        if not finite.all():
            frame, place = np.argwhere(~finite)[0]
            raise InputError(
                f"input {self.name}, frame {frame}: element {self.order[place]} is "
                f"{x[frame, place]}, expected numbers; clean the array of NaN, infinity and "
                f"numbers beyond float32"
            )
        pixels, channels = self.type.pixels, self.type.channels
        x = x.astype(np.float64).reshape(len(x), pixels, channels)
        codes = np.empty(x.shape, dtype=np.int64)
        step = max(1, CHUNK // max(self.type.size, 1))
        for begin in range(0, len(x), step):
            part = x[begin : begin + step]
            codes[begin : begin + step] = decide(
                self.expr, self.steps, {HOST: part}, part.shape
            ).codes
        return codes

    def real(self, x: npt.ArrayLike) -> Array:
        """Return (frames, pixels, channels) float64 of the numbers fed, in stream order."""
        return (
            self._arranged(np.asarray(x))
            .astype(np.float64)
            .reshape(-1, self.type.pixels, self.type.channels)
        )


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(size for size in shape if size != 1)


@dataclass(frozen=True, eq=False)
class HostOutput:
    """Turns the hardware's output codes into the file's output.

    name, type : of the graph's output
    expr : real value of a code
    index : shape in the file (frame axis 1); position of each element in stream order
    tail : operators of the file that the host runs on the values, each on the one before
    constants : their other inputs; opset : their version
    """

    name: str
    type: TensorType
    expr: Expr
    index: Ints
    tail: tuple[FileNode, ...]
    constants: Mapping[str, Array]
    opset: int

    def decode(self, codes: npt.ArrayLike) -> npt.NDArray[Any]:
        """Return the file's output of ``codes`` (frames, *type.shape), float32 or int64 indices."""
        values = self.values(np.asarray(codes))
        out: Array = values if self.is_index else values.astype(np.float32)
        for node in self.tail:
            inputs = [out, *(self.constants[name] if name else None for name in node.inputs[1:])]
            out = run_node(node, inputs, self.opset)[-1]
        return out

    def values(self, codes: Array) -> Array:
        """Return what the hardware's codes mean, before the host's own operators, in float64."""
        frames = len(codes)
        flat = codes.reshape(frames, self.type.pixels, self.type.channels)
        if isinstance(self.expr, Var):
            found: Array = flat.astype(np.int64)
        else:
            real = flat.astype(np.float64)
            found, _ = approx(self.expr, {self.name: (real, np.zeros_like(real))})
        found = np.broadcast_to(found, flat.shape).reshape(frames, -1)
        return found[:, self.index.reshape(-1)].reshape(frames, *self.index.shape[1:])

    @property
    def is_index(self) -> bool:
        """Whether the output is the code itself."""
        return isinstance(self.expr, Var)

    @property
    def scale(self) -> Array | None:
        """``Fraction`` object array, () or per channel, where the output is affine."""
        found = affine(self.expr)
        return None if found is None else found.scale

    @property
    def offset(self) -> Array | None:
        """``Fraction`` object array, () or per channel, where the output is affine."""
        found = affine(self.expr)
        return None if found is None else found.offset


def over(expr: Expr, name: str) -> Expr:
    """Return ``expr`` with its only variable called ``name``."""
    assert len(variables(expr)) == 1
    return rebuild(expr, var=lambda _: Var(name))
