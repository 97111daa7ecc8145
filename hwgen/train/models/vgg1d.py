"""VGG10 in one dimension, for the modulation classes of RadioML: 1,024 complex samples a frame."""

from __future__ import annotations

from torch import Tensor, nn

from hwgen.train.models.layers import LogitScale, activation, conv1d, input_quant, linear
from hwgen.train.weights import Quantizer

LENGTH = 1024
CONVOLUTIONS = 7
DENSE = (128, 128)


class Vgg1d(nn.Module):
    """Seven convolutions of width 3, each halved by a pooling, then three dense layers.

    The input is two channels, in phase and quadrature, in -1..1, as 8-bit signed codes.

    Parameters
    ----------
    weight_bits, act_bits : widths of every layer
    width : channels of the convolutions
    classes : modulations told apart
    """

    def __init__(
        self,
        weight_bits: int = 4,
        act_bits: int = 4,
        width: int = 64,
        quantizer: Quantizer = "auto",
        classes: int = 24,
    ) -> None:
        super().__init__()
        blocks: list[nn.Module] = [input_quant(8, low=-1.0)]
        inputs = 2
        for _ in range(CONVOLUTIONS):
            blocks += [
                conv1d(inputs, width, 3, weight_bits, quantizer, padding=1),
                nn.BatchNorm1d(width),
                activation(act_bits),
                nn.MaxPool1d(2),
            ]
            inputs = width
        blocks.append(nn.Flatten())
        inputs = width * (LENGTH >> CONVOLUTIONS)
        for outputs in DENSE:
            blocks += [
                linear(inputs, outputs, weight_bits, quantizer),
                nn.BatchNorm1d(outputs),
                activation(act_bits),
            ]
            inputs = outputs
        blocks.append(linear(inputs, classes, weight_bits, quantizer, per_filter=False))
        self.blocks = nn.Sequential(*blocks)
        self.scale = LogitScale(inputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.scale(self.blocks(x))
