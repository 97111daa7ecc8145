"""Float networks of the shapes this project quantizes, and a plain way to train them.

They hold nothing but torch's own layers, as a user's network would: what becomes of the weights is
the quantizer's business.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn

from hwgen.train.data import Augment, Batches, Samples, to_network
from hwgen.train.errors import TrainingError
from hwgen.train.export import InputConvention

Told = Callable[[int, float], None]


class FloatBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut, a strided 1x1 convolution where shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.branch(x) + self.shortcut(x))


class FloatResNet(nn.Module):
    """ResNet-8 for 32x32 images, as in MLPerf Tiny: 16, 32 and 64 channels, one block each."""

    def __init__(self, width: int = 16, classes: int = 10) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()
        )
        self.body = nn.Sequential(
            FloatBlock(width, width, 1),
            FloatBlock(width, 2 * width, 2),
            FloatBlock(2 * width, 4 * width, 2),
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(4 * width, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.pool(self.body(self.stem(x))).flatten(1))


def resnet8(width: int = 16) -> nn.Module:
    """Return the float ResNet-8 for CIFAR-10."""
    return FloatResNet(width)


def mlp(sizes: Sequence[int]) -> nn.Module:
    """Return dense layers with BatchNorm and ReLU between; ``sizes`` from inputs to classes."""
    layers: list[nn.Module] = [nn.Flatten()]
    for inputs, outputs in pairwise(sizes[:-1]):
        layers += [nn.Linear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(sizes[-2], sizes[-1]))


def tfc() -> nn.Module:
    """Return the float 784-64-64-64-10 network."""
    return mlp((784, 64, 64, 64, 10))


def lfc() -> nn.Module:
    """Return the float 784-1024-1024-1024-10 network."""
    return mlp((784, 1024, 1024, 1024, 10))


def kws() -> nn.Module:
    """Return the float 490-256-256-256-12 keyword network."""
    return mlp((490, 256, 256, 256, 12))


@dataclass(frozen=True)
class Training:
    """How a float network is trained: stochastic gradient descent, one cycle of the rate.

    rate : greatest learning rate, reached after a fifth of all steps, then down to zero
    halves : multiply in bfloat16, weights stay float32; faster where the processor has it
    """

    epochs: int
    rate: float = 0.1
    batch_size: int = 128
    decay: float = 5e-4
    augment: Augment = "none"
    halves: bool = False
    seed: int = 0


def fit(
    network: nn.Module,
    samples: Samples,
    convention: InputConvention,
    training: Training,
    checkpoint: Path,
    told: Told,
) -> None:
    """Train ``network`` in place; an interrupted training goes on from ``checkpoint``.

    told : called after each epoch with its number and mean loss

    Raises
    ------
    TrainingError
        the loss is not a number
    """
    batches = Batches(
        samples,
        convention,
        training.batch_size,
        seed=training.seed,
        augment=training.augment,
    )
    optimizer = torch.optim.SGD(
        network.parameters(), training.rate, momentum=0.9, weight_decay=training.decay
    )
    total = len(batches) * training.epochs
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _cycle(step / total))
    begin = _resumed(checkpoint, network, optimizer, schedule)
    for epoch in range(begin, training.epochs):
        batches.set_epoch(epoch)
        told(epoch, _epoch(network, batches, optimizer, schedule, training.halves))
        state = {
            "epoch": epoch + 1,
            "network": network.state_dict(),
            "optimizer": optimizer.state_dict(),
            "schedule": schedule.state_dict(),
        }
        draft = checkpoint.with_suffix(".draft")
        torch.save(state, draft)
        draft.replace(checkpoint)
    network.eval()


def _epoch(
    network: nn.Module,
    batches: Batches,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LambdaLR,
    halves: bool,
) -> float:
    network.train()
    losses = []
    for x, y in batches:
        x = x.contiguous(memory_format=torch.channels_last) if x.dim() == 4 else x
        with torch.autocast("cpu", torch.bfloat16, enabled=halves):
            loss = nn.functional.cross_entropy(network(x), y)
        if not torch.isfinite(loss):
            raise TrainingError(f"loss is {loss.item()}; lower the learning rate")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(float(loss.detach()))
    return sum(losses) / len(losses)


def _cycle(done: float) -> float:
    """Return the factor on the rate after the share ``done`` of all steps."""
    if done < 0.2:
        return 0.05 + 0.95 * done / 0.2
    return 0.5 * (1 + math.cos(math.pi * min((done - 0.2) / 0.8, 1.0)))


def _resumed(
    checkpoint: Path,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LambdaLR,
) -> int:
    if not checkpoint.is_file():
        return 0
    state = torch.load(checkpoint, weights_only=True)
    network.load_state_dict(state["network"])
    optimizer.load_state_dict(state["optimizer"])
    schedule.load_state_dict(state["schedule"])
    return int(state["epoch"])


def accuracy(network: nn.Module, samples: Samples, convention: InputConvention) -> float:
    """Return the share of ``samples`` that ``network`` classifies rightly, 0..1."""
    network.eval()
    hits = 0
    with torch.no_grad():
        for x, y in zip(samples.x.split(500), samples.y.split(500), strict=True):
            hits += int((network(to_network(x, convention)).flatten(1).argmax(1) == y).sum())
    return hits / len(samples)
