"""Residual networks for 32x32 images: ResNet-8 (as in MLPerf Tiny) and ResNet-20."""

from __future__ import annotations

from torch import Tensor, nn

from hwgen.train.models.layers import (
    LogitScale,
    activation,
    conv,
    input_quant,
    linear,
    signed_activation,
)
from hwgen.train.weights import Quantizer


class Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut.

    The branch is quantized to ``sum_bits`` signed before the Add; the shortcut is the block's input
    as it is, or a strided 1x1 convolution quantized likewise where shape changes. Blocks pass on
    ``trunk_bits`` unsigned; what enters a convolution has ``act_bits``.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        stride: int,
        weight_bits: int,
        act_bits: int,
        sum_bits: int,
        trunk_bits: int,
        quantizer: Quantizer,
    ) -> None:
        super().__init__()
        self.enter = nn.Identity() if trunk_bits == act_bits else activation(act_bits)
        self.branch = nn.Sequential(
            conv(inputs, outputs, 3, weight_bits, quantizer, stride=stride, padding=1),
            nn.BatchNorm2d(outputs),
            activation(act_bits),
            conv(outputs, outputs, 3, weight_bits, quantizer, padding=1),
            nn.BatchNorm2d(outputs),
            signed_activation(sum_bits),
        )
        self.shortcut = None
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                conv(inputs, outputs, 1, weight_bits, quantizer, stride=stride),
                nn.BatchNorm2d(outputs),
                signed_activation(sum_bits),
            )
        self.act = activation(trunk_bits)

    def forward(self, x: Tensor) -> Tensor:
        entered = self.enter(x)
        beside = x if self.shortcut is None else self.shortcut(entered)
        return self.act(self.branch(entered) + beside)


class ResNet(nn.Module):
    """Three groups of residual blocks, global average, class scores.

    Parameters
    ----------
    blocks : residual blocks in each group
    width : channels of the first group; the others have twice and four times as many
    weight_bits, act_bits : widths within the blocks
    sum_bits : width of the signed codes that meet at an Add
    trunk_bits : width of what blocks pass on; ``act_bits`` without it
    edge_bits : weights of the first and the last layer
    """

    def __init__(
        self,
        blocks: int,
        width: int = 16,
        weight_bits: int = 2,
        act_bits: int = 2,
        sum_bits: int = 4,
        edge_bits: int = 8,
        quantizer: Quantizer = "auto",
        classes: int = 10,
        trunk_bits: int | None = None,
    ) -> None:
        super().__init__()
        trunk_bits = trunk_bits or act_bits
        self.stem = nn.Sequential(
            input_quant(8),
            conv(3, width, 3, edge_bits, padding=1),
            nn.BatchNorm2d(width),
            activation(trunk_bits),
        )
        body: list[nn.Module] = []
        channels = width
        for group in range(3):
            for index in range(blocks):
                outputs = width << group
                stride = 2 if group and not index else 1
                body.append(
                    Block(
                        channels,
                        outputs,
                        stride,
                        weight_bits,
                        act_bits,
                        sum_bits,
                        trunk_bits,
                        quantizer,
                    )
                )
                channels = outputs
        self.body = nn.Sequential(*body)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = linear(channels, classes, edge_bits, per_filter=False)
        self.scale = LogitScale(channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.scale(self.head(self.pool(self.body(self.stem(x))).flatten(1)))


def resnet8(
    weight_bits: int = 2,
    act_bits: int = 2,
    sum_bits: int = 4,
    edge_bits: int = 8,
    width: int = 16,
    quantizer: Quantizer = "auto",
    trunk_bits: int | None = None,
) -> ResNet:
    """Return ResNet-8 for CIFAR-10: seven 3x3 convolutions, two 1x1 shortcuts, one dense layer."""
    return ResNet(
        1, width, weight_bits, act_bits, sum_bits, edge_bits, quantizer, trunk_bits=trunk_bits
    )


def resnet20(
    weight_bits: int = 2,
    act_bits: int = 2,
    sum_bits: int = 4,
    edge_bits: int = 8,
    width: int = 16,
    quantizer: Quantizer = "auto",
    trunk_bits: int | None = None,
) -> ResNet:
    """Return ResNet-20 for CIFAR-10."""
    return ResNet(
        3, width, weight_bits, act_bits, sum_bits, edge_bits, quantizer, trunk_bits=trunk_bits
    )
