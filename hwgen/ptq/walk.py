"""GPFQ: weights quantized one by one, each correcting what the earlier ones did to the output.

For a neuron ``w`` with inputs ``X`` of the float network and ``Y`` of the quantized one, columns
``X_t`` and ``Y_t``, and ``u_0 = 0``::

    q_t = rule(<Y_t, u_(t-1) + w_t X_t> / |Y_t|^2)        (argument 0 where |Y_t| = 0)
    u_t = u_(t-1) + w_t X_t - q_t Y_t

so that ``u`` ends as ``X w - Y q``. Neurons are independent and walk side by side.

Source: Lybrand, Saab, A greedy algorithm for quantizing neural networks, JMLR 22, 2021; Zhang,
Zhou, Saab, SIAM J. Math. Data Sci. 5(2), 2023.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from hwgen.ptq.alphabet import Rule


class Walk(NamedTuple):
    """Quantized weights (neurons, n) and the rest of the output, ``X w - Y q``, (neurons, m)."""

    weights: Tensor
    rest: Tensor


def walk(x: Tensor, y: Tensor, weights: Tensor, rule: Rule) -> Walk:
    """Walk on the inputs themselves, in float64.

    Parameters
    ----------
    x, y : inputs of the float and of the quantized network, shape (m, n), same rows
    weights : shape (neurons, n)
    rule : arguments (neurons,) to values of the alphabet
    """
    x, y, weights = x.double(), y.double(), weights.double()
    chosen = torch.zeros_like(weights)
    rest = torch.zeros(len(weights), len(x), dtype=torch.float64)
    for t in range(weights.shape[1]):
        target = rest + weights[:, t, None] * x[:, t]
        norm = y[:, t].square().sum()
        argument = target @ y[:, t] / norm if norm > 0 else torch.zeros(len(weights)).double()
        chosen[:, t] = rule(argument)
        rest = target - chosen[:, t, None] * y[:, t]
    return Walk(chosen, rest)


class Grams(NamedTuple):
    """Products of input columns, all that the walk needs of the inputs; float64 (n, n).

    quantized : ``<Y_s, Y_t>``
    mixed : ``<X_s, Y_t>``
    """

    quantized: Tensor
    mixed: Tensor

    @classmethod
    def zeros(cls, n: int) -> Grams:
        return cls(torch.zeros(n, n, dtype=torch.float64), torch.zeros(n, n, dtype=torch.float64))

    @classmethod
    def of(cls, x: Tensor, y: Tensor) -> Grams:
        """Return the products of the columns of ``x`` and ``y``, shape (m, n)."""
        return cls((y.T @ y).double(), (x.T @ y).double())

    def __add__(self, other: object) -> Grams:
        assert isinstance(other, Grams)
        return Grams(self.quantized + other.quantized, self.mixed + other.mixed)


def gram_walk(grams: Grams, weights: Tensor, rule: Rule) -> Tensor:
    """Return the quantized weights of the same walk, from products of columns alone.

    ``<Y_t, u_(t-1) + w_t X_t>`` is ``sum_(s<=t) w_s <X_s, Y_t> - sum_(s<t) q_s <Y_s, Y_t>``; memory
    and time do not depend on the number of rows.
    """
    weights = weights.double()
    pulled = weights @ grams.mixed.triu()
    chosen = torch.zeros_like(weights)
    norms = grams.quantized.diagonal()
    alive = norms > norms.max() * 1e-12
    for t in range(weights.shape[1]):
        if alive[t]:
            pushed = chosen[:, :t] @ grams.quantized[:t, t]
            chosen[:, t] = rule((pulled[:, t] - pushed) / norms[t])
        else:
            chosen[:, t] = rule(torch.zeros(len(weights), dtype=torch.float64))
    return chosen


def gram_error(grams: Grams, weights: Tensor, chosen: Tensor) -> Tensor:
    """Return ``|X w - Y q|^2`` of each neuron, less the part that no choice changes."""
    pulled = (weights.double() @ grams.mixed * chosen).sum(1)
    return (chosen @ grams.quantized * chosen).sum(1) - 2 * pulled
