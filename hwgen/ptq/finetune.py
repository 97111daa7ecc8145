"""What is continuous in a quantized network learns together, after each layer was fitted alone.

Scales of the filters, biases and BatchNorm's gains and shifts learn by gradient descent to give the
float network's outputs on the calibration data; no labels are needed. Integer weights and
activation steps stay. Moving the codes as well, by a straight-through gradient, made small ternary
networks worse: least squares have left them where a single code changes much.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hwgen.ptq.lockstep import Batches, relative_error
from hwgen.ptq.trace import NORMS, WEIGHTED
from hwgen.train.bake import quantized_layers, set_codes

RATE = 0.01  # of an Adam step


class _Learning(nn.Module):
    """A weight quantizer of fixed codes whose scales learn, in logarithms."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        given = layer.quant_weight()
        self.scale = given.scale.detach().clone()
        self.codes = (given.value.detach() / self.scale).round()
        self.bits = round(float(given.bit_width))
        self.gain = nn.Parameter(torch.zeros_like(self.scale))
        self.int_quant = layer.weight_quant.tensor_quant.int_quant

    def forward(self, weights: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        del weights
        scale, zero = self.scale * self.gain.exp(), torch.zeros(())
        return self.codes * scale, scale, zero, zero + self.bits


def finetune(
    network: nn.Module, teacher: nn.Module, batches: Batches, epochs: int, seed: int
) -> float:
    """Train ``network`` in place to give the outputs of ``teacher``; return its relative error.

    The best epoch is kept, so that the error on ``batches`` never ends above the one before.
    """
    with torch.no_grad():
        wanted = [teacher(batch) for batch in batches]
    layers = [layer for _, layer in quantized_layers(network)]
    learned = _learned(network, layers)
    best, least = [part.detach().clone() for part in learned], _error(network, batches, wanted)
    optimizer = torch.optim.Adam(learned, RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * len(batches))
    generator = torch.Generator().manual_seed(seed)
    for _ in range(epochs):
        for index in torch.randperm(len(batches), generator=generator).tolist():
            lost = (network(batches[index]) - wanted[index]).square().sum()
            optimizer.zero_grad()
            (lost / wanted[index].square().sum().clamp(min=1e-12)).backward()
            optimizer.step()
            schedule.step()
        error = _error(network, batches, wanted)
        if error < least:
            best, least = [part.detach().clone() for part in learned], error
    for part, kept in zip(learned, best, strict=True):
        part.data.copy_(kept)
        part.requires_grad_(False)
    for layer in layers:
        found = layer.weight_quant.tensor_quant
        set_codes(layer, found.codes, found.scale * found.gain.exp(), found.bits)
    return least


def _learned(network: nn.Module, layers: list[nn.Module]) -> list[nn.Parameter]:
    """Return what learns: scales, biases, gains and shifts."""
    network.requires_grad_(False)
    for layer in layers:
        layer.weight_quant.tensor_quant = _Learning(layer)
    found = [layer.weight_quant.tensor_quant.gain for layer in layers]
    for part in network.modules():
        if isinstance(part, (*NORMS, *WEIGHTED)) and part.bias is not None:
            found.append(part.bias.requires_grad_(True))
        if isinstance(part, NORMS):
            found.append(part.weight.requires_grad_(True))
    return found


@torch.no_grad()
def _error(network: nn.Module, batches: Batches, wanted: Batches) -> float:
    return relative_error(wanted, [network(batch) for batch in batches])
