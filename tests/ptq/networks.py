"""Small float networks the tests of post-training quantization share."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from hwgen.ptq.data import Data
from hwgen.train.data import Samples, load, to_network
from hwgen.train.export import InputConvention

PIXELS = InputConvention(scale="1/16")


class Digits(NamedTuple):
    network: nn.Module
    data: Data


class Residual(nn.Module):
    """Two convolutions, one of them grouped, beside a shortcut of its own."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1, groups=2),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.branch(x) + self.shortcut(x))


def convolutional(width: int = 8) -> nn.Module:
    """Return a small residual network for 8x8 images of one channel."""
    return nn.Sequential(
        nn.Conv2d(1, width, 3, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
        Residual(width, 2 * width),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(2 * width, 10),
    )


def dense(width: int = 32) -> nn.Module:
    """Return three dense layers for 8x8 images."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(64, width, bias=False),
        nn.BatchNorm1d(width),
        nn.ReLU(),
        nn.Linear(width, width),
        nn.ReLU(),
        nn.Linear(width, 10),
    )


def trained_digits(seed: int, network: nn.Module | None = None, epochs: int = 15) -> Digits:
    """Return a network fitted to the digits, convolutional by default, by ``seed``."""
    torch.manual_seed(seed)
    net = convolutional() if network is None else network
    train, test = (load("digits", split, None) for split in ("train", "test"))
    x, y = to_network(train.x, PIXELS), train.y
    optimizer = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    generator = torch.Generator().manual_seed(seed)
    net.train()
    for _ in range(epochs):
        for chosen in torch.randperm(len(x), generator=generator).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(x[chosen]), y[chosen]).backward()
            optimizer.step()
        schedule.step()
    return Digits(net.eval(), Data(train.x[:512], PIXELS, Samples(test.x, test.y)))
