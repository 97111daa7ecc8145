"""Evaluate expressions: in float64 with an error bound, exactly at one element, by direction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from hwgen.frontend import interval
from hwgen.frontend.expr import App, Expr, Num, Var, variables
from hwgen.frontend.functions import EXACT, FUNCTIONS, Floats, Pair
from hwgen.frontend.interval import Interval

_Visit = Callable[[Expr], npt.NDArray[np.int64]]

MIXED = 2
"""Direction of an expression that is not known to rise or fall."""


def approx(
    expr: Expr,
    env: Mapping[str, Pair],
    unit: float = EXACT,
    pick: Callable[[Floats], Floats] | None = None,
) -> Pair:
    """Return values and error bounds, each broadcast as the constants and ``env`` do.

    env : for each variable its values and how far each may be off
    unit : unit roundoff of the arithmetic whose error is bounded (2^-53; 2^-24 for float32)
    pick : applied to constant arrays first, to evaluate some elements only
    """
    done: dict[int, Pair] = {}

    def visit(node: Expr) -> Pair:
        key = id(node)
        if key not in done:
            if isinstance(node, Num):
                value, error = node.approx
                done[key] = (pick(value), pick(error)) if pick and value.ndim else (value, error)
            elif isinstance(node, Var):
                done[key] = env[node.name]
            else:
                assert isinstance(node, App)
                done[key] = FUNCTIONS[node.fn].approx(unit, *(visit(arg) for arg in node.args))
        return done[key]

    return visit(expr)


def exact_at(
    expr: Expr, env: Mapping[str, Fraction], index: tuple[int, ...], bits: int
) -> Interval:
    """Return an interval that holds the real value of one element; a point where it is rational.

    env : value of each variable at this element
    index : the element, for the constants
    bits : precision of what is not rational
    """
    done: dict[int, Interval] = {}

    def visit(node: Expr) -> Interval:
        key = id(node)
        if key not in done:
            if isinstance(node, Num):
                done[key] = interval.point(node.at(index))
            elif isinstance(node, Var):
                done[key] = interval.point(env[node.name])
            else:
                assert isinstance(node, App)
                done[key] = FUNCTIONS[node.fn].exact(bits, *(visit(arg) for arg in node.args))
        return done[key]

    return visit(expr)


def signs(expr: Expr) -> npt.NDArray[np.int64]:
    """Return the sign (-1, 0, 1) of every element of a constant expression."""
    value, error = approx(expr, {})
    found = np.sign(value).astype(np.int64)
    doubtful = ~(np.abs(value) > error) & np.broadcast_to(error > 0, found.shape)
    for index in np.argwhere(doubtful):
        where = tuple(int(i) for i in index)
        found[where] = _exact_sign(expr, where)
    return found


def _exact_sign(expr: Expr, where: tuple[int, ...]) -> int:
    for bits in (128, 512, 2048):
        try:
            low, high = exact_at(expr, {}, where, bits)
        except interval.Undefined:
            continue
        if low == high or low > 0 or high < 0:
            return (low > 0) - (high < 0)
    return 0


def direction(expr: Expr, name: str | None = None) -> npt.NDArray[np.int64]:
    """Return 1 where ``expr`` never falls with its variables, -1 where it never rises.

    0 where it is constant, ``MIXED`` where neither is known; broadcasts as the constants do.
    name : the only variable to consider, the others count as constants; None for all
    """
    done: dict[int, npt.NDArray[np.int64]] = {}

    def visit(node: Expr) -> npt.NDArray[np.int64]:
        if id(node) not in done:
            done[id(node)] = _direction(node, visit, name)
        return done[id(node)]

    return visit(expr)


def _direction(node: Expr, visit: _Visit, name: str | None) -> npt.NDArray[np.int64]:
    if isinstance(node, Var):
        return np.array(1 if name in (None, node.name) else 0)
    if isinstance(node, Num):
        return np.array(0)
    assert isinstance(node, App)
    own = FUNCTIONS[node.fn].direction
    if len(node.args) == 1:
        inner = visit(node.args[0])
        factor = MIXED if own is None else own
        return np.where(inner == 0, 0, _times(inner, np.array(factor)))
    left, right = node.args
    if node.fn in ("mul", "div"):
        if not variables(right):
            return _times(visit(left), signs(right))
        if not variables(left) and node.fn == "mul":
            return _times(visit(right), signs(left))
        return np.array(MIXED if variables(node) else 0)
    a, b = visit(left), visit(right)
    if node.fn == "sub":
        b = _times(b, np.array(-1))
    return np.where(a == 0, b, np.where((b == 0) | (a == b), a, MIXED))


def _times(way: npt.NDArray[np.int64], factor: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    mixed = ((way == MIXED) | (factor == MIXED)) & (way != 0) & (factor != 0)
    return np.where(mixed, MIXED, way * factor)
