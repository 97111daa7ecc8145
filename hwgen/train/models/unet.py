"""A small U-Net for 32x32 images: a class for every pixel."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hwgen.train.models.layers import activation, conv, input_quant
from hwgen.train.weights import Quantizer


class Stage(nn.Module):
    """A 3x3 convolution and its BatchNorm; the activation is the caller's, who may share it."""

    def __init__(self, inputs: int, outputs: int, bits: int, quantizer: Quantizer) -> None:
        super().__init__()
        self.conv = conv(inputs, outputs, 3, bits, quantizer, padding=1)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x))


class UNet(nn.Module):
    """Two levels down by pooling, two up by repeating pixels, skips joined by concatenation.

    What meets at a concatenation shares one activation, hence one step, so that the convolution
    behind it sums integers of one scale.

    Parameters
    ----------
    weight_bits, act_bits : widths of the inner layers
    edge_bits : weights of the first and the last layer
    width : channels of the first level; deeper ones have twice and four times as many
    """

    def __init__(
        self,
        weight_bits: int = 4,
        act_bits: int = 4,
        edge_bits: int = 8,
        width: int = 16,
        quantizer: Quantizer = "auto",
        classes: int = 4,
    ) -> None:
        super().__init__()
        self.inp = input_quant(8)
        self.down1 = Stage(3, width, edge_bits, "auto")
        self.down2 = Stage(width, 2 * width, weight_bits, quantizer)
        self.deep = Stage(2 * width, 4 * width, weight_bits, quantizer)
        self.narrow2 = Stage(4 * width, 2 * width, weight_bits, quantizer)
        self.up2 = Stage(4 * width, 2 * width, weight_bits, quantizer)
        self.narrow1 = Stage(2 * width, width, weight_bits, quantizer)
        self.up1 = Stage(2 * width, width, weight_bits, quantizer)
        self.act1 = activation(act_bits)
        self.act2 = activation(act_bits)
        self.act_deep = activation(act_bits)
        self.act_up2 = activation(act_bits)
        self.act_up1 = activation(act_bits)
        self.pool = nn.MaxPool2d(2)
        self.repeat = nn.Upsample(scale_factor=2, mode="nearest")
        self.head = conv(width, classes, 1, edge_bits)

    def forward(self, x: Tensor) -> Tensor:
        skip1 = self.act1(self.down1(self.inp(x)))
        skip2 = self.act2(self.down2(self.pool(skip1)))
        deep = self.act_deep(self.deep(self.pool(skip2)))
        side2 = self.act2(self.narrow2(self.repeat(deep)))
        up2 = self.act_up2(self.up2(torch.cat([skip2, side2], dim=1)))
        side1 = self.act1(self.narrow1(self.repeat(up2)))
        up1 = self.act_up1(self.up1(torch.cat([skip1, side1], dim=1)))
        return self.head(up1)
