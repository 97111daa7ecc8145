"""Write the small exported networks of ``tests/frontend/data``; run by hand."""

from collections.abc import Callable
from pathlib import Path

import brevitas.nn as qnn
import numpy as np
import torch
from brevitas.inject import ExtendedInjector
from brevitas.quant import (
    Int8ActPerTensorFloat,
    Int8WeightPerChannelFloat,
    Int32Bias,
    ShiftedUint8ActPerTensorFloat,
)
from torch import Tensor, nn

from hwgen.train.data import Samples, load, to_network
from hwgen.train.export import InputConvention, finalize_export
from hwgen.train.models.layers import activation, input_quant, linear

CONVENTION = InputConvention(scale="1/16")
OUT = Path(__file__).resolve().parents[1] / "frontend" / "data"


def _weights(bits: int) -> type[ExtendedInjector]:
    return Int8WeightPerChannelFloat.let(bit_width=bits)


class Tiny(nn.Module):
    """Float bias, per-channel scales, BatchNorm, 3 and 4 bit, a ternary middle layer."""

    def __init__(self) -> None:
        super().__init__()
        self.flatten = nn.Flatten()
        self.inp = input_quant(4)
        self.fc1 = qnn.QuantLinear(64, 24, bias=True, weight_quant=_weights(3))
        self.bn1 = nn.BatchNorm1d(24)
        self.act1 = activation(3)
        self.fc2 = linear(24, 16, 2)
        self.bn2 = nn.BatchNorm1d(16)
        self.act2 = activation(2)
        self.fc3 = qnn.QuantLinear(16, 10, bias=True, weight_quant=_weights(4))

    def forward(self, x: Tensor) -> Tensor:
        x = self.inp(self.flatten(x))
        x = self.act1(self.bn1(self.fc1(x)))
        return self.fc3(self.act2(self.bn2(self.fc2(x))))


class Bipolar(nn.Module):
    """One bit everywhere; the input is moved to -1..1 inside the network."""

    def __init__(self) -> None:
        super().__init__()
        self.flatten = nn.Flatten()
        self.inp = input_quant(1)
        self.fc1 = linear(64, 16, 1)
        self.bn1 = nn.BatchNorm1d(16)
        self.act1 = activation(1)
        self.fc2 = linear(16, 10, 1)
        self.bn2 = nn.BatchNorm1d(10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.inp(self.flatten(x * 2 - 1))
        return self.bn2(self.fc2(self.act1(self.bn1(self.fc1(x)))))


class Biased(nn.Module):
    """8-bit input, with a zero point or not; W4, W8, W3; biases float or integer."""

    def __init__(
        self,
        bias_quant: type[ExtendedInjector] | None = None,
        input_act: type[ExtendedInjector] = Int8ActPerTensorFloat,
    ) -> None:
        super().__init__()
        self.flatten = nn.Flatten()
        self.inp = qnn.QuantIdentity(act_quant=input_act, return_quant_tensor=True)
        self.fc1 = qnn.QuantLinear(
            64, 24, bias=True, weight_quant=_weights(4), bias_quant=bias_quant
        )
        self.bn1 = nn.BatchNorm1d(24)
        self.act1 = qnn.QuantReLU(bit_width=4, return_quant_tensor=True)
        self.fc2 = qnn.QuantLinear(
            24, 16, bias=True, weight_quant=_weights(8), bias_quant=bias_quant
        )
        self.act2 = qnn.QuantReLU(bit_width=6, return_quant_tensor=True)
        self.fc3 = qnn.QuantLinear(
            16, 10, bias=True, weight_quant=_weights(3), bias_quant=bias_quant
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.inp(self.flatten(x))
        x = self.act1(self.bn1(self.fc1(x)))
        return self.fc3(self.act2(self.fc2(x)))


JOBS: list[tuple[Callable[[], nn.Module], list[tuple[str, str, str]]]] = [
    (Tiny, [("tiny_dynamo", "dynamo", "qonnx"), ("tiny_torchscript", "torchscript", "qonnx")]),
    (
        Bipolar,
        [
            ("tiny_bipolar_dynamo", "dynamo", "qonnx"),
            ("tiny_bipolar_torchscript", "torchscript", "qonnx"),
        ],
    ),
    (
        Biased,
        [
            ("tiny_qcdq_dynamo", "dynamo", "qcdq"),
            ("tiny_qcdq_torchscript", "torchscript", "qcdq"),
            ("tiny_8bit_dynamo", "dynamo", "qonnx"),
        ],
    ),
    (lambda: Biased(Int32Bias), [("tiny_qcdq_bias_torchscript", "torchscript", "qcdq")]),
    (
        lambda: Biased(input_act=ShiftedUint8ActPerTensorFloat),
        [
            ("tiny_zero_point_dynamo", "dynamo", "qonnx"),
            ("tiny_zero_point_qcdq", "dynamo", "qcdq"),
        ],
    ),
]


def fit(model: nn.Module, samples: Samples, steps: int = 300) -> None:
    """Train ``model`` a little on the digits."""
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    inputs = to_network(samples.x, CONVENTION)
    for _ in range(steps):
        chosen = torch.randint(len(inputs), (64,))
        loss = nn.functional.cross_entropy(model(inputs[chosen]) * 4, samples.y[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def main() -> None:
    train, test = (load("digits", split, Path()) for split in ("train", "test"))
    test = test.first(16)
    inputs = to_network(test.x, CONVENTION)
    for make, files in JOBS:
        torch.manual_seed(7)
        model = make()
        fit(model, train)
        model.eval()
        with torch.no_grad():
            scores = model(inputs).numpy()
        for name, exporter, dialect in files:
            finalize_export(
                model,
                OUT / f"{name}.onnx",
                inputs,
                convention=CONVENTION,
                exporter=exporter,
                dialect=dialect,
            )
            np.savez_compressed(
                OUT / f"{name}.npz",
                x=inputs.numpy(),
                x_uint8=test.x.numpy(),
                y_out=scores,
                label=test.y.numpy(),
            )


if __name__ == "__main__":
    main()
