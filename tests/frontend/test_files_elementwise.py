"""Arithmetic between a product and the next quantizer: chains, norms, activation functions."""

import numpy as np
import pytest

from tests.frontend.build import Net, check, frames

CHAINS = {
    "bias": [("Add", 1, [0.3, -0.2, 0.1, 0.7])],
    "from constant": [("Sub", 0, 1.5), ("Mul", 1, [2, -3, 0.3, 1])],
    "input scaling": [("Mul", 1, 2.0), ("Sub", 1, 1.0), ("Div", 1, 0.3)],
    "all": [("Div", 1, -0.7), ("Add", 0, 0.25), ("Sub", 0, [1, 2, -1, 0]), ("Mul", 0, -0.5)],
    "scalar shapes": [("Mul", 1, [[0.5]]), ("Add", 1, [0.1]), ("Sub", 1, [[1, 2, 3, 4]])],
    "zeros": [("Mul", 1, [0, 1, 0, -1]), ("Add", 1, [0.1, 0.2, 0.3, -0.4])],
}


@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("place", ["input", "middle", "end"])
def test_chains_of_constants(tmp_path, chain, place):
    net = Net(seed=18)

    def chained(x):
        for op, position, value in CHAINS[chain]:
            names = [x, net.const(value)]
            x = net.node(op, *(names if position else names[::-1]))
        return x

    x = net.quant(chained("x") if place == "input" else "x", 0.25, 4)
    x = net.dense(x, (4, 4))
    x = net.quant(chained(x) if place == "middle" else x, 0.25, 3)
    x = net.dense(x, (4, 4))
    x = chained(x) if place == "end" else x
    check(net.save(tmp_path / "n.onnx", (1, 4), x), frames((4,)))


@pytest.mark.parametrize("op", ["Pow", "Sqrt"])
def test_norm_spelled_out(tmp_path, op):
    """Old exporters write 1 / sqrt(var + eps) as nodes on constants."""
    net = Net(seed=19)
    x = net.dense(net.quant("x", 0.25, 4), (6, 4))
    var = net.node("Add", net.const(net.rng.uniform(0.1, 2, 4)), net.const(1e-5))
    spread = net.node("Pow", var, net.const(0.5)) if op == "Pow" else net.node("Sqrt", var)
    x = net.node("Div", net.node("Sub", x, net.const(net.rng.normal(size=4))), spread)
    check(net.save(tmp_path / "n.onnx", (1, 6), net.quant(x, 0.25, 4)), frames((6,)))


@pytest.mark.parametrize("signs", [(-1, -1, -1, -1), (1, -1, 1, -1), (0, 1, -0.5, 0)])
@pytest.mark.parametrize("bits", [1, 2, 6])
def test_falling_and_constant_channels(tmp_path, signs, bits):
    net = Net(seed=20)
    x = net.dense(net.quant("x", 0.25, 4), (6, 4))
    parts = (np.array(signs) * 0.8, [0.1, 0.2, -0.3, 0.6], [0.5, -1, 0, 2], [1, 2, 0.5, 0.1])
    x = net.node("BatchNormalization", x, *map(net.const, parts))
    x = net.quant(x, 0.25, bits)
    x = net.dense(x, (4, 3))
    check(net.save(tmp_path / "n.onnx", (1, 6), x), frames((6,)))


ACTIVATIONS = {
    "Sigmoid": {},
    "Tanh": {},
    "Relu": {},
    "LeakyRelu": {"alpha": 0.1},
    "HardSigmoid": {"alpha": 0.25},
    "Elu": {},
    "Abs": {},
    "Neg": {},
    "Floor": {},
    "Sign": {},
}


@pytest.mark.parametrize("op", [*ACTIVATIONS, "SiLU", "HardTanh", "PRelu", "ReLU6"])
@pytest.mark.parametrize("bits", [2, 5])
def test_activations(tmp_path, op, bits):
    net = Net(seed=21)
    x = net.dense(net.quant("x", 0.25, 4), (6, 4))
    x = net.batch_norm(x, 4)
    if op == "SiLU":
        x = net.node("Mul", x, net.node("Sigmoid", x))
    elif op == "HardTanh":
        x = net.node("Clip", x, net.const(-1), net.const(1))
    elif op == "ReLU6":
        x = net.node("Min", net.const(6), net.node("Max", x, net.const(0)))
    elif op == "PRelu":
        x = net.node("PRelu", x, net.const([0.1, -0.2, 0, 1.5]))
    else:
        x = net.node(op, x, **ACTIVATIONS[op])
    x = net.quant(x, 0.125, bits, signed=op not in ("Relu", "ReLU6"), mode="FLOOR")
    x = net.dense(x, (4, 3))
    check(net.save(tmp_path / "n.onnx", (1, 6), x), frames((6,)))


@pytest.mark.parametrize("opset", [9, 13])
def test_limits_that_are_infinite(tmp_path, opset):
    net = Net(seed=35, opset=opset)
    x = net.dense(net.quant("x", 0.25, 4), (6, 4))
    if opset == 9:
        x = net.node("Clip", x, min=-0.5, max=float("inf"))
        x = net.node("Clip", x, max=1.0)
    else:
        x = net.node("Clip", x, net.const(-0.5), net.const(np.inf))
        x = net.node("Clip", x, net.const(-np.inf), net.const(1.0))
        x = net.node("Clip", x, "", net.const(0.9))
    x = net.quant(x, 0.125, 4)
    check(net.save(tmp_path / "n.onnx", (1, 6), x), frames((6,)))


@pytest.mark.parametrize("op", ["Greater", "GreaterOrEqual", "Less", "LessOrEqual"])
def test_comparisons(tmp_path, op):
    """A sign written as ``where(x > t, 1, -1)``; ties at the threshold."""
    net = Net(seed=36)
    x = net.dense(net.quant("x", 0.25, 4), (6, 4), 3, 0.5)
    chosen = net.node("Where", net.node(op, x, net.const(0.25)), net.const(1.0), net.const(-1.0))
    x = net.dense(net.quant(chosen, 1.0, 2), (4, 3))
    check(net.save(tmp_path / "n.onnx", (1, 6), x), frames((6,)))


def test_square_and_its_root(tmp_path):
    net = Net(seed=37)
    x = net.dense(net.quant("x", 0.25, 4), (6, 4))
    x = net.node("Sqrt", net.node("Mul", x, x))
    x = net.quant(net.node("Pow", x, net.const(2.0)), 0.25, 4, signed=False)
    check(net.save(tmp_path / "n.onnx", (1, 6), x), frames((6,)))
