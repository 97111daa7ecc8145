"""The values a quantized weight may take, and the rules that choose one of them.

An alphabet is ``{0, +-delta, ..., +-levels * delta}``. With ``b`` bits, hardware holds
``2^(b-1) - 1`` levels on either side; the published alphabet has ``2^(b-1)``, which takes one bit
more.

Source: Zhang, Zhou, Saab, Post-training quantization for neural networks with provable guarantees,
SIAM J. Math. Data Sci. 5(2), 2023, and its authors' code for the constants and the sparse rules.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Levels = Literal["hardware", "published"]
Rule = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Alphabet:
    """Step and number of levels on either side of zero.

    delta : the step, float64 scalar or one per neuron, shape (neurons,)
    """

    delta: Tensor
    levels: int

    def nearest(self, x: Tensor) -> Tensor:
        """Return the nearest value, ``floor(x / delta + 1/2)`` steps: a tie goes up."""
        return self._value((x / self.delta + 0.5).floor())

    def stochastic(self, generator: torch.Generator) -> Rule:
        """Return the rule that rounds up or down at random, unbiased within the range."""

        def rule(x: Tensor) -> Tensor:
            noise = torch.rand(x.shape, generator=generator, dtype=x.dtype)
            return self._value((x / self.delta + noise).floor())

        return rule

    def soft(self, threshold: float) -> Rule:
        """Return the sparse rule that shrinks towards zero by ``threshold``, then rounds."""

        def rule(x: Tensor) -> Tensor:
            return self.nearest(x.sign() * (x.abs() - threshold).clamp(min=0))

        return rule

    def hard(self, threshold: float) -> Rule:
        """Return the sparse rule that drops what lies within ``threshold``.

        The other levels are spread evenly from ``threshold`` to the largest, which stays. They are
        no multiples of one step: no single integer grid holds them.
        """

        def rule(x: Tensor) -> Tensor:
            step = self.delta - threshold / self.levels
            steps = ((x.abs() - threshold) / step + 0.5).floor().clamp(0, self.levels)
            return torch.where(x.abs() <= threshold, 0.0, x.sign() * (threshold + step * steps))

        return rule

    def _value(self, codes: Tensor) -> Tensor:
        return codes.clamp(-self.levels, self.levels) * self.delta


def levels_of(bits: int, levels: Levels) -> int:
    """Return the levels on either side of zero that ``bits`` name."""
    return 2 ** (bits - 1) - (levels == "hardware")


def radius(weights: Tensor, percentile: float) -> Tensor:
    """Return the mean over neurons of the quantile of absolute weights; weights (neurons, n)."""
    return weights.double().abs().quantile(percentile, dim=1).mean()
