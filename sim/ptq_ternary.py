"""``python -m sim.ptq_ternary``: TSQ against direct training and naive ternary weights, paired.

A small convolutional network for scikit-learn's digits, all weights ternary and all activations of
two bits. ``trained`` learns with its quantizers from the beginning and as long as the float network
does; the others are made of the float network and 512 of its training digits without labels. The
seeds are fixed here, before any run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from rich.table import Table
from torch import nn

from hwgen.cli import console
from hwgen.ptq import Data, QMSEConfig, TSQConfig, quantize
from hwgen.ptq.config import Config
from hwgen.ptq.floats import Training, accuracy, fit
from hwgen.train.data import Samples, load
from hwgen.train.export import InputConvention
from hwgen.train.models.layers import activation, conv, linear

FIRST_SEED = 200
CALIBRATION = 512
PIXELS = InputConvention(scale="1/16")
TRAINED = "trained"
ARMS: dict[str, Config] = {
    "naive": QMSEConfig(weight_bits=2, act_bits=2, usp=False, bias_correction=False),
    "TSQ": TSQConfig(edge_bits=None),
    "TSQ, 8-bit edges": TSQConfig(),
    "TSQ, finetuned": TSQConfig(edge_bits=None, finetune=10),
}


@dataclass(frozen=True)
class Trial:
    """One network: ``accuracy`` is the share of the test digits classified rightly, 0..1."""

    arm: str
    seed: int
    accuracy: float


def main(
    seeds: Annotated[int, typer.Option("--seeds", help="How many, from 200 on.", min=2)] = 10,
    epochs: Annotated[int, typer.Option("--epochs", min=1)] = 30,
    out: Annotated[Path, typer.Option("--out", help="Folder to write.")] = Path("ptq"),
) -> None:
    """Make every network of every seed; write ``ternary.json`` and ``ternary.md``."""
    torch.set_num_threads(1)  # so small a network loses time on more
    out.mkdir(parents=True, exist_ok=True)
    results: list[Trial] = []
    with console.running(quiet=False) as shown:
        for trial in trials(range(FIRST_SEED, FIRST_SEED + seeds), epochs, out / "ternary.ckpt"):
            results.append(trial)
            shown.step(f"seed {trial.seed}, {trial.arm}: {trial.accuracy:.4f}")
    told = json.dumps([asdict(trial) for trial in results], indent=1)
    (out / "ternary.json").write_text(told + "\n", encoding="utf-8")
    rows = summary(results)
    (out / "ternary.md").write_text(markdown(rows), encoding="utf-8")
    table = Table("Network", "Accuracy %", "over training", "Seeds won", box=None, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    console.out.print(table)


def trials(seeds: range, epochs: int, checkpoint: Path) -> Iterator[Trial]:
    """Train the float and the quantized network of every seed, and quantize the former."""
    train, test = (load("digits", split, Path()) for split in ("train", "test"))
    for seed in seeds:
        plan = Training(epochs, batch_size=64, decay=1e-4, seed=seed)
        for arm, make in (("float", network), (TRAINED, quantized_network)):
            torch.manual_seed(seed)
            net = make()
            fitted(net, train, plan, checkpoint)
            yield Trial(arm, seed, accuracy(net, test, PIXELS))
            if arm == TRAINED:
                continue
            chosen = torch.randperm(len(train.x), generator=torch.Generator().manual_seed(seed))
            data = Data(train.x[chosen[:CALIBRATION]], PIXELS)
            for name, config in ARMS.items():
                found = quantize(net, config, data).network
                yield Trial(name, seed, accuracy(found, test, PIXELS))


def fitted(net: nn.Module, train: Samples, plan: Training, checkpoint: Path) -> None:
    """Train ``net`` in place, from the beginning."""
    checkpoint.unlink(missing_ok=True)
    fit(net, train, PIXELS, plan, checkpoint, lambda epoch, loss: None)
    checkpoint.unlink()


def network() -> nn.Module:
    """Return the untrained float network for 8x8 images."""
    return _stacked(
        lambda inputs, outputs, stride: nn.Conv2d(
            inputs, outputs, 3, stride=stride, padding=1, bias=False
        ),
        nn.ReLU,
        nn.Linear(32, 10),
    )


def quantized_network() -> nn.Module:
    """Return the untrained network of ternary weights and two-bit activations."""
    return _stacked(
        lambda inputs, outputs, stride: conv(
            inputs, outputs, 3, 2, "ternary", stride=stride, padding=1
        ),
        lambda: activation(2),
        linear(32, 10, 2, "ternary"),
    )


def _stacked(
    convolution: Callable[[int, int, int], nn.Module],
    act: Callable[[], nn.Module],
    head: nn.Module,
) -> nn.Module:
    layers: list[nn.Module] = []
    for inputs, outputs, stride in ((1, 16, 1), (16, 32, 2), (32, 32, 2)):
        layers += [convolution(inputs, outputs, stride), nn.BatchNorm2d(outputs), act()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head)


def summary(results: list[Trial]) -> list[tuple[str, str, str, str]]:
    """Return for each network its accuracy, the paired difference to training, and seeds won."""
    by_arm = {
        arm: 100 * np.array([t.accuracy for t in results if t.arm == arm])
        for arm in dict.fromkeys(t.arm for t in results)
    }
    rows: list[tuple[str, str, str, str]] = []
    for arm, shares in by_arm.items():
        apart = shares - by_arm[TRAINED]
        error = apart.std(ddof=1) / len(apart) ** 0.5
        paired = "" if arm == TRAINED else f"{apart.mean():+.2f} ± {error:.2f}"
        won = "" if arm == TRAINED else f"{int((apart > 0).sum())} of {len(apart)}"
        rows.append((arm, f"{shares.mean():.2f} ± {shares.std(ddof=1):.2f}", paired, won))
    return rows


def markdown(rows: list[tuple[str, str, str, str]]) -> str:
    """Return the comparison in Markdown."""
    head = ["| network | accuracy % | over training | seeds won |", "|---|---|---|---|"]
    return "\n".join([*head, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


if __name__ == "__main__":
    with console.ending():
        typer.run(main)
