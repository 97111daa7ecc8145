"""A depthwise-separable network for 32x32 images, after MobileNet."""

from __future__ import annotations

from torch import Tensor, nn

from hwgen.train.models.layers import LogitScale, activation, conv, input_quant, linear
from hwgen.train.weights import Quantizer

# channels behind each separable block, and the stride of its depthwise convolution
BLOCKS = ((32, 1), (64, 2), (64, 1), (128, 2), (128, 1))


class MobileNet(nn.Module):
    """Stem, five blocks of depthwise 3x3 and pointwise convolution, global average, class scores.

    Parameters
    ----------
    width : channels behind the stem
    weight_bits, act_bits : widths within the blocks
    edge_bits : weights of the first and the last layer
    """

    def __init__(
        self,
        weight_bits: int = 4,
        act_bits: int = 4,
        edge_bits: int = 8,
        width: int = 16,
        quantizer: Quantizer = "auto",
        classes: int = 10,
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            input_quant(8),
            conv(3, width, 3, edge_bits, padding=1),
            nn.BatchNorm2d(width),
            activation(act_bits),
        )
        body: list[nn.Module] = []
        inputs = width
        for outputs, stride in BLOCKS:
            body += [
                conv(
                    inputs,
                    inputs,
                    3,
                    weight_bits,
                    quantizer,
                    stride=stride,
                    padding=1,
                    groups=inputs,
                ),
                nn.BatchNorm2d(inputs),
                activation(act_bits),
                conv(inputs, outputs, 1, weight_bits, quantizer),
                nn.BatchNorm2d(outputs),
                activation(act_bits),
            ]
            inputs = outputs
        self.body = nn.Sequential(*body)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = linear(inputs, classes, edge_bits, per_filter=False)
        self.scale = LogitScale(inputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.scale(self.head(self.pool(self.body(self.stem(x))).flatten(1)))
