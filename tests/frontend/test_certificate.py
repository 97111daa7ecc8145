"""The certificate must find a network that does not compute its file."""

from dataclasses import replace

import numpy as np
import pytest

from hwgen.frontend import certify, lower
from hwgen.ir import ops
from tests.frontend.build import Net, frames


def network(folder):
    net = Net(seed=7)
    x = net.quant("x", 0.25, 4)
    x = net.batch_norm(net.node("Conv", x, net.weights((4, 2, 3, 3)), name="c"), 4)
    x = net.quant(net.node("Relu", x), 0.3, 3, signed=False, name="act")
    x = net.node("Flatten", net.node("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2]))
    x = net.node("Add", net.dense(x, (16, 3)), net.const([0.1, 0.2, -0.7]))
    return lower(net.save(folder / "n.onnx", (1, 2, 6, 6), x))


def with_op(found, kind, change):
    node = next(n for n in found.graph.nodes if isinstance(n.op, kind))
    return replace(found, graph=found.graph.replace_op(node.name, change(node.op)))


def test_a_right_network_has_no_unexplained_difference(tmp_path):
    certificate = certify(network(tmp_path), frames((2, 6, 6), 8))
    assert certificate.unexplained == 0
    assert {"act", "output"} <= {layer.name for layer in certificate.layers}


@pytest.mark.parametrize("what", ["threshold", "weight"])
def test_a_broken_network_is_found(tmp_path, what):
    def moved(op):
        levels = op.thresholds.copy()
        levels[1] += 3
        return ops.Threshold(levels, op.low, op.bipolar)

    def other_weight(op):
        weights = op.weights.copy()
        weights[1, 0] += 1
        return ops.Mvu(weights)

    good = network(tmp_path)
    kind, change = (ops.Threshold, moved) if what == "threshold" else (ops.Mvu, other_weight)
    certificate = certify(with_op(good, kind, change), frames((2, 6, 6), 8))
    assert certificate.unexplained > 0
    first = certificate.first
    assert (first.layer, first.channel) == ("act", 1)
    assert "integers give" in str(first)


def test_a_wrong_output_is_found(tmp_path):
    good = network(tmp_path)
    last = [n for n in good.graph.nodes if isinstance(n.op, ops.Mvu)][-1]
    weights = last.op.weights.copy()
    weights[2] += 1
    broken = replace(good, graph=good.graph.replace_op(last.name, ops.Mvu(weights)))
    certificate = certify(broken, frames((2, 6, 6), 8))
    assert certificate.first.layer == "output"
    assert certificate.first.channel == 2


def test_a_float32_rounding_is_explained_and_nothing_more(tmp_path):
    """A threshold between float32 neighbours: real arithmetic and float32 differ there."""
    net = Net()
    x = net.quant("x", 1.0, 8)
    x = net.node("Mul", x, net.const(0.1))
    x = net.quant(net.node("Add", x, net.const(0.2)), 0.1, 6, mode="FLOOR", name="act")
    x = net.dense(x, (1, 1), 2, 1.0)
    found = lower(net.save(tmp_path / "n.onnx", (1, 1), x))
    values = np.arange(-128, 128, dtype=np.float32)[:, None]
    certificate = certify(found, values)
    (act,) = [layer for layer in certificate.layers if layer.name == "act"]
    assert 0 < act.differing == act.explained < act.values


def test_a_wrong_choice_is_found(tmp_path):
    net = Net(seed=3)
    x = net.node("MatMul", net.quant("x", 0.25, 4), net.weights((6, 5)), name="scores")
    path = net.save(tmp_path / "n.onnx", (1, 6), net.node("ArgMax", x, axis=1, name="best"))
    good = lower(path)
    assert certify(good, frames((6,), 20)).differing == 0
    swapped = with_op(good, ops.Mvu, lambda op: ops.Mvu(op.weights[::-1].copy()))
    certificate = certify(swapped, frames((6,), 20))
    assert certificate.unexplained > 0
    assert certificate.first.layer == "best"
