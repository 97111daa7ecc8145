"""QMSE: the quantization scale of least mean square error, rounding and clipping told apart.

``q_s(x) = s * clip(round(x / s), low, high)``. The squared error of a value inside ``low..high``
steps is rounding noise, which grows with the scale, outside it is clipping noise, which falls.

The abstract of Feng et al., Computer Engineering and Design 43(5), 2022, names the criterion; the
search is ours. For fixed codes ``c`` the best scale is ``<x, c> / <c, c>`` and leaves the error
``<x, x> - <x, c>^2 / <c, c>``. As the scale falls from infinity, the codes change one at a time, at
``|x_i| / (k - 1/2)``: walking through all these places in order and keeping the greatest
``<x, c>^2 / <c, c>`` finds the global optimum.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

SWEEP_LIMIT = 4_000_000  # places of a row that are walked; beyond, a grid and a fixed point
GRID = 400
GRID_DECADES = 3.0
REFINEMENTS = 50
EXPONENTS = 24


class Noise(NamedTuple):
    """Mean square errors of each row, shape (rows,), float64."""

    rounding: Tensor
    clipping: Tensor

    @property
    def total(self) -> Tensor:
        """The whole error, which is the mean of ``(x - q(x))^2``."""
        return self.rounding + self.clipping


def quantized(x: Tensor, scale: Tensor, low: int, high: int) -> Tensor:
    """Return ``q_s(x)``; ``scale`` broadcasts against ``x``."""
    return (x / scale).round().clamp(low, high) * scale


def noise(x: Tensor, scale: Tensor, low: int, high: int, counts: Tensor | None = None) -> Noise:
    """Return rounding and clipping noise of rows ``x`` (rows, n) at scales (rows,).

    counts : how often each of the n values occurs, shape (n,); once each without it
    """
    x = x.double()
    step = scale.double()[:, None]
    share = torch.ones(x.shape[1], dtype=torch.float64) if counts is None else counts.double()
    share = share / share.sum()
    squares = (x - quantized(x, step, low, high)).square() * share
    inside = (x >= low * step) & (x <= high * step)
    return Noise((squares * inside).sum(1), (squares * ~inside).sum(1))


def max_abs_scale(x: Tensor, low: int, high: int) -> Tensor:
    """Return the least scale of each row that clips nothing, shape (rows,); 1 for a row of zeros.

    Where ``low`` is 0, negative values count for nothing.
    """
    x = x.double()
    reach = x.amax(1).clamp(min=0) / high
    if low:
        reach = torch.maximum(reach, x.amin(1).clamp(max=0) / low)
    return torch.where(reach > 0, reach, torch.ones_like(reach))


def qmse_scale(
    x: Tensor,
    low: int,
    high: int,
    counts: Tensor | None = None,
    *,
    power_of_two: bool = False,
) -> Tensor:
    """Return the scale of least mean square error of each row of ``x`` (rows, n), float64 (rows,).

    The optimum is global where a row has at most ``SWEEP_LIMIT`` places at which a code changes,
    and never worse than the scale that clips nothing.

    Parameters
    ----------
    low, high : codes, ``low <= 0 < high``
    counts : how often each value occurs, shape (n,)
    power_of_two : choose among powers of two alone
    """
    x = x.double()
    share = torch.ones(x.shape[1], dtype=torch.float64) if counts is None else counts.double()
    if power_of_two:
        return _powers(x, low, high, share)
    if x.shape[1] * max(high, -low) <= SWEEP_LIMIT:
        return torch.stack([_swept(row, low, high, share) for row in x])
    return _gridded(x, low, high, share)


def _swept(row: Tensor, low: int, high: int, share: Tensor) -> Tensor:
    size = row.abs()
    bound = torch.where(row > 0, high, -low)
    steps = torch.arange(1, max(high, -low) + 1, dtype=torch.float64)
    reached = (steps <= bound[:, None]) & (size[:, None] > 0) & (share[:, None] > 0)
    places = (size[:, None] / (steps - 0.5))[reached]
    if not len(places):
        return torch.ones((), dtype=torch.float64)
    order = places.argsort(descending=True, stable=True)
    products = (share * size)[:, None].expand(reached.shape)[reached][order].cumsum(0)
    squares = (share[:, None] * (2 * steps - 1))[reached][order].cumsum(0)
    best = (products.square() / squares).argmax()
    return products[best] / squares[best]


def _gridded(x: Tensor, low: int, high: int, share: Tensor) -> Tensor:
    """The best of a geometric grid that ends in the scale without clipping, then a fixed point."""
    widest = max_abs_scale(x, low, high)
    best, least = widest.clone(), noise(x, widest, low, high, share).total
    for factor in torch.logspace(0, -GRID_DECADES, GRID, dtype=torch.float64):
        best, least = _better(x, best, least, widest * factor, low, high, share)
    for _ in range(REFINEMENTS):
        codes = (x / best[:, None]).round().clamp(low, high)
        squares = (codes.square() * share).sum(1)
        refined = torch.where(squares > 0, (x * codes * share).sum(1) / squares, best)
        before = best
        best, least = _better(x, best, least, refined, low, high, share)
        if torch.equal(before, best):
            break
    return best


def _powers(x: Tensor, low: int, high: int, share: Tensor) -> Tensor:
    top = 2.0 ** max_abs_scale(x, low, high).log2().ceil()
    best, least = top.clone(), noise(x, top, low, high, share).total
    for exponent in range(1, EXPONENTS):
        best, least = _better(x, best, least, top * 2.0**-exponent, low, high, share)
    return best


def _better(
    x: Tensor,
    best: Tensor,
    least: Tensor,
    other: Tensor,
    low: int,
    high: int,
    share: Tensor,
) -> tuple[Tensor, Tensor]:
    error = noise(x, other, low, high, share).total
    return torch.where(error < least, other, best), torch.minimum(error, least)


BINS = 2048


def histogram(batches: list[Tensor], bins: int = BINS) -> tuple[Tensor, Tensor]:
    """Return values and counts that stand for all elements of ``batches``.

    Each bin is represented by the mean of what fell into it, so that data on a grid of fewer values
    than bins stay exact. Both have shape (n,), n at most ``bins``, float64.
    """
    low = min(float(batch.min()) for batch in batches)
    high = max(float(batch.max()) for batch in batches)
    width = (high - low) or 1.0
    counts = torch.zeros(bins, dtype=torch.float64)
    sums = torch.zeros(bins, dtype=torch.float64)
    for batch in batches:
        flat = batch.detach().reshape(-1).double()
        place = ((flat - low) * (bins / width)).long().clamp(0, bins - 1)
        counts += torch.bincount(place, minlength=bins)
        sums += torch.bincount(place, weights=flat, minlength=bins)
    kept = counts > 0
    return sums[kept] / counts[kept], counts[kept]
