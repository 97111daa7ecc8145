"""QDQ and QCDQ files: QuantizeLinear, Clip, DequantizeLinear of ONNX itself."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from hwgen.frontend import lower
from tests.frontend.build import Net, check, frames

NUMPY = {"int8": np.int8, "uint8": np.uint8}


def typed(net: Net, values, kind: str) -> str:
    """Add a constant of an element type, also of 4 bits."""
    name = f"c{len(net.constants)}"
    elem = getattr(TensorProto, kind.upper())
    values = np.asarray(values)
    flat = [int(v) for v in values.reshape(-1)]
    net.constants.append(helper.make_tensor(name, elem, values.shape, flat))
    return name


def qdq(net: Net, x: str, scale: float, zero: int = 0, kind: str = "int8", clip=None) -> str:
    s = net.const(scale)
    z = typed(net, zero, kind)
    x = net.node("QuantizeLinear", x, s, z)
    if clip is not None:
        x = net.node("Clip", x, typed(net, clip[0], kind), typed(net, clip[1], kind))
    return net.node("DequantizeLinear", x, s, z)


@pytest.mark.parametrize("kind", ["int8", "uint8", "int4", "uint4"])
@pytest.mark.parametrize("zero", [0, 3])
def test_types_and_zero_points(tmp_path, kind, zero):
    net = Net(seed=1, opset=21 if kind.endswith("4") else 13)
    zero = -zero if kind == "int4" else zero
    x = qdq(net, "x", 0.03 if "8" in kind else 0.25, zero, kind)
    w = typed(net, net.rng.integers(-7, 8, (6, 5)), "int8")
    x = net.node(
        "MatMul", x, net.node("DequantizeLinear", w, net.const(0.1), typed(net, 0, "int8"))
    )
    x = qdq(net, x, 0.05 if "8" in kind else 0.3, zero, kind)
    path = net.save(tmp_path / "n.onnx", (1, 6), x)
    check(path, frames((6,)))


@pytest.mark.parametrize(("kind", "zero"), [("int4", 0), ("uint4", 8)])
def test_weights_of_four_bits(tmp_path, kind, zero):
    net = Net(seed=12, opset=21)
    w = typed(net, net.rng.integers(-8, 8, (6, 5)) + zero, kind)
    w = net.node("Transpose", net.node("Transpose", w, perm=[1, 0]), perm=[1, 0])
    w = net.node("DequantizeLinear", w, net.const(0.1), typed(net, zero, kind))
    x = net.node("MatMul", qdq(net, "x", 0.05), w)
    check(net.save(tmp_path / "n.onnx", (1, 6), x), frames((6,)))


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("zeros", [False, True])
def test_weights_per_axis(tmp_path, axis, zeros):
    net = Net(seed=2)
    x = qdq(net, "x", 0.03)
    w = typed(net, net.rng.integers(-100, 100, (4, 4)), "int8")
    scale = net.const(net.rng.uniform(0.01, 0.1, 4))
    zero = typed(net, [1, 0, -2, 3] if zeros else [0, 0, 0, 0], "int8")
    w = net.node("DequantizeLinear", w, scale, zero, axis=axis)
    x = net.node("Gemm", x, w, transB=int(axis == 0))
    x = qdq(net, x, 0.05)
    check(net.save(tmp_path / "n.onnx", (1, 4), x), frames((4,)))


@pytest.mark.parametrize("clip", [(-8, 7), (-7, 7), (-1, 1), (0, 15)])
def test_clip_narrows_codes(tmp_path, clip):
    """QCDQ of Brevitas: fewer than 8 bits as int8 behind a Clip."""
    net = Net(seed=3)
    x = qdq(net, "x", 0.25, 0, "int8", clip)
    w = net.const(net.rng.normal(size=(6, 5)))
    s, z = net.const(0.4), typed(net, 0, "int8")
    w = net.node("QuantizeLinear", w, s, z)
    w = net.node("Clip", w, typed(net, -3, "int8"), typed(net, 3, "int8"))
    x = net.node("MatMul", x, net.node("DequantizeLinear", w, s, z))
    x = qdq(net, net.node("Relu", x), 0.25, 0, "int8", clip)
    network = check(net.save(tmp_path / "n.onnx", (1, 6), x), frames((6,)))
    assert network.input.type.low == clip[0]


def test_default_type_is_uint8(tmp_path):
    """No zero point: uint8 by ONNX's definition."""
    net = Net(seed=4)
    s = net.const(0.02)
    x = net.node("DequantizeLinear", net.node("QuantizeLinear", "x", s), s)
    w = typed(net, net.rng.integers(-7, 8, (6, 5)), "int8")
    x = net.node("MatMul", x, net.node("DequantizeLinear", w, net.const(0.1)))
    network = check(net.save(tmp_path / "n.onnx", (1, 6), x), frames((6,)))
    assert network.input.type.high == 255


def test_integer_bias(tmp_path):
    net = Net(seed=5)
    x = qdq(net, "x", 0.25)
    w = typed(net, net.rng.integers(-7, 8, (5, 6)), "int8")
    w = net.node("DequantizeLinear", w, net.const(0.125), typed(net, 0, "int8"))
    bias = typed(net, net.rng.integers(-1000, 1000, 5), "int32")
    bias = net.node("DequantizeLinear", bias, net.const(0.03125))
    x = qdq(net, net.node("Gemm", x, w, bias, transB=1), 0.5)
    check(net.save(tmp_path / "n.onnx", (1, 6), x), frames((6,)))


def test_integer_bias_per_channel(tmp_path):
    net = Net(seed=6)
    x = qdq(net, "x", 0.25)
    scale = net.rng.uniform(0.05, 0.2, 5).astype(np.float32)
    w = typed(net, net.rng.integers(-7, 8, (5, 6)), "int8")
    zeros = typed(net, [0] * 5, "int8")
    w = net.node("DequantizeLinear", w, net.const(scale), zeros, axis=0)
    bias = typed(net, net.rng.integers(-1000, 1000, 5), "int32")
    bias = net.node("DequantizeLinear", bias, net.const(scale * np.float32(0.25)), axis=0)
    x = qdq(net, net.node("Gemm", x, w, bias, transB=1), 0.5)
    check(net.save(tmp_path / "n.onnx", (1, 6), x), frames((6,)))


def test_quantizer_read_twice(tmp_path):
    """Optimizers share one QuantizeLinear between two DequantizeLinear."""
    net = Net(seed=7)
    s, z = net.const(0.05), typed(net, 2, "int8")
    q = net.node("QuantizeLinear", "x", s, z)
    w = typed(net, net.rng.integers(-7, 8, (6, 5)), "int8")
    parts = []
    for _ in range(2):
        x = net.node("DequantizeLinear", q, s, z)
        x = net.node("MatMul", x, net.node("DequantizeLinear", w, net.const(0.1)))
        parts.append(qdq(net, x, 0.25, 0, "int8"))
    x = qdq(net, net.node("Add", *parts), 0.5)
    check(net.save(tmp_path / "n.onnx", (1, 6), x), frames((6,)))


def test_moves_between_quantize_and_dequantize(tmp_path):
    net = Net(seed=8)
    s, z = net.const(0.05), typed(net, -1, "int8")
    x = net.node("QuantizeLinear", "x", s, z)
    x = net.node("Flatten", net.node("Transpose", x, perm=[0, 2, 1]))
    x = net.node("DequantizeLinear", x, s, z)
    w = typed(net, net.rng.integers(-7, 8, (6, 5)), "int8")
    x = net.node("MatMul", x, net.node("DequantizeLinear", w, net.const(0.1)))
    check(net.save(tmp_path / "n.onnx", (1, 2, 3), x), frames((2, 3)))


def test_input_and_output_are_codes(tmp_path):
    """The file's own input is int8, its output too."""
    net = Net(seed=9)
    z = typed(net, 0, "int8")
    x = net.node("DequantizeLinear", "x", net.const(0.05), z)
    w = typed(net, net.rng.integers(-7, 8, (6, 5)), "int8")
    x = net.node("MatMul", x, net.node("DequantizeLinear", w, net.const(0.1)))
    x = net.node("QuantizeLinear", x, net.const(0.07), z)
    path = net.save(
        tmp_path / "n.onnx", (1, 6), x, elem=TensorProto.INT8, out_elem=TensorProto.INT8
    )
    codes = np.random.default_rng(1).integers(-128, 128, (12, 6)).astype(np.int8)
    check(path, codes)


def test_scale_per_channel_of_activations(tmp_path):
    net = Net(seed=10)
    s = net.const([0.25, 0.5, 1.0, 0.25, 0.125, 0.5])
    z = typed(net, [0] * 6, "int8")
    x = net.node("QuantizeLinear", "x", s, z, axis=1)
    x = net.node("DequantizeLinear", x, s, z, axis=1)
    w = typed(net, net.rng.integers(-7, 8, (6, 5)), "int8")
    x = net.node("MatMul", x, net.node("DequantizeLinear", w, net.const(0.1)))
    check(net.save(tmp_path / "n.onnx", (1, 6), x), frames((6,)))


def test_reading_is_repeatable(tmp_path):
    net = Net(seed=11)
    x = qdq(net, "x", 0.25)
    w = typed(net, net.rng.integers(-7, 8, (6, 5)), "int8")
    x = net.node("MatMul", x, net.node("DequantizeLinear", w, net.const(0.1)))
    path = net.save(tmp_path / "n.onnx", (1, 6), x)
    assert lower(path).sha256 == lower(path).sha256
    assert [n.name for n in lower(path).graph.nodes] == [n.name for n in lower(path).graph.nodes]
