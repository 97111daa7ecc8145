"""Does stochastic quantization help? A paired comparison on the digits, seeds fixed beforehand.

A deep, narrow residual network, all weights quantized and activations float, is trained in four
stages of equal length by each method from the same initial weights on the same batches. The
baseline quantizes all weights in all four stages, so that every method has the same budget.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from hwgen.train.callback import SQCallback
from hwgen.train.data import load, to_network
from hwgen.train.export import InputConvention
from hwgen.train.models.layers import conv, linear
from hwgen.train.weights import Quantizer

PIXELS = InputConvention(scale="1/16")
CHANNELS = 8
BLOCK_STRIDES = (1, 1, 2, 1, 2, 1)
TRAINING = 500  # samples; the other digits of scikit-learn's are the test set
BATCH = 50
RATE = 0.1
BASELINE = "plain"
ARMS = {
    BASELINE: {"schedule": "plain"},
    "paper law": {"law": "paper"},
    "reference law": {"law": "reference"},
    "uniform": {"function": "constant"},
}


class Residual(nn.Module):
    """Two 3x3 convolutions beside a shortcut, which is strided where they are."""

    def __init__(self, bits: int, quantizer: Quantizer, stride: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            conv(CHANNELS, CHANNELS, 3, bits, quantizer, stride=stride, padding=1),
            nn.BatchNorm2d(CHANNELS),
            nn.ReLU(),
            conv(CHANNELS, CHANNELS, 3, bits, quantizer, padding=1),
            nn.BatchNorm2d(CHANNELS),
        )
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.branch(x) + x[:, :, :: self.stride, :: self.stride])


def network(quantizer: Quantizer, seed: int) -> nn.Module:
    """Return the network of fourteen weight layers, initial weights by ``seed``."""
    torch.manual_seed(seed)
    bits = 1 if quantizer == "bwn" else 2
    return nn.Sequential(
        conv(1, CHANNELS, 3, bits, quantizer, padding=1),
        nn.BatchNorm2d(CHANNELS),
        nn.ReLU(),
        *[Residual(bits, quantizer, stride) for stride in BLOCK_STRIDES],
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        linear(CHANNELS, 10, bits, quantizer),
    )


@dataclass(frozen=True)
class Trial:
    """One training: ``accuracy`` is the share of the test digits classified rightly, 0..1."""

    arm: str
    quantizer: str
    seed: int
    accuracy: float


@dataclass(frozen=True)
class Comparison:
    """One method against the baseline over all seeds, in percentage points.

    mean, deviation : of the method's accuracy
    difference, error : mean paired difference and its standard error
    wins : seeds on which the method is strictly better
    """

    arm: str
    quantizer: str
    seeds: int
    mean: float
    deviation: float
    difference: float
    error: float
    wins: int


def trials(quantizer: Quantizer, seeds: range, epochs: int) -> Iterator[Trial]:
    """Train every arm on every seed, ``epochs`` epochs a stage."""
    torch.set_num_threads(1)  # so small a network loses time on more
    parts = [load("digits", split, Path()) for split in ("train", "test")]
    x = to_network(torch.cat([part.x for part in parts]), PIXELS)
    y = torch.cat([part.y for part in parts])
    for seed in seeds:
        order = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed))
        train, test = order[:TRAINING], order[TRAINING:]
        for arm, settings in ARMS.items():
            model = network(quantizer, seed)
            _fit(model, x[train], y[train], SQCallback(epochs, seed=seed, **settings), seed)
            with torch.no_grad():
                hits = (model.eval()(x[test]).argmax(1) == y[test]).float().mean()
            yield Trial(arm, quantizer, seed, float(hits))


def _fit(model: nn.Module, x: Tensor, y: Tensor, sq: SQCallback, seed: int) -> None:
    optimizer = torch.optim.SGD(model.parameters(), RATE, momentum=0.9, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, sq.epochs[0])
    generator = torch.Generator().manual_seed(seed)
    sq.start(model, optimizer, schedule)
    model.train()
    for epoch in range(sq.total_epochs):
        sq.start_epoch(epoch)
        for chosen in torch.randperm(len(x), generator=generator).split(BATCH):
            sq.start_step()
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x[chosen]), y[chosen]).backward()
            optimizer.step()
        schedule.step()
    sq.finish()


def compared(results: list[Trial]) -> list[Comparison]:
    """Return every arm against the baseline, quantizer by quantizer, paired by seed."""
    told = []
    for quantizer in dict.fromkeys(trial.quantizer for trial in results):
        by_arm = {
            arm: {t.seed: t.accuracy for t in results if (t.arm, t.quantizer) == (arm, quantizer)}
            for arm in ARMS
        }
        base = by_arm[BASELINE]
        for arm, found in by_arm.items():
            values = 100 * np.array([found[seed] for seed in base])
            differences = values - 100 * np.array(list(base.values()))
            told.append(
                Comparison(
                    arm,
                    quantizer,
                    len(base),
                    float(values.mean()),
                    _deviation(values),
                    float(differences.mean()),
                    _deviation(differences) / math.sqrt(len(base)),
                    int((differences > 0).sum()),
                )
            )
    return told


def _deviation(values: np.ndarray) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else 0.0
