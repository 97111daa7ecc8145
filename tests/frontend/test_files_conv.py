"""Convolutional files: windows, groups, pools, branches, layouts; float32 is exact here."""

import numpy as np
import pytest

from hwgen.errors import UnsupportedError
from hwgen.frontend import InputOptions, certify, lower
from hwgen.ir import ops
from tests.frontend.build import Net, frames
from tests.frontend.execution import check_exact, kinds
from tests.frontend.layers import act, conv, started

GEOMETRIES = [
    {},
    {"strides": [2, 2]},
    {"pads": [1, 1, 1, 1]},
    {"pads": [0, 2, 1, 0], "strides": [1, 2]},
    {"dilations": [2, 1], "pads": [2, 1, 2, 1]},
    {"auto_pad": "SAME_UPPER", "strides": [2, 2]},
    {"auto_pad": "SAME_LOWER", "strides": [2, 2]},
    {"auto_pad": "VALID"},
]


@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("group", [1, 2, 4])
def test_convolution(tmp_path, geometry, group):
    net, x = started(seed=group)
    x = conv(net, x, (4, 4 // group, 3, 3), group=group, **geometry)
    x = act(net, x)
    x = conv(net, x, (3, 4, 1, 1))
    path = net.save(tmp_path / "n.onnx", (1, 4, 7, 6), x)
    network = check_exact(path, frames((4, 7, 6), 4))
    op = {1: "Mvu", 2: "GroupedMvu", 4: "Vvu"}[group]
    assert op in kinds(network)


def test_bias_batch_norm_and_channel_multiplier(tmp_path):
    net, x = started()
    weights = net.weights((6, 1, 3, 3), 3, 0.25)
    x = net.node("Conv", x, weights, net.const(np.arange(6) / 8 - 0.25), group=3)
    x = act(net, net.node("Mul", x, net.const(np.array([1, -1, 2, 0.5, -2, 1]).reshape(6, 1, 1))))
    x = conv(net, x, (2, 6, 1, 1))
    network = check_exact(net.save(tmp_path / "n.onnx", (1, 3, 6, 6), x), frames((3, 6, 6), 4))
    assert any(isinstance(node.op, ops.GroupedMvu) for node in network.graph.nodes)


@pytest.mark.parametrize("pads", [[0, 0], [1, 2]])
def test_one_dimension(tmp_path, pads):
    net, x = started()
    x = act(net, conv(net, x, (4, 3, 3), strides=[2], pads=pads))
    x = net.node("MaxPool", x, kernel_shape=[2], strides=[1])
    x = net.node("Flatten", x)
    size = 4 * (6 if any(pads) else 4)
    path = net.save(tmp_path / "n.onnx", (1, 3, 12), net.dense(x, (size, 3)))
    check_exact(path, frames((3, 12), 4))


def test_bipolar_data_with_padding_becomes_two_bits(tmp_path):
    net = Net()
    x = net.node("BipolarQuant", "x", net.const(0.5))
    x = act(net, conv(net, x, (4, 3, 3, 3), pads=[1, 1, 1, 1]))
    x = conv(net, x, (2, 4, 1, 1))
    network = check_exact(net.save(tmp_path / "n.onnx", (1, 3, 5, 5), x), frames((3, 5, 5), 4))
    window = network.graph.types[network.graph.nodes[0].name]
    assert (window.low, window.high, window.bipolar) == (-1, 1, False)


def test_zero_point_stands_for_zero_in_padding(tmp_path):
    net, x = started(zero=3, bits=3, signed=False)
    x = act(net, conv(net, x, (4, 3, 3, 3), pads=[1, 1, 1, 1]))
    x = conv(net, x, (2, 4, 1, 1))
    check_exact(net.save(tmp_path / "n.onnx", (1, 3, 5, 5), x), frames((3, 5, 5), 4))


def test_padding_without_a_code_for_zero_is_diagnosed(tmp_path):
    net, x = started(zero=0.5)
    x = conv(net, x, (4, 3, 3, 3), pads=[1, 1, 1, 1])
    path = net.save(tmp_path / "n.onnx", (1, 3, 5, 5), act(net, x))
    with pytest.raises(UnsupportedError, match="padding needs the number 0"):
        lower(path)


@pytest.mark.parametrize("ceil", [0, 1])
@pytest.mark.parametrize("pads", [[0, 0, 0, 0], [1, 0, 0, 1]])
def test_max_pool_before_and_behind_the_quantizer(tmp_path, ceil, pads):
    how = {"kernel_shape": [2, 3], "strides": [2, 2], "pads": pads, "ceil_mode": ceil}
    net, x = started()
    x = conv(net, x, (4, 3, 3, 3))
    x = net.node("Mul", x, net.const(np.array([1, -1, 2, 0.5]).reshape(4, 1, 1)))  # one falls
    x = act(net, net.node("MaxPool", x, **how))
    x = conv(net, net.node("MaxPool", x, kernel_shape=[2, 1]), (2, 4, 1, 1))
    network = check_exact(net.save(tmp_path / "n.onnx", (1, 3, 9, 9), x), frames((3, 9, 9), 4))
    for node in network.graph.nodes:
        if isinstance(node.op, ops.MaxPool):
            assert network.graph.types[node.name].bits <= 4  # pools run on codes


def test_max_pool_of_two_uses(tmp_path):
    net, x = started()
    pooled = net.node("MaxPool", conv(net, x, (4, 3, 3, 3)), kernel_shape=[2, 2])
    left = act(net, pooled)
    right = net.quant(net.node("Neg", pooled), 0.5, 3)  # falls: the pool cannot move behind it
    x = net.quant(net.node("Add", left, right), 0.25, 4)
    x = conv(net, x, (2, 4, 1, 1))
    check_exact(net.save(tmp_path / "n.onnx", (1, 3, 7, 7), x), frames((3, 7, 7), 4))


@pytest.mark.parametrize("node", ["AveragePool", "GlobalAveragePool", "ReduceMean", "padded"])
def test_averages(tmp_path, node):
    net, x = started()
    x = act(net, conv(net, x, (4, 3, 3, 3)))
    if node == "AveragePool":
        x = net.node(node, x, kernel_shape=[2, 2], strides=[2, 2])
    elif node == "padded":
        x = net.node("AveragePool", x, kernel_shape=[2, 2], pads=[1, 1, 1, 1], count_include_pad=1)
    elif node == "ReduceMean":
        x = net.node(node, x, axes=[2, 3], keepdims=1)
    else:
        x = net.node(node, x)
    x = conv(net, net.quant(x, 0.25, 4), (2, 4, 1, 1))
    check_exact(net.save(tmp_path / "n.onnx", (1, 3, 6, 6), x), frames((3, 6, 6), 4))


def test_global_average_straight_into_a_dense_layer(tmp_path):
    net, x = started()
    x = net.node("GlobalAveragePool", act(net, conv(net, x, (4, 3, 3, 3))))
    x = net.dense(net.node("Flatten", x), (4, 3))
    network = check_exact(net.save(tmp_path / "n.onnx", (1, 3, 6, 6), x), frames((3, 6, 6), 4))
    assert kinds(network)[-2:] == ["SumPool", "Mvu"]


@pytest.mark.parametrize("version", [1, 2])
def test_truncated_average(tmp_path, version):
    net, x = started()
    x = act(net, conv(net, x, (4, 3, 3, 3)), bits=4, scale=0.25)
    x = net.node("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = net.node("Mul", x, net.const(4.0))
    bits = [net.const(6.0), net.const(4.0)]
    if version == 2:
        bits = [bits[0], net.const(1.0), bits[1]]
        how = {"signed": 0, "narrow": 0}
    else:
        how = {}
    x = net.node("Trunc", x, net.const(0.25), net.const(0.0), *bits, rounding_mode="FLOOR", **how)
    x = conv(net, x, (2, 4, 1, 1))
    check_exact(net.save(tmp_path / "n.onnx", (1, 3, 6, 6), x), frames((3, 6, 6), 4))


@pytest.mark.parametrize("group", [1, 2])
def test_transposed_convolution(tmp_path, group):
    net, x = started()
    x = act(net, conv(net, x, (4, 3, 1, 1)))
    x = net.node(
        "ConvTranspose",
        x,
        net.weights((4, 4 // group, 3, 3), 3, 0.25),
        group=group,
        strides=[2, 2],
        pads=[1, 1, 0, 1],
        output_padding=[1, 0],
    )
    x = conv(net, act(net, x), (2, 4, 1, 1))
    network = check_exact(net.save(tmp_path / "n.onnx", (1, 3, 5, 5), x), frames((3, 5, 5), 4))
    assert "ZeroInsert" in kinds(network)


def test_explicit_padding_with_a_value(tmp_path):
    net, x = started()
    x = act(net, conv(net, x, (4, 3, 1, 1)))
    x = net.node("Pad", x, net.ints(0, 0, 1, 0, 0, 0, 2, 1), net.const(0.5))
    x = conv(net, x, (2, 4, 3, 3))
    check_exact(net.save(tmp_path / "n.onnx", (1, 3, 5, 5), x), frames((3, 5, 5), 4))


@pytest.mark.parametrize("last", [False, True])
def test_flatten_in_either_layout(tmp_path, last):
    net, x = started()
    x = act(net, conv(net, x, (4, 3, 3, 3)))
    if last:
        x = net.node("Transpose", x, perm=[0, 2, 3, 1])
    x = net.dense(net.node("Reshape", x, net.ints(1, -1)), (64, 3))
    check_exact(net.save(tmp_path / "n.onnx", (1, 3, 6, 6), x), frames((3, 6, 6), 4))


def test_batch_norm_behind_flatten_needs_a_threshold_per_element(tmp_path):
    net, x = started()
    x = net.node("Flatten", conv(net, x, (2, 3, 3, 3)))
    x = act(net, net.node("Add", x, net.const(np.arange(32) / 8 - 2)))
    x = net.dense(x, (32, 3))
    network = check_exact(net.save(tmp_path / "n.onnx", (1, 3, 6, 6), x), frames((3, 6, 6), 4))
    (step,) = [n.op for n in network.graph.nodes if isinstance(n.op, ops.Threshold)]
    assert step.thresholds.shape[0] == 32


@pytest.mark.parametrize("function", ["Sigmoid", "HardSwish", "Tanh", "Elu", "silu"])
def test_activation_functions(tmp_path, function):
    net, x = started(scale=0.1)
    x = conv(net, x, (4, 3, 3, 3))
    x = (
        net.node("Mul", x, net.node("Sigmoid", x))
        if function == "silu"
        else (net.node(function, x))
    )
    x = conv(net, net.quant(x, 0.07, 4), (2, 4, 1, 1))
    net.opset = 14
    path = net.save(tmp_path / "n.onnx", (1, 3, 5, 5), x)
    network = lower(path)
    certificate = certify(network, frames((3, 5, 5), 4))
    assert certificate.unexplained == 0, str(certificate.first)


def test_integer_input_of_an_image(tmp_path):
    net, x = started(bits=8, scale=1 / 128)
    path = net.save(tmp_path / "n.onnx", (1, 3, 5, 5), act(net, conv(net, x, (2, 3, 3, 3))))
    options = InputOptions.parse("uint8", "1/255", "0.5,0.4,0.3", "0.25")
    network = lower(path, input=options)
    pixels = np.random.default_rng(0).integers(0, 256, (4, 3, 5, 5), dtype=np.uint8)
    certificate = certify(network, pixels)
    assert certificate.unexplained == 0, str(certificate.first)
    last = network.input.encode(np.moveaxis(pixels, 1, -1))
    np.testing.assert_array_equal(last, network.input.encode(pixels))
    np.testing.assert_array_equal(last, np.moveaxis(pixels, 1, -1))
