"""Decide the code of every element: float64 where its error bound decides, exactly elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from hwgen.frontend import interval
from hwgen.frontend.evaluate import approx, exact_at
from hwgen.frontend.expr import Expr
from hwgen.frontend.functions import EXACT, Floats, Pair
from hwgen.frontend.quantizer import Steps

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

PRECISIONS = (96, 256, 1024, 4096)
"""Bits tried in turn; a value still on a boundary after the last one lies on it."""


@dataclass(frozen=True, eq=False)
class Decision:
    """Codes of an array of elements.

    codes : int64
    ties : whether the real value lies exactly where the rounding rule decides
    """

    codes: Ints
    ties: Bools


def decide(
    expr: Expr, steps: Steps, env: Mapping[str, npt.NDArray[np.float64]], shape: tuple[int, ...]
) -> Decision:
    """Return the codes of ``steps(expr)`` for exact variable values of one shape.

    env : float64 arrays (..., channels) taken exactly
    shape : the common shape; constants broadcast against its last axes
    """
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        value, error = _bounded(expr, env, shape, EXACT * 1.01)
        certain, low, high = _bracket(steps, value, error)
        open_ = ~certain | (low != high)
        if open_.any():
            # again where needed, now noticing which operations float64 does without any error
            few = {name: np.broadcast_to(values, shape)[open_] for name, values in env.items()}
            value[open_], error[open_] = _bounded(
                expr, few, (int(open_.sum()),), EXACT, lambda v: np.broadcast_to(v, shape)[open_]
            )
            certain, low, high = _bracket(steps, value, error)
    ties = certain & (error == 0) & steps.edge(np.where(certain, value, 0.0))
    for spot in np.argwhere(~certain | (low != high)):
        where = tuple(int(i) for i in spot)
        inputs = {name: Fraction(float(values[where])) for name, values in env.items()}
        low[where], ties[where] = decide_one(expr, steps, inputs, where)
    return Decision(low, ties)


def _bounded(
    expr: Expr,
    env: Mapping[str, npt.NDArray[np.float64]],
    shape: tuple[int, ...],
    unit: float,
    pick: Callable[[Floats], Floats] | None = None,
) -> Pair:
    pairs = {name: (values, np.zeros((1,) * values.ndim)) for name, values in env.items()}
    value, error = approx(expr, pairs, unit, pick)
    return np.array(np.broadcast_to(value, shape)), np.array(np.broadcast_to(error, shape))


def _bracket(
    steps: Steps, value: npt.NDArray[np.float64], error: npt.NDArray[np.float64]
) -> tuple[Bools, Ints, Ints]:
    certain = np.isfinite(value) & np.isfinite(error)
    if certain.all():
        return certain, steps.codes(value - error), steps.codes(value + error)
    low = steps.codes(np.where(certain, value - error, 0.0))
    return certain, low, steps.codes(np.where(certain, value + error, 0.0))


def decide_one(
    expr: Expr, steps: Steps, env: Mapping[str, Fraction], where: tuple[int, ...]
) -> tuple[int, bool]:
    """Return one element's code and whether it is a tie; ``Undefined`` if it has no value."""
    channel = where[-1]
    low = high = Fraction(0)
    undefined = True
    for bits in PRECISIONS:
        try:
            low, high = exact_at(expr, env, where, bits)
        except interval.Undefined:
            continue
        undefined = False
        if low == high:
            near = np.array([float(low)])
            exact = Fraction(float(low)) == low
            return steps.at(low, channel), exact and bool(steps.edge(near)[0])
        first, last = steps.at(low, channel), steps.at(high, channel)
        if first == last:
            return first, False
    if undefined:
        raise interval.Undefined
    return steps.at(steps.boundary(low, high, channel), channel), True
