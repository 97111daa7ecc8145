"""Step two of TSQ: low-bit weights by least squares, filter by filter side by side.

For inputs ``Y`` (rows) of the quantized prefix and targets ``z`` of each filter, minimise
``|z - alpha Y c|^2`` over integer codes ``c`` within ``+-top`` and ``alpha > 0``. With
``A = Y^T Y`` and ``b = Y^T z`` each coordinate's best code is ``round`` of a quotient, and the best
scale is ``<b, c> / <c, A c>``; taking turns never raises the objective.

Source: Wang et al., Two-step quantization for low-bit neural networks, CVPR 2018.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from hwgen.ptq.scale import qmse_scale
from hwgen.train.rules import ternary


class Fit(NamedTuple):
    """Codes (filters, n), scales (filters,) and objectives (filters,), less ``<z, z>``."""

    codes: Tensor
    scale: Tensor
    objective: Tensor


def objective(gram: Tensor, pull: Tensor, codes: Tensor, scale: Tensor) -> Tensor:
    """Return ``|z - alpha Y c|^2 - <z, z>`` of each filter."""
    return scale**2 * ((codes @ gram) * codes).sum(1) - 2 * scale * (pull * codes).sum(1)


def nearest_codes(weights: Tensor, top: int) -> tuple[Tensor, Tensor]:
    """Return codes and scales (filters,) nearest to float weights: where the descent begins."""
    if top == 1:
        coded = ternary(weights.double())
        scale = coded.scale.reshape(-1)
        return coded.codes, torch.where(scale > 0, scale, 1.0)
    scale = qmse_scale(weights, -top, top)
    return (weights / scale[:, None]).round().clamp(-top, top), scale


def descend(
    gram: Tensor,
    pull: Tensor,
    codes: Tensor,
    scale: Tensor,
    top: int,
    sweeps: int,
) -> Fit:
    """Return the fixed point that coordinate descent reaches from ``codes`` and ``scale``.

    Parameters
    ----------
    gram : ``A`` (n, n)
    pull : ``b`` of each filter, (filters, n)
    sweeps : over all coordinates, at most
    """
    codes = codes.clone()
    scale = refit(gram, pull, codes, scale)
    diagonal = gram.diagonal()
    alive = (diagonal > diagonal.max() * 1e-12).nonzero().flatten().tolist()
    moved = codes @ gram
    for _ in range(sweeps):
        before = codes.clone()
        for j in alive:
            others = moved[:, j] - codes[:, j] * diagonal[j]
            wanted = (pull[:, j] / scale - others) / diagonal[j]
            stay = (wanted - codes[:, j]).abs() <= 0.5 + 1e-12  # a tie is no reason to move
            new = torch.where(stay, codes[:, j], wanted.round().clamp(-top, top))
            moved += (new - codes[:, j])[:, None] * gram[j]
            codes[:, j] = new
        scale = refit(gram, pull, codes, scale)
        if torch.equal(before, codes):
            break
    return Fit(codes, scale, objective(gram, pull, codes, scale))


def refit(gram: Tensor, pull: Tensor, codes: Tensor, scale: Tensor) -> Tensor:
    """Return the best scale of each filter for its codes, the old one where none is positive."""
    best = (pull * codes).sum(1) / ((codes @ gram) * codes).sum(1).clamp(min=1e-300)
    return torch.where(best.isfinite() & (best > 1e-12), best, scale)


def solve(
    gram: Tensor,
    pull: Tensor,
    weights: Tensor,
    top: int,
    *,
    sweeps: int,
    restarts: int,
    generator: torch.Generator,
) -> Fit:
    """Return the best of several descents for each filter; one begins nearest to ``weights``.

    The others begin where a share of the codes is moved by one at random.
    """
    codes, scale = nearest_codes(weights, top)
    best = descend(gram, pull, codes, scale, top, sweeps)
    for _ in range(restarts):
        shake = torch.randint(-1, 2, codes.shape, generator=generator).double()
        other = descend(gram, pull, (best.codes + shake).clamp(-top, top), best.scale, top, sweeps)
        better = other.objective < best.objective
        best = Fit(
            torch.where(better[:, None], other.codes, best.codes),
            torch.where(better, other.scale, best.scale),
            torch.where(better, other.objective, best.objective),
        )
    return best


def relaxed(value: Tensor, target: Tensor, weight: float, top: float) -> Tensor:
    """Return ``z`` of least ``(target - clip(z, 0, top))^2 + weight (z - value)^2``.

    The minimum lies below 0, within ``0..top``, or above; each part has a closed form.
    """
    within = ((weight * value + target) / (weight + 1)).clamp(0, top)
    candidates = torch.stack([value.clamp(max=0), within, value.clamp(min=top)])
    fit = (target - candidates.clamp(0, top)).square() + weight * (candidates - value).square()
    return candidates.gather(0, fit.argmin(0, keepdim=True))[0]
