"""QONNX files as found in the wild: quantizers, their parameters, versions and dialects."""

import numpy as np
import pytest
from onnx import TensorProto, numpy_helper

from tests.frontend.build import FINN, MODES, Net, check, frames


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("signed", "narrow"), [(1, 0), (1, 1), (0, 0), (0, 1)])
def test_every_rounding_mode_and_range(tmp_path, mode, signed, narrow):
    net = Net(seed=3)
    x = net.quant("x", 0.25, 4, mode=mode)
    x = net.dense(x, (6, 5), 3, 0.5)
    x = net.quant(x, 0.25, 3, signed=signed, narrow=narrow, mode=mode, name="act")
    x = net.dense(x, (5, 4), 2, 0.5, narrow=True, mode=mode)
    network = check(net.save(tmp_path / "n.onnx", (1, 6), x), frames((6,)))
    halves = {tie.value % 1 for tie in network.ties if tie.layer.startswith("act")}
    assert halves == ({0.5} if mode in ("ROUND", "HALF_EVEN", "HALF_UP", "HALF_DOWN") else set())


@pytest.mark.parametrize("bits", [1, 2, 5, 8])
@pytest.mark.parametrize("weight_bits", [1, 2, 8])
def test_bit_widths(tmp_path, bits, weight_bits):
    net = Net(seed=bits)
    x = net.quant("x", 0.03, 8)
    x = net.dense(x, (7, 6), weight_bits, 0.11)
    x = net.quant(x, 0.07, bits, narrow=bits > 1)
    x = net.dense(x, (6, 3), weight_bits, 0.3)
    check(net.save(tmp_path / "n.onnx", (1, 7), x), frames((7,)))


@pytest.mark.parametrize("zero", [3, -2, 100, 0.5])
@pytest.mark.parametrize("signed", [0, 1])
def test_zero_points_of_activations(tmp_path, zero, signed):
    net = Net(seed=4)
    x = net.quant("x", 0.125, 4, zero, signed=signed)
    x = net.dense(x, (6, 5), 3, 0.5)
    x = net.quant(x, 0.3, 4, zero, signed=signed)
    x = net.dense(x, (5, 4), 3, 0.5)
    check(net.save(tmp_path / "n.onnx", (1, 6), x), frames((6,)))


@pytest.mark.parametrize("zero", [1, -3, [[0], [1], [2], [-1]]])
@pytest.mark.parametrize("transposed", [False, True])
def test_zero_points_of_weights(tmp_path, zero, transposed):
    net = Net(seed=5)
    x = net.quant("x", 0.125, 4)
    w = net.weights((4, 6), 4, 0.5, zero=zero)
    if transposed:
        x = net.node("MatMul", x, net.node("Transpose", w, perm=[1, 0]))
    else:
        x = net.node("Gemm", x, w, transB=1)
    x = net.quant(x, 0.3, 4)
    check(net.save(tmp_path / "n.onnx", (1, 6), x), frames((6,)))


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("transposed", [False, True])
def test_scales_per_channel(tmp_path, axis, transposed):
    """A scale per output channel on either axis of the weights, transposed or not."""
    net = Net(seed=6)
    x = net.quant("x", 0.1, 4)
    scale = net.rng.uniform(0.1, 0.9, 4)
    if transposed:
        w = net.weights((4, 6), 3, scale[:, None])
        w = net.node("Transpose", w) if axis else net.node("Transpose", w, perm=[1, 0])
    else:
        w = net.weights((6, 4), 3, scale[None, :] if axis else scale)
    x = net.node("MatMul", x, w)
    x = net.quant(x, 0.2, 4)
    check(net.save(tmp_path / "n.onnx", (1, 6), x), frames((6,)))


def test_scale_per_channel_of_activations(tmp_path):
    """Powers of two: small integer multiples fold into the next layer's weights."""
    net = Net(seed=7)
    x = net.quant("x", 0.125, 4)
    x = net.dense(x, (6, 4), 3, 0.5)
    x = net.quant(x, [0.25, 0.5, 0.25, 1.0], 3)
    x = net.dense(x, (4, 3), 3, 0.5)
    check(net.save(tmp_path / "n.onnx", (1, 6), x), frames((6,)))


@pytest.mark.parametrize("domain", ["", "onnx.brevitas", "qonnx.custom_op.general", FINN])
@pytest.mark.parametrize("op", ["Quant", "IntQuant"])
def test_domains_and_names(tmp_path, domain, op):
    net = Net(seed=8, domain=domain, opset=11)
    x = net.quant("x", 0.25, 4, op=op)
    x = net.node("MatMul", x, net.quant(net.const(net.rng.normal(size=(5, 3))), 0.3, 3, op=op))
    x = net.quant(x, 0.25, 2, op=op)
    check(net.save(tmp_path / "n.onnx", (1, 5), x), frames((5,)))


@pytest.mark.parametrize("ir", [3, 4, 8, 10])
@pytest.mark.parametrize("listed", [False, True])
def test_old_files_list_constants_among_inputs(tmp_path, ir, listed):
    net = Net(seed=9, opset=9)
    x = net.quant("x", 0.25, 4)
    x = net.dense(x, (5, 3))
    check(net.save(tmp_path / "n.onnx", (1, 5), x, ir=ir, listed=listed), frames((5,)))


@pytest.mark.parametrize("opset", [9, 10, 11, 12, 13, 15, 18, 20])
def test_opsets(tmp_path, opset):
    """Axes and limits as attributes in old files, as inputs in new ones."""
    net = Net(seed=10, opset=opset)
    axes = opset >= 13

    def squeezed(op, x, *at):
        return net.node(op, x, net.ints(*at)) if axes else net.node(op, x, axes=list(at))

    x = net.quant("x", 0.25, 4)
    x = squeezed("Squeeze", x, 1)
    x = squeezed("Unsqueeze", x, 2)
    x = squeezed("Squeeze", x, 2)
    x = net.node("Flatten", x, axis=1)
    x = net.dense(x, (6, 4))
    x = net.batch_norm(x, 4, **({} if opset >= 14 else {"momentum": 0.9}))
    if opset >= 11:
        x = net.node("Clip", x, net.const(-0.75), net.const(0.75))
    else:
        x = net.node("Clip", x, min=-0.75, max=0.75)
    if opset < 12:
        x = net.node("Dropout", x, ratio=0.3)
    else:
        x = net.node("Dropout", x, net.const(0.3), net.const(False, np.bool_))
    x = net.quant(x, 0.125, 3)
    x = net.dense(x, (4, 3))
    check(net.save(tmp_path / "n.onnx", (1, 1, 2, 3), x), frames((1, 2, 3)))


@pytest.mark.parametrize("batch", [1, 4, 0, -1, "batch", "N"])
def test_frame_counts(tmp_path, batch):
    net = Net(seed=11)
    x = net.quant("x", 0.25, 4)
    x = net.node("Reshape", x, net.ints(batch if batch == 4 else -1, 6))
    x = net.dense(x, (6, 4))
    path = net.save(tmp_path / "n.onnx", (batch, 2, 3), x)
    check(path, frames((2, 3), 12))


@pytest.mark.parametrize("how", ["shape", "minus", "zero", "constant"])
def test_shape_arithmetic(tmp_path, how):
    """The ways in which torch writes ``x.view(x.size(0), -1)``."""
    net = Net(seed=12)
    x = net.quant("x", 0.25, 4)
    if how == "shape":
        size = net.node("Gather", net.node("Shape", x), net.const(0, np.int64), axis=0)
        size = net.node("Unsqueeze", size, net.ints(0))
        target = net.node("Concat", size, net.ints(-1), axis=0)
    elif how == "constant":
        size = net.node("Slice", net.node("Shape", x), net.ints(0), net.ints(1))
        target = net.node("Concat", size, net.ints(6), axis=0)
    else:
        target = net.ints(*{"minus": (-1, 6), "zero": (0, -1)}[how])
    x = net.node("Reshape", x, target)
    x = net.dense(x, (6, 4))
    check(net.save(tmp_path / "n.onnx", ("N", 1, 2, 3), x), frames((1, 2, 3)))


def test_flatten_of_transposed_image(tmp_path):
    net = Net(seed=13)
    x = net.node("Transpose", "x", perm=[0, 2, 3, 1])
    x = net.quant(x, 0.25, 4)
    x = net.dense(net.node("Flatten", x), (12, 4))
    x = net.quant(x, 0.25, 3)
    check(net.save(tmp_path / "n.onnx", (1, 2, 3, 2), x), frames((2, 3, 2)))


@pytest.mark.parametrize("alpha", [1.0, 0.3])
@pytest.mark.parametrize("beta", [1.0, -0.7, 0.0])
@pytest.mark.parametrize("turned", [0, 1])
def test_gemm(tmp_path, alpha, beta, turned):
    net = Net(seed=14)
    x = net.quant("x", 0.25, 4)
    w = net.weights((4, 6) if turned else (6, 4), 3)
    bias = net.const(net.rng.normal(size=4))
    x = net.node("Gemm", x, w, bias, alpha=alpha, beta=beta, transB=turned)
    x = net.quant(x, 0.2, 4)
    check(net.save(tmp_path / "n.onnx", (1, 6), x), frames((6,)))


def test_gemm_transposing_twice(tmp_path):
    net = Net(seed=14)
    x = net.quant("x", 0.25, 4)
    x = net.node("Gemm", net.node("Transpose", x), net.weights((6, 4)), transA=1)
    x = net.quant(x, 0.2, 4)
    check(net.save(tmp_path / "n.onnx", (1, 6), x), frames((6,)))


@pytest.mark.parametrize("bits", [16, 32])
def test_quantized_bias(tmp_path, bits):
    net = Net(seed=15)
    x = net.quant("x", 0.25, 4)
    w = net.weights((4, 6), 3, 0.1)
    scale = np.float32(0.25) * np.float32(0.1)
    bias = net.quant(net.const(net.rng.normal(size=4)), scale, bits)
    x = net.quant(net.node("Gemm", x, w, bias, transB=1), 0.2, 4)
    check(net.save(tmp_path / "n.onnx", (1, 6), x), frames((6,)))


def test_constant_on_the_left(tmp_path):
    net = Net(seed=16)
    x = net.quant("x", 0.25, 4)
    x = net.node("MatMul", net.weights((4, 6)), x)
    x = net.quant(x, 0.2, 4)
    x = net.node("Transpose", x, perm=[0, 2, 1])
    x = net.dense(x, (4, 3))
    check(net.save(tmp_path / "n.onnx", (1, 6, 1), x), frames((6, 1)))


def test_constant_on_the_left_of_columns(tmp_path):
    net = Net(seed=17)
    x = net.quant("x", 0.25, 4)
    x = net.quant(net.node("MatMul", net.weights((4, 6)), x), 0.2, 4)
    check(net.save(tmp_path / "n.onnx", (1, 6, 3), x), frames((6, 3)))


@pytest.mark.parametrize("mode", MODES)
def test_ties_are_listed(tmp_path, mode):
    """One input, weight 1: the codes of the accumulator that tie are known."""
    net = Net()
    x = net.quant("x", 1.0, 4)
    x = net.node("MatMul", x, net.quant(net.const([[1.0]]), 1.0, 2))
    x = net.quant(x, 2.0, 3, mode=mode, name="act")
    x = net.dense(x, (1, 1), 2, 1.0)
    values = np.arange(-8, 8, dtype=np.float32)[:, None]
    network = check(net.save(tmp_path / "n.onnx", (1, 1), x), values)
    ties = sorted(tie.value for tie in network.ties if tie.layer.startswith("act"))
    # -8..7 over 2, clipped to -4..3: odd codes lie between two levels; 3.5 is clipped
    wanted = [-3.5, -2.5, -1.5, -0.5, 0.5, 1.5, 2.5]
    assert ties == (wanted if mode in ("ROUND", "HALF_EVEN", "HALF_UP", "HALF_DOWN") else [])


@pytest.mark.parametrize("op", ["BipolarQuant", "Quant"])
def test_bipolar(tmp_path, op):
    net = Net(seed=22)

    def bipolar(x, scale):
        if op == "Quant":
            return net.quant(x, scale, 1)
        return net.node(op, x, net.const(scale))

    x = bipolar("x", 1.0)
    x = net.node("MatMul", x, bipolar(net.const(net.rng.normal(size=(6, 5))), 0.3))
    x = bipolar(net.batch_norm(x, 5), 0.5)
    x = net.node("MatMul", x, bipolar(net.const(net.rng.normal(size=(5, 4))), 1.0))
    x = bipolar(net.node("Add", x, net.const(0.5)), 2.0)
    network = check(net.save(tmp_path / "n.onnx", (1, 6), x), frames((6,)))
    assert network.output.type.bipolar


@pytest.mark.parametrize("op", ["TopK", "ArgMax", "ArgMax0", "TopK1"])
def test_winner_on_chip(tmp_path, op):
    net = Net(seed=23, opset=9 if op == "TopK1" else 13)
    x = net.dense(net.quant("x", 0.25, 4), (6, 5), 3, np.full(5, 0.25))
    x = net.node("Mul", x, net.const(0.3))
    if op == "ArgMax":
        x = net.node("ArgMax", x, axis=1)
    elif op == "ArgMax0":
        x = net.node("ArgMax", x, axis=-1, keepdims=0)
    elif op == "TopK1":
        x = net.node("TopK", x, outputs=2, axis=-1, k=1)
    else:
        x = net.node("TopK", x, net.ints(1), outputs=2)
    path = net.save(tmp_path / "n.onnx", (1, 6), x, out_elem=TensorProto.INT64)
    network = check(path, frames((6,), 40))
    assert network.output.is_index


@pytest.mark.parametrize("falling", [False, True])
def test_winner_of_offset_and_negated_channels(tmp_path, falling):
    net = Net(seed=24)
    x = net.dense(net.quant("x", 0.25, 4), (6, 5), 3, 0.25)
    x = net.node("Add", x, net.const([0.5, 0, -0.25, 1, 0]))
    x = net.node("Neg", x) if falling else x
    x = net.node("TopK", x, net.ints(1), outputs=2)
    path = net.save(tmp_path / "n.onnx", (1, 6), x, out_elem=TensorProto.INT64)
    check(path, frames((6,), 40))


@pytest.mark.parametrize("op", ["Softmax", "LogSoftmax"])
def test_softmax_is_left_to_the_host(tmp_path, op):
    net = Net(seed=25)
    x = net.dense(net.quant("x", 0.25, 4), (6, 5), 3, 0.25)
    path = net.save(tmp_path / "n.onnx", (1, 6), net.node(op, x, axis=1))
    values = frames((6,))
    network = check(path, values)
    logits = network.output.values(network.graph.run(network.input.encode(values)))
    y = network.output.decode(network.graph.run(network.input.encode(values)))
    wanted = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    if op == "LogSoftmax":
        wanted = np.log(wanted)
    np.testing.assert_allclose(y, wanted, rtol=1e-5, atol=1e-6)


def test_one_constant_read_twice(tmp_path):
    """Weights, scale and bias shared between layers, one quantizer read by two products."""
    net = Net(seed=26)
    x = net.quant("x", 0.25, 4)
    w = net.weights((5, 5), 3)
    bias = net.const(net.rng.normal(size=5))
    for _ in range(2):
        x = net.node("Add", net.node("MatMul", x, w), bias)
        x = net.quant(x, 0.25, 4)
    check(net.save(tmp_path / "n.onnx", (1, 5), x), frames((5,)))


def test_a_tensor_read_by_two_branches(tmp_path):
    net = Net(seed=27)
    x = net.quant("x", 0.25, 4)
    one = net.quant(net.batch_norm(net.dense(x, (5, 4)), 4), 0.25, 3)
    two = net.quant(net.batch_norm(net.dense(x, (5, 4)), 4), 0.25, 3)
    x = net.quant(net.node("Add", one, two), 0.25, 3)
    check(net.save(tmp_path / "n.onnx", (1, 5), net.dense(x, (4, 3))), frames((5,)))


def test_an_accumulator_read_by_two_quantizers(tmp_path):
    """A falling and a rising function of one accumulator: it must not be negated for one."""
    net = Net(seed=28)
    x = net.dense(net.quant("x", 0.25, 4), (5, 4))
    one = net.quant(net.node("Neg", x), 0.25, 3)
    two = net.quant(net.node("Mul", x, net.const(0.7)), 0.25, 3)
    x = net.quant(net.node("Add", one, two), 0.25, 3)
    check(net.save(tmp_path / "n.onnx", (1, 5), net.dense(x, (4, 3))), frames((5,)))


def test_trunc(tmp_path):
    """Trunc of version 1 drops low bits of a sum's codes."""
    net = Net(seed=33)
    x = net.quant("x", 0.25, 4)
    x = net.dense(x, (6, 4), 3, 0.5)
    params = (net.const(0.125), net.const(0.0), net.const(10.0), net.const(6.0))
    x = net.node("Trunc", x, *params, rounding_mode="FLOOR")
    check(net.save(tmp_path / "n.onnx", (1, 6), x), frames((6,)))


def test_weights_without_quantizer_on_a_grid(tmp_path):
    """Files streamlined by others hold integer weights as plain floats."""
    net = Net(seed=34)
    x = net.quant("x", 1.0, 4)
    x = net.node("MatMul", x, net.const(net.rng.integers(-4, 4, (6, 4))))
    x = net.quant(net.node("Mul", x, net.const([[0.3, 0.2, 0.7, 0.1]])), 0.5, 4)
    check(net.save(tmp_path / "n.onnx", (1, 6), x), frames((6,), span=8))


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_parameters_as_nodes(tmp_path, kind):
    """Torch writes ``Constant`` nodes; others share weights by ``Identity`` and ``Cast``."""
    net = Net(seed=38)

    def constant(value):
        tensor = numpy_helper.from_array(np.asarray(value, dtype=kind))
        x = net.node("Constant", value=tensor)
        return x if kind == np.float32 else net.node("Cast", x, to=int(TensorProto.FLOAT))

    def quant(x, scale, bits):
        parts = (constant(scale), constant(0), constant(bits))
        return net.node("Quant", x, *parts, signed=1, narrow=0, rounding_mode="ROUND")

    x = quant("x", 0.25, 4)
    w = net.node("Identity", quant(constant(net.rng.normal(size=(6, 4))), 0.25, 3))
    x = quant(net.node("MatMul", x, w), 0.25, 4)
    check(net.save(tmp_path / "n.onnx", (1, 6), x), frames((6,)))


def test_default_attributes(tmp_path):
    """Attributes left out: signed, not narrow, ROUND, as QONNX states."""
    net = Net(seed=39)
    x = net.quant("x", 0.25, 4)
    parts = (net.const(0.25), net.const(0), net.const(3))
    w = net.node("Quant", net.const(2 * net.rng.normal(size=(6, 4))), *parts)
    x = net.node("Quant", net.node("MatMul", x, w), *parts)
    network = check(net.save(tmp_path / "n.onnx", (1, 6), x), frames((6,)))
    assert network.output.type.low == -4


def test_parameters_with_axes(tmp_path):
    """Scales and bit widths of shape (1,) and (1, 1), as old exporters write them."""
    net = Net(seed=40)
    x = net.quant("x", [[0.25]], 4, [0.0])
    w = net.node(
        "Quant",
        net.const(net.rng.normal(size=(6, 4))),
        net.const([[0.25, 0.5, 0.3, 0.7]]),
        net.const([0.0]),
        net.const([[3.0]]),
    )
    x = net.quant(net.node("MatMul", x, w), [0.25], 4, [[0]])
    check(net.save(tmp_path / "n.onnx", (1, 6), x), frames((6,)))


def test_one_neuron_and_one_input(tmp_path):
    net = Net(seed=41)
    x = net.dense(net.quant("x", 0.25, 4), (1, 1))
    x = net.dense(net.quant(x, 0.25, 4), (1, 1))
    check(net.save(tmp_path / "n.onnx", (1, 1), x), frames((1,)))


def test_weights_that_are_all_zero(tmp_path):
    net = Net(seed=42)
    w = net.quant(net.const(np.zeros((6, 4))), 0.25, 3)
    x = net.node("Add", net.node("MatMul", net.quant("x", 0.25, 4), w), net.const([1, -1, 0, 2]))
    x = net.dense(net.quant(x, 0.25, 3), (4, 3))
    check(net.save(tmp_path / "n.onnx", (1, 6), x), frames((6,)))
