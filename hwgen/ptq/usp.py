"""USP: mean and variance of BatchNorm taken anew, on the activations of the quantized network.

The moments are those of the whole calibration set: ``E[x]`` and ``E[x^2]`` are accumulated, not the
variances of batches, which fall short by what the batches' means differ.

What is stored in the float network need not be the moments of the calibration set: training may
have seen other data, or noise and clipping that are gone. Then moments alone undo more than
quantization did, and the network no longer computes what it was trained to. ``match`` moves the
stored statistics by the difference between float and quantized network on the same data instead.

The abstract of Feng et al., Computer Engineering and Design 43(5), 2022, names the method; how the
moments are taken is ours.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import torch
from torch import Tensor, nn

from hwgen.ptq.errors import CalibrationError
from hwgen.ptq.trace import NORMS

Order = Literal["sequential", "together"]
Norm = nn.BatchNorm1d | nn.BatchNorm2d


class Moments:
    """Mean and variance of each channel (axis 1) over everything that is added, in float64."""

    def __init__(self) -> None:
        self.count = 0
        self.sum = torch.zeros(())
        self.squares = torch.zeros(())
        self._shift: Tensor | None = None

    def add(self, x: Tensor) -> None:
        """Take the values of one batch in."""
        flat = x.detach().double().transpose(0, 1).flatten(1)
        if self._shift is None:
            self._shift = flat.mean(1)  # near the mean, so that the squares lose no digits
        flat = flat - self._shift[:, None]
        self.count += flat.shape[1]
        self.sum = self.sum + flat.sum(1)
        self.squares = self.squares + flat.square().sum(1)

    @classmethod
    def of(cls, batches: Iterable[Tensor]) -> Moments:
        """Return the moments of all ``batches`` together."""
        made = cls()
        for batch in batches:
            made.add(batch)
        return made

    @property
    def mean(self) -> Tensor:
        """Population mean of each channel, float64."""
        assert self._shift is not None
        return self.sum / self.count + self._shift

    @property
    def variance(self) -> Tensor:
        """Population variance of each channel, float64."""
        return (self.squares / self.count - (self.sum / self.count).square()).clamp(min=0)

    def store(self, norm: Norm) -> None:
        """Write population mean and variance into the buffers of ``norm``; nothing else changes."""
        norm.running_mean.copy_(self.mean)
        norm.running_var.copy_(self.variance)


def match(norm: Norm, wanted: Moments, got: Moments) -> None:
    """Move the statistics of ``norm`` so that its outputs keep their mean and variance.

    With the stored ``m`` and ``v``, inputs of mean ``m_w`` and variance ``v_w`` come out at some
    mean and variance. Inputs of ``m_g`` and ``v_g`` do too with ``m_g - (m_w - m) r`` and
    ``v r^2``, where ``r^2 = v_g / v_w``; every variance counts with the norm's epsilon added. Where
    ``m`` and ``v`` are the moments wanted, the result is the moments got.

    Parameters
    ----------
    wanted, got : moments of the norm's input in the float and in the quantized network
    """
    ratio = (got.variance + norm.eps) / (wanted.variance + norm.eps)
    mean = got.mean - (wanted.mean - norm.running_mean) * ratio.sqrt()
    variance = (norm.running_var + norm.eps) * ratio - norm.eps
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance.clamp(min=0))


@torch.no_grad()
def reestimate(model: nn.Module, batches: Iterable[Tensor], order: Order = "sequential") -> None:
    """Replace the statistics of every BatchNorm in ``model`` by those of ``batches``, in place.

    The rest of the model runs in evaluation mode: quantizers keep their scales, dropout is off.

    Parameters
    ----------
    order : ``sequential`` takes a pass for each norm, in the order they are called, so that each
        sees what the final network gives it; ``together`` takes a single pass, in which the norms
        use the statistics of each batch

    Raises
    ------
    CalibrationError
        there are no batches
    """
    data = list(batches)
    if not data:
        raise CalibrationError("no calibration batches: give at least one")
    model.eval()
    norms = _called(model, data[0])
    if order == "sequential":
        for norm in norms:
            for found, moments in _gathered(model, data, [norm]).items():
                moments.store(found)
        return
    kept = [(norm, norm.momentum) for norm in norms]
    for norm in norms:
        norm.train()
        norm.momentum = 0.0
    gathered = _gathered(model, data, norms)
    for norm, momentum in kept:
        norm.eval()
        norm.momentum = momentum
        gathered[norm].store(norm)


class _Enough(Exception):  # noqa: N818 -- no error
    """Ends a pass behind the last module of interest."""


def _called(model: nn.Module, batch: Tensor) -> list[Norm]:
    order: list[Norm] = []
    norms = [part for part in model.modules() if isinstance(part, NORMS)]
    hooks = [norm.register_forward_pre_hook(lambda part, _: order.append(part)) for norm in norms]
    model(batch)
    for hook in hooks:
        hook.remove()
    return order


def _gathered(model: nn.Module, data: list[Tensor], norms: list[Norm]) -> dict[Norm, Moments]:
    found = {norm: Moments() for norm in norms}

    def note(norm: Norm, given: tuple[Tensor]) -> None:
        found[norm].add(given[0])
        if len(norms) == 1:
            raise _Enough

    hooks = [norm.register_forward_pre_hook(note) for norm in norms]
    try:
        for batch in data:
            try:
                model(batch)
            except _Enough:
                continue
    finally:
        for hook in hooks:
            hook.remove()
    return found
