"""Expressions over integer codes: what the file computes between two integer tensors.

An expression is a tree (shared subtrees allowed) of variables, constants and functions. A variable
is the code of one integer tensor, or the real number that the host feeds. Constants are exact:
float64 or integer arrays whose every element is meant literally, or object arrays of ``Fraction``.
In a constant tensor of the file the arrays broadcast against the tensor's shape; in a tensor that
depends on codes they broadcast against ``(pixels, channels)`` of those codes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Expr:
    """A real-valued function of codes."""


@dataclass(frozen=True, eq=False)
class Var(Expr):
    """The codes of integer tensor ``name``, or the host's real numbers."""

    name: str


@dataclass(frozen=True, eq=False)
class Num(Expr):
    """A constant array, exact in every element."""

    values: Array

    @cached_property
    def approx(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """The nearest float64 values and how far off they may be."""
        if self.values.dtype != object:
            value = self.values.astype(np.float64)
            return value, np.zeros_like(value)
        flat = [float(v) for v in self.values.reshape(-1)]
        off = [
            0.0 if Fraction(f) == v else abs(f) * 2.0**-53 + 5e-324
            for f, v in zip(flat, self.values.reshape(-1), strict=True)
        ]
        shape = self.values.shape
        return np.array(flat, dtype=np.float64).reshape(shape), np.array(off).reshape(shape)

    def at(self, index: tuple[int, ...]) -> Fraction:
        """Return the element that broadcasts to ``index``."""
        shape = self.values.shape
        tail = index[len(index) - len(shape) :]
        value = self.values[tuple(0 if n == 1 else i for i, n in zip(tail, shape, strict=True))]
        return as_fraction(value)


@dataclass(frozen=True, eq=False)
class App(Expr):
    """A function of ``hwgen.frontend.functions`` applied to arguments."""

    fn: str
    args: tuple[Expr, ...]


def as_fraction(value: Any) -> Fraction:
    """Return a numpy or Python number exactly."""
    if isinstance(value, Fraction):
        return value
    if isinstance(value, (np.integer, int)):
        return Fraction(int(value))
    return Fraction(float(value))


def fractions(values: Array) -> Array:
    """Return an object array of the exact values of ``values``."""
    if values.dtype == object:
        return values
    out = np.empty(values.shape, dtype=object)
    out.reshape(-1)[:] = [as_fraction(v) for v in values.reshape(-1).tolist()]
    return out


def number(value: Any) -> Num:
    """Return a constant from a number, a ``Fraction`` or an array of them."""
    if isinstance(value, np.ndarray):
        return Num(value)
    out = np.empty((), dtype=object)
    out[()] = as_fraction(value)
    return Num(out)


def apply(fn: str, *args: Expr) -> Expr:
    """Return ``fn(*args)``, leaving out additions of 0 and factors of 1."""
    if fn in ("add", "sub") and is_number(args[1], 0):
        return args[0]
    if fn == "add" and is_number(args[0], 0):
        return args[1]
    if fn in ("mul", "div") and is_number(args[1], 1):
        return args[0]
    if fn == "mul" and is_number(args[0], 1):
        return args[1]
    return App(fn, args)


def is_number(expr: Expr, value: int) -> bool:
    """Whether ``expr`` is the scalar constant ``value``."""
    return isinstance(expr, Num) and expr.values.ndim == 0 and bool(expr.values[()] == value)


def variables(expr: Expr) -> tuple[str, ...]:
    """Return the names of the variables in ``expr``, each once, in order of appearance."""
    found: dict[str, None] = {}
    seen: set[int] = set()
    stack = [expr]
    while stack:
        node = stack.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, Var):
            found[node.name] = None
        elif isinstance(node, App):
            stack.extend(reversed(node.args))
    return tuple(found)


def rebuild(
    expr: Expr,
    num: Callable[[Array], Array] | None = None,
    var: Callable[[str], Expr] | None = None,
) -> Expr:
    """Return ``expr`` with every constant array and every variable exchanged."""
    done: dict[int, Expr] = {}

    def visit(node: Expr) -> Expr:
        if id(node) not in done:
            done[id(node)] = change(node)
        return done[id(node)]

    def change(node: Expr) -> Expr:
        if isinstance(node, Num):
            return Num(num(node.values)) if num else node
        if isinstance(node, Var):
            return var(node.name) if var else node
        assert isinstance(node, App)
        return App(node.fn, tuple(visit(arg) for arg in node.args))

    return visit(expr)


def compress(values: Array) -> Array:
    """Return a (pixels, channels) array as (channels,) or () where it does not vary."""
    if values.ndim == 2 and (values == values[:1]).all():
        values = values[0]
    if values.ndim == 1 and (values == values[0]).all():
        out = np.empty((), dtype=values.dtype)
        out[()] = values[0]
        values = out
    return values
