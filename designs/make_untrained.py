"""Write the designs whose weights are untrained: seeded, with activations alive on real data.

Run it with the names of designs as arguments, all without. Images are crops of scikit-learn's two
sample photographs, both CC BY; the modulated signals are made here.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_sample_images
from torch import Tensor, nn

from hwgen.train.acts import StepQuant
from hwgen.train.data import Samples, to_network
from hwgen.train.export import InputConvention, finalize_export
from hwgen.train.models import build_model
from hwgen.train.publish import SAMPLES, write_samples

DESIGNS = Path(__file__).resolve().parent
PHOTOGRAPHS = "crops of scikit-learn's sample photographs china.jpg and flower.jpg (CC BY 2.0)"
SIGNALS = "modulated signals with noise, made by designs/make_untrained.py"
UNIT = InputConvention()
CENTRED = InputConvention(mean=("0.5",), std=("0.5",))
CODES = InputConvention(type="int8", scale="1/128")
CALIBRATION = 512


@dataclass(frozen=True)
class Design:
    """A network of ``hwgen.train.models`` and the data it is calibrated on."""

    model: str
    options: dict[str, int] = field(default_factory=dict)
    convention: InputConvention = UNIT
    signals: bool = False


ALL = {
    "cnv_w1a1": Design("cnv", {"weight_bits": 1, "act_bits": 1}, CENTRED),
    "cnv_w2a2": Design("cnv", {"weight_bits": 2, "act_bits": 2}, CENTRED),
    "mobilenet_w4a4": Design("mobilenet", {"weight_bits": 4, "act_bits": 4}),
    "vgg10_radioml_w4a4": Design("vgg1d", {"weight_bits": 4, "act_bits": 4}, CODES, signals=True),
    "unet_w4a4": Design("unet", {"weight_bits": 4, "act_bits": 4}),
}


def photographs(count: int, rng: np.random.Generator) -> Tensor:
    """Return crops of 96x96 pixels, averaged to uint8 (count, 3, 32, 32)."""
    pictures = load_sample_images().images
    crops = []
    for index in range(count):
        picture = pictures[index % len(pictures)]
        top = rng.integers(0, picture.shape[0] - 96)
        left = rng.integers(0, picture.shape[1] - 96)
        crop = picture[top : top + 96, left : left + 96].astype(np.float64)
        crops.append(crop.reshape(32, 3, 32, 3, 3).mean(axis=(1, 3)).round())
    return torch.from_numpy(np.stack(crops).astype(np.uint8).transpose(0, 3, 1, 2).copy())


def signals(count: int, rng: np.random.Generator) -> Tensor:
    """Return int8 (count, 2, 1024): phase- and amplitude-modulated carriers, 8 samples a symbol."""
    frames = []
    for index in range(count):
        points = 2 ** (1 + index % 4)
        phase = 2 * np.pi * (rng.integers(0, points, 128) + rng.random()) / points
        level = rng.choice([0.5, 1.0], 128) if index % 2 else np.ones(128)
        symbols = np.repeat(level * np.exp(1j * phase), 8)
        drift = np.exp(2j * np.pi * rng.uniform(-0.01, 0.01) * np.arange(1024))
        noise = rng.normal(0, 0.2, (2, 1024))
        wave = 0.7 * symbols * drift
        frames.append(np.stack([wave.real, wave.imag]) * 0.7 + 0.3 * noise)
    codes = np.clip(np.round(np.stack(frames) * 128), -128, 127)
    return torch.from_numpy(codes.astype(np.int8))


def make(name: str) -> None:
    """Build, calibrate, export and describe one design."""
    design = ALL[name]
    rng = np.random.default_rng(1)
    stored = (signals if design.signals else photographs)(CALIBRATION + SAMPLES, rng)
    inputs = to_network(stored, design.convention)
    torch.manual_seed(1)
    model = build_model({"name": design.model, **design.options})
    calibrate(model, inputs[:CALIBRATION])
    folder = DESIGNS / name
    folder.mkdir(exist_ok=True)
    finalize_export(
        model, folder / "model.onnx", inputs[CALIBRATION:], convention=design.convention
    )
    data = SIGNALS if design.signals else PHOTOGRAPHS
    samples = Samples(stored[CALIBRATION:], torch.full((SAMPLES,), -1))
    write_samples(
        folder / "model.onnx", samples, design.convention, folder / "samples.npz", name=data
    )
    told = {
        "accuracy": None,
        "weights": "untrained, seed 1; BatchNorm calibrated",
        "data": data,
        "model": {"name": design.model, **design.options},
        "command": f"python designs/make_untrained.py {name}",
    }
    (folder / "expected.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def calibrate(model: nn.Module, inputs: Tensor) -> None:
    """Let every BatchNorm take its statistics from ``inputs``; vary scales, shifts and steps.

    Untrained ones are all alike, which no trained network's are.
    """
    for step in (m for m in model.modules() if isinstance(m, StepQuant)):
        with torch.no_grad():
            step.step *= float(torch.empty(()).uniform_(0.8, 1.25))
    norms = [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        nn.init.uniform_(norm.weight, 0.6, 1.4)
        nn.init.uniform_(norm.bias, -0.4, 0.4)
        with torch.no_grad():
            norm.weight[::7] *= -1
        norm.momentum = None
    model.train()
    with torch.no_grad():
        for _ in range(2):
            for norm in norms:
                norm.reset_running_stats()
            for batch in inputs.split(128):
                model(batch)
    model.eval()


if __name__ == "__main__":
    for chosen in sys.argv[1:] or ALL:
        make(chosen)
