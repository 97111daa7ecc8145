"""A typed door to ``scipy.optimize.milp``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from scipy import optimize, sparse

FloatArray = npt.NDArray[np.float64]

# Integers up to which the optimum is exact; beyond, it is within a share of it.
_EXACT, _GAP = 400, 0.01


@dataclass(frozen=True, eq=False)
class Rule:
    """``low <= row @ x <= high`` for each row; missing columns to the right are zero."""

    rows: sparse.csr_array
    low: float | FloatArray
    high: float | FloatArray


def matrix(values: object) -> sparse.csr_array:
    """Return dense or sparse ``values`` as a sparse matrix."""
    return sparse.csr_array(cast(Any, values))


def beside(*parts: object) -> sparse.csr_array:
    """Return matrices of equally many rows joined side by side."""
    return matrix(sparse.hstack([matrix(part) for part in parts]))


def minimise(
    prices: FloatArray,
    rules: Sequence[Rule],
    *,
    whole: int,
    upper: FloatArray,
    exact: bool = True,
) -> FloatArray | None:
    """Return the ``x`` of least ``prices @ x`` with ``0 <= x <= upper``, None if there is none.

    whole : the first so many variables are integers
    exact : whether any ``x`` within the rules will do where not
    """
    integrality = np.zeros(len(prices))
    integrality[:whole] = 1
    untyped = cast(Any, optimize)
    constraints: list[Any] = []
    for rule in rules:
        missing = len(prices) - cast(Any, rule.rows).shape[1]
        empty = sparse.csr_array((cast(Any, rule.rows).shape[0], missing))
        rows = beside(rule.rows, empty) if missing else rule.rows
        constraints.append(untyped.LinearConstraint(rows, rule.low, rule.high))
    result = untyped.milp(
        prices,
        integrality=integrality,
        bounds=untyped.Bounds(np.zeros(len(prices)), upper),
        constraints=constraints,
        options={"mip_rel_gap": (0.0 if whole <= _EXACT else _GAP) if exact else np.inf},
    )
    return None if result.x is None else np.asarray(result.x, dtype=np.float64)
