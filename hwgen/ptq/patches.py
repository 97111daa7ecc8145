"""The rows a weight layer multiplies: inputs of a dense layer, patches of a convolution."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hwgen.ptq.walk import Grams

Weighted = nn.Linear | nn.Conv1d | nn.Conv2d
CHUNK = 32  # images whose patches exist at a time


@dataclass(frozen=True)
class Sampling:
    """Which patches of a convolution take part.

    share : of an image's patches, drawn with replacement, the same in both networks; 1 takes all
    apart : patches that do not overlap (stride as wide as the kernel), as the authors' code takes
        them, instead of the convolution's own stride
    """

    share: float = 1.0
    apart: bool = False


def rows(layer: Weighted, x: Tensor, apart: bool = False) -> Tensor:
    """Return what ``layer`` multiplies, shape (images, positions, groups, n).

    ``n`` counts as in a row of ``layer.weight``: channels of the group, then the kernel.
    """
    if isinstance(layer, nn.Linear):
        return x.reshape(len(x), -1, 1, x.shape[-1])
    flat = isinstance(layer, nn.Conv1d)
    if flat:
        x = x.unsqueeze(2)
    kernel = _pair(layer.kernel_size, 1) if flat else layer.kernel_size
    stride = _pair(layer.stride, 1) if flat else layer.stride
    columns = nn.functional.unfold(
        nn.functional.pad(x, _padding(layer)),
        kernel,
        dilation=_pair(layer.dilation, 1) if flat else layer.dilation,
        stride=kernel if apart else stride,
    )
    return columns.transpose(1, 2).unflatten(2, (layer.groups, -1))


def weight_rows(layer: Weighted) -> Tensor:
    """Return the weights by group, shape (groups, neurons, n), float64."""
    groups = 1 if isinstance(layer, nn.Linear) else layer.groups
    return layer.weight.detach().double().reshape(groups, len(layer.weight) // groups, -1)


def pairs(
    layer: Weighted,
    x: list[Tensor],
    y: list[Tensor],
    sampling: Sampling,
    generator: torch.Generator,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield the same rows of both networks' inputs, chunk by chunk, each (groups, m, n)."""
    for given, other in zip(x, y, strict=True):
        for a, b in zip(given.split(CHUNK), other.split(CHUNK), strict=True):
            left, right = (rows(layer, part, sampling.apart) for part in (a, b))
            if sampling.share < 1:
                positions = left.shape[1]
                count = int(sampling.share * positions + 1)
                drawn = torch.randint(positions, (len(left), count), generator=generator)
                image = torch.arange(len(left))[:, None]
                left, right = left[image, drawn], right[image, drawn]
            yield tuple(part.flatten(0, 1).transpose(0, 1) for part in (left, right))


def grams(
    layer: Weighted,
    x: list[Tensor],
    y: list[Tensor],
    sampling: Sampling,
    generator: torch.Generator,
) -> list[Grams]:
    """Return the products of input columns, summed over all rows, for each group."""
    n = weight_rows(layer).shape[2]
    totals = [Grams.zeros(n) for _ in weight_rows(layer)]
    for left, right in pairs(layer, x, y, sampling, generator):
        totals = [total + Grams.of(a, b) for total, a, b in zip(totals, left, right, strict=True)]
    return totals


def _pair(value: tuple[int, ...], first: int) -> tuple[int, int]:
    return (first, value[0])


def _padding(layer: nn.Conv1d | nn.Conv2d) -> list[int]:
    """Return the zeros on each side as ``torch.nn.functional.pad`` wants them, 2-D."""
    sides = list(layer._reversed_padding_repeated_twice)
    return [*sides, 0, 0] if isinstance(layer, nn.Conv1d) else sides
