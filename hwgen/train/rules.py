"""Weight quantization rules as pure functions: float weights to integer codes and scales.

Every rule takes weights of shape ``(M, ...)``, filter by filter along the first axis, and returns
codes of the same shape and scales that broadcast against them: ``(M, 1, ...)`` where each filter
has its own, ``(1, 1, ...)`` where the layer shares one. The quantized weight is ``codes * scale``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

TWN_FACTOR = 0.7


class Coded(NamedTuple):
    """Integer codes (float dtype) and the scales that turn them into weights."""

    codes: Tensor
    scale: Tensor

    @property
    def weights(self) -> Tensor:
        """The quantized weights, ``codes * scale``."""
        return self.codes * self.scale


Rule = Callable[[Tensor, bool], Coded]


def binary(weights: Tensor, per_filter: bool = True) -> Coded:
    """Sign of each weight (0 counts as positive), scaled by the mean absolute weight.

    That scale minimises the squared error of a filter among all ``scale * sign(w)``.
    """
    codes = torch.where(weights < 0, -1.0, 1.0).to(weights.dtype)
    scale = _mean(weights.abs(), torch.ones_like(weights), per_filter)
    return Coded(codes, scale)


def twn(weights: Tensor, per_filter: bool = True) -> Coded:
    """Ternary codes by one threshold per layer, 0.7 of the mean absolute centred weight.

    The mean is removed for the threshold only. A filter's scale is the mean absolute weight above
    the threshold, 0 where there is none.

    Source: Dong et al., Stochastic Quantization, BMVC 2017, as its authors' code applies TWN.
    """
    threshold = TWN_FACTOR * (weights - weights.mean()).abs().mean()
    kept = (weights.abs() > threshold).to(weights.dtype)
    return Coded(kept * weights.sign(), _mean(weights.abs(), kept, per_filter))


def ternary(weights: Tensor, per_filter: bool = True) -> Coded:
    """Ternary codes and scale of least squared error.

    With the absolute weights in falling order, the ``r`` largest are kept, where ``r`` maximises
    ``(sum of the r largest)^2 / r``; the scale is their mean.
    """
    rows = weights.abs().reshape(len(weights) if per_filter else 1, -1)
    ordered, _ = rows.sort(dim=1, descending=True)
    counts = torch.arange(1, rows.shape[1] + 1, dtype=rows.dtype, device=rows.device)
    best = (ordered.cumsum(dim=1).square() / counts).argmax(dim=1, keepdim=True)
    level = ordered.gather(1, best)
    kept = ((rows >= level) & (rows > 0)).to(rows.dtype).reshape(weights.shape)
    return Coded(kept * weights.sign(), _mean(weights.abs(), kept, per_filter))


def _mean(values: Tensor, kept: Tensor, per_filter: bool) -> Tensor:
    """Mean of the kept values per filter or over the layer, keeping axes; 0 where none is kept."""
    axes = tuple(range(1, values.dim())) if per_filter else tuple(range(values.dim()))
    total = (values * kept).sum(dim=axes, keepdim=True)
    return total / kept.sum(dim=axes, keepdim=True).clamp(min=1)


RULES: dict[str, Rule] = {"bwn": binary, "twn": twn, "ternary": ternary}
