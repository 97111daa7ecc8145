"""Small networks the training tests share."""

from __future__ import annotations

import brevitas.nn as qnn
import torch
from torch import Tensor, nn

from hwgen.train.models.layers import activation, input_quant
from hwgen.train.weights import Quantizer, weight_quant

IMAGES = (2, 6, 6)


def dense(bits: int = 2, quantizer: Quantizer = "auto", *, norm: bool = True) -> nn.Module:
    """Two dense layers on 72 inputs, 10 outputs."""
    quant = weight_quant(bits, quantizer)
    blocks: list[nn.Module] = [
        nn.Flatten(),
        input_quant(4),
        qnn.QuantLinear(72, 16, bias=not norm, weight_quant=quant),
    ]
    if norm:
        blocks.append(nn.BatchNorm1d(16))
    blocks += [activation(2), qnn.QuantLinear(16, 10, bias=True, weight_quant=quant)]
    return _calibrated(nn.Sequential(*blocks))


def convolutional(bits: int = 2, quantizer: Quantizer = "auto", *, norm: bool = True) -> nn.Module:
    """A convolution and a dense layer on images of 2x6x6, 10 outputs."""
    quant = weight_quant(bits, quantizer)
    blocks: list[nn.Module] = [
        input_quant(4),
        qnn.QuantConv2d(2, 8, 3, padding=1, stride=2, bias=not norm, weight_quant=quant),
    ]
    if norm:
        blocks.append(nn.BatchNorm2d(8))
    blocks += [
        activation(2),
        nn.Flatten(),
        qnn.QuantLinear(72, 10, bias=True, weight_quant=quant),
    ]
    return _calibrated(nn.Sequential(*blocks))


def images(count: int, seed: int = 0) -> Tensor:
    """Return inputs in 0..1, shape (count, 2, 6, 6)."""
    return torch.rand(count, *IMAGES, generator=torch.Generator().manual_seed(seed))


def _calibrated(model: nn.Module) -> nn.Module:
    model.train()
    for seed in range(3):
        model(images(64, seed))
    return model
