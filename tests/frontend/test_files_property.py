"""Random small networks: every code equals exact arithmetic, whatever the parameters."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.frontend.build import MODES, Net, check, frames

COUNT = 40
SCALES = st.one_of(st.sampled_from([0.125, 0.25, 0.5, 1.0]), st.floats(1 / 64, 2, width=32))
ACTIVATIONS = ("", "Relu", "Sigmoid", "Tanh", "LeakyRelu", "Neg", "Abs", "HardTanh", "SiLU")
QUANTIZERS = st.fixed_dictionaries(
    {
        "bits": st.integers(1, 6),
        "signed": st.booleans(),
        "narrow": st.booleans(),
        "mode": st.sampled_from(MODES),
        "zero": st.sampled_from([0, 0, 0, 1, -2, 0.5]),
    }
).filter(lambda q: q["bits"] > 1 or not q["narrow"])
LAYERS = st.fixed_dictionaries(
    {
        "width": st.integers(1, 6),
        "weights": QUANTIZERS,
        "weight_scale": SCALES,
        "per_channel": st.booleans(),
        "bias": st.booleans(),
        "norm": st.sampled_from(["", "batch", "falling", "flat"]),
        "activation": st.sampled_from(ACTIVATIONS),
        "quantizer": QUANTIZERS,
        "scale": SCALES,
    }
)


def layer(net: Net, x: str, inputs: int, of: dict) -> str:
    """Add one layer of ``inputs`` inputs."""
    width = of["width"]
    scale = of["weight_scale"] * (2.0 ** -np.arange(width) if of["per_channel"] else 1.0)
    how = dict(of["weights"])
    x = net.node("MatMul", x, net.weights((inputs, width), how.pop("bits"), scale, **how))
    if of["bias"]:
        x = net.node("Add", x, net.const(net.rng.normal(size=width)))
    if of["norm"]:
        sign = {"batch": 1.0, "falling": -1.0, "flat": 0.0}[of["norm"]]
        gamma = np.where(np.arange(width) % 2, 0.7, sign)
        x = net.node("BatchNormalization", x, *_norm(net, gamma))
    if of["activation"] == "HardTanh":
        x = net.node("Clip", x, net.const(-1), net.const(1))
    elif of["activation"] == "SiLU":
        x = net.node("Mul", x, net.node("Sigmoid", x))
    elif of["activation"]:
        x = net.node(of["activation"], x)
    how = dict(of["quantizer"])
    return net.quant(x, of["scale"], how.pop("bits"), **how)


def _norm(net: Net, gamma: np.ndarray) -> list[str]:
    size = len(gamma)
    rng = net.rng
    parts = (gamma, rng.normal(size=size), rng.normal(size=size), rng.uniform(0.1, 2, size))
    return [net.const(part) for part in parts]


@st.composite
def networks(draw) -> tuple[Net, int, str]:
    net = Net(seed=draw(st.integers(0, 1 << 16)))
    size = draw(st.integers(1, 6))
    how = dict(draw(QUANTIZERS))
    x = net.quant("x", draw(SCALES), how.pop("bits"), **how)
    width = size
    for of in draw(st.lists(LAYERS, min_size=1, max_size=3)):
        x = layer(net, x, width, of)
        width = of["width"]
    return net, size, x


@pytest.fixture(scope="module")
def count(request) -> int:
    return request.config.getoption("--examples") or COUNT


def test_random_networks(count):
    @settings(
        max_examples=count,
        deadline=None,
        derandomize=count == COUNT,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(networks())
    def holds(made: tuple[Net, int, str]) -> None:
        net, size, x = made
        with TemporaryDirectory() as folder:
            check(net.save(Path(folder) / "n.onnx", (1, size), x), frames((size,), 8))

    holds()
