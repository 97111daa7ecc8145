"""Which weights stochastic quantization quantizes in one step: errors, probabilities, draws.

Source: Dong et al., Stochastic Quantization, BMVC 2017. ``law`` tells the two readings apart:
``paper`` draws the *quantized* units with weights that fall with the error, ``reference`` (the
authors' code) draws the units that stay *real* with weights that grow with it.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

Law = Literal["paper", "reference"]
Function = Literal["constant", "linear", "softmax", "sigmoid"]
Unit = Literal["filter", "element"]

EPSILON = 1e-7
_NEVER = 1e-300  # stands for probability zero, so that ties among such units stay random


def unit_errors(weights: Tensor, quantized: Tensor, unit: Unit) -> Tensor:
    """Return each unit's relative L1 error, float64 on the CPU; 0 where all its weights are 0.

    A unit is a filter, shape ``(M,)``, or a single weight, shape ``(elements,)``.
    """
    rows = weights.detach().double().cpu().reshape(len(weights), -1)
    others = quantized.detach().double().cpu().reshape(len(weights), -1)
    off, size = (rows - others).abs(), rows.abs()
    if unit == "filter":
        off, size = off.sum(1), size.sum(1)
    else:
        off, size = off.reshape(-1), size.reshape(-1)
    return torch.where(size > 0, off / size.clamp(min=_NEVER), torch.zeros_like(off))


def quantized_count(units: int, ratio: float) -> int:
    """Return how many of ``units`` are quantized at ``ratio``; what does not divide rounds up."""
    return units - math.floor((1 - ratio) * units + 1e-9)


def log_weights(errors: Tensor, law: Law, function: Function) -> Tensor:
    """Return the logarithm of each unit's drawing weight, up to a constant.

    The score is ``1 / (error + 1e-7)`` under the law ``paper`` and the error under ``reference``;
    the weight is constant, the score itself, its softmax or its sigmoid.
    """
    score = 1 / (errors + EPSILON) if law == "paper" else errors
    if function == "constant":
        return torch.zeros_like(score)
    if function == "linear":
        return score.clamp(min=_NEVER).log()
    if function == "softmax":
        return score
    return torch.nn.functional.logsigmoid(score)


def draw(logs: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Return a bool mask of ``count`` units drawn one after another without replacement.

    ``logs`` has shape ``(..., units)``; leading axes are independent draws. Adding Gumbel noise to
    the log weights and taking the largest is the same law as drawing in sequence and renormalising
    after each draw.
    """
    uniform = torch.rand(logs.shape, generator=generator, dtype=torch.float64)
    noise = -torch.log(-torch.log(uniform.clamp(min=_NEVER)))
    chosen = (logs + noise).topk(count, dim=-1).indices
    return torch.zeros(logs.shape, dtype=torch.bool).scatter_(-1, chosen, True)


def quantized_mask(
    errors: Tensor, ratio: float, law: Law, function: Function, generator: torch.Generator
) -> Tensor:
    """Return the bool mask of the units that are quantized, of ``errors``' shape."""
    units = errors.numel()
    count = quantized_count(units, ratio)
    logs = log_weights(errors, law, function)
    if law == "paper":
        return draw(logs, count, generator)
    return ~draw(logs, units - count, generator)
