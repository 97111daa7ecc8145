"""CNV: the VGG-like network of BNN-PYNQ for 32x32 images, convolutions without padding."""

from __future__ import annotations

from torch import Tensor, nn

from hwgen.train.models.layers import LogitScale, activation, conv, input_quant, linear
from hwgen.train.weights import Quantizer

CHANNELS = ((64, False), (64, True), (128, False), (128, True), (256, False), (256, False))
DENSE = (512, 512)


class Cnv(nn.Module):
    """Six 3x3 convolutions with two poolings, three dense layers; 8-bit signed input in -1..1.

    Parameters
    ----------
    weight_bits, act_bits : widths of every layer
    quantizer : rule of the weights
    """

    def __init__(
        self,
        weight_bits: int = 1,
        act_bits: int = 1,
        quantizer: Quantizer = "auto",
        classes: int = 10,
    ) -> None:
        super().__init__()
        features: list[nn.Module] = [input_quant(8, low=-1.0)]
        inputs = 3
        for outputs, pooled in CHANNELS:
            features += [
                conv(inputs, outputs, 3, weight_bits, quantizer),
                nn.BatchNorm2d(outputs),
                activation(act_bits),
            ]
            if pooled:
                features.append(nn.MaxPool2d(2))
            inputs = outputs
        dense: list[nn.Module] = [nn.Flatten()]
        for outputs in DENSE:
            dense += [
                linear(inputs, outputs, weight_bits, quantizer),
                nn.BatchNorm1d(outputs),
                activation(act_bits),
            ]
            inputs = outputs
        dense.append(linear(inputs, classes, weight_bits, quantizer, per_filter=False))
        self.features = nn.Sequential(*features)
        self.dense = nn.Sequential(*dense)
        self.scale = LogitScale(inputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.scale(self.dense(self.features(x)))
