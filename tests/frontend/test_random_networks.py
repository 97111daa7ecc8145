"""Random small convolutional graphs of every kind of layer against ONNX execution."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwgen.frontend import certify, lower
from tests.frontend.build import MODES, Net, frames

FUNCTIONS = ("Relu", "Sigmoid", "Tanh", "Neg", "LeakyRelu", "HardSigmoid")
LAYERS = ("conv", "depthwise", "pool", "average", "norm", "function", "act", "join", "concat", "up")


class Maker:
    """Draws layers one by one; ``shape`` is (channels, height, width) of the tensor ``x``."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.net = Net(seed=seed)
        self.shape = tuple(int(v) for v in self.rng.integers((1, 4, 4), (4, 8, 8)))
        self.start = self.shape
        self.x = self.quantized("x")
        self.short = True  # whether x holds codes

    def quantized(self, x: str) -> str:
        rng = self.rng
        if rng.random() < 0.15:
            return self.net.node("BipolarQuant", x, self.net.const(rng.uniform(0.1, 1)))
        bits = int(rng.integers(1, 6))
        scale = rng.choice([0.125, 0.25, 0.5]) if rng.random() < 0.4 else rng.uniform(0.05, 0.6)
        how = {"signed": bool(rng.integers(2)), "narrow": bits > 1 and bool(rng.integers(2))}
        zero = int(rng.choice([0, 0, 0, 1, -2, 3]))
        return self.net.quant(x, scale, bits, zero, mode=str(rng.choice(MODES)), **how)

    def weights(self, *shape: int) -> str:
        bits = int(self.rng.integers(1, 5))
        column = (shape[0],) + (1,) * (len(shape) - 1)
        scale = self.rng.uniform(0.05, 0.5, column if self.rng.random() < 0.5 else ())
        return self.net.weights(shape, bits, scale, narrow=bits > 1)

    def act(self) -> None:
        self.x, self.short = self.quantized(self.x), True

    def conv(self, *, depthwise: bool) -> None:
        rng, (c, h, w) = self.rng, self.shape
        if not self.short:
            self.act()
        k = int(rng.integers(1, min(h, w, 3) + 1))
        outputs, groups = (c, c) if depthwise else (int(rng.integers(1, 5)), 1)
        pads = [int(v) for v in rng.integers(0, 2, 4)] if rng.random() < 0.5 else [0] * 4
        stride = int(rng.integers(1, 3))
        bias = [self.net.const(rng.normal(size=outputs))] if rng.random() < 0.5 else []
        kernel = self.weights(outputs, c // groups, k, k)
        self.x = self.net.node(
            "Conv", self.x, kernel, *bias, pads=pads, strides=[stride] * 2, group=groups
        )
        sizes = [(h + pads[0] + pads[2] - k), (w + pads[1] + pads[3] - k)]
        self.shape = (outputs, *(size // stride + 1 for size in sizes))
        self.short = False

    def layer(self, kind: str) -> None:
        net, rng, (c, h, w) = self.net, self.rng, self.shape
        if kind in ("conv", "depthwise"):
            self.conv(depthwise=kind == "depthwise")
        elif kind == "pool" and min(h, w) > 1:
            self.x = net.node("MaxPool", self.x, kernel_shape=[2, 2], strides=[2, 2])
            self.shape = (c, h // 2, w // 2)
        elif kind == "average" and min(h, w) > 1 and self.short:
            self.x = net.node("AveragePool", self.x, kernel_shape=[2, 2], strides=[1, 1])
            self.shape, self.short = (c, h - 1, w - 1), False
        elif kind == "norm":
            self.x, self.short = net.batch_norm(self.x, c), False
        elif kind == "function":
            self.x, self.short = net.node(str(rng.choice(FUNCTIONS)), self.x), False
        elif kind == "act":
            self.act()
        elif kind == "join" and self.short:
            branch = self.quantized(net.node("Conv", self.x, self.weights(c, c, 1, 1)))
            self.x = net.node("Add", branch, self.x)
            self.act()
        elif kind == "concat" and self.short:
            branch = self.quantized(net.node("Conv", self.x, self.weights(2, c, 1, 1)))
            self.x, self.shape = net.node("Concat", self.x, branch, axis=1), (c + 2, h, w)
            self.act()
        elif kind == "up" and max(h, w) < 8:
            how = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
            self.x = net.node("Resize", self.x, "", net.const([1.0, 1.0, 2.0, 2.0]), **how)
            self.shape = (c, 2 * h, 2 * w)

    def save(self, path: Path) -> Path:
        self.conv(depthwise=False)
        self.act()
        if self.rng.random() < 0.6:
            size = int(np.prod(self.shape))
            columns = self.net.node("Transpose", self.weights(3, size), perm=[1, 0])
            self.x = self.net.node("MatMul", self.net.node("Flatten", self.x), columns)
            if self.rng.random() < 0.4:
                self.x = self.net.node("ArgMax", self.x, axis=1)
        return self.net.save(path, (1, *self.start), self.x)


def agrees(folder: Path, seed: int, layers: list[str]) -> None:
    maker = Maker(seed)
    for kind in layers:
        maker.layer(kind)
    network = lower(maker.save(folder / "n.onnx"))
    certificate = certify(network, frames(maker.start, 2, seed=seed))
    assert certificate.unexplained == 0, str(certificate.first)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(seed=st.integers(0, 1 << 30), layers=st.lists(st.sampled_from(LAYERS), max_size=7))
def test_random_network(tmp_path_factory, seed, layers):
    agrees(tmp_path_factory.getbasetemp(), seed, layers)


@pytest.mark.slow
@settings(max_examples=600, deadline=None)
@given(seed=st.integers(0, 1 << 30), layers=st.lists(st.sampled_from(LAYERS), max_size=10))
def test_many_random_networks(tmp_path_factory, seed, layers):
    agrees(tmp_path_factory.getbasetemp(), seed, layers)
