"""Float ONNX files become torch networks that compute the same."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from hwgen.errors import ModelError
from hwgen.ptq import Data, QMSEConfig, load_network, quantize
from hwgen.ptq.errors import NetworkError
from hwgen.ptq.onnx_file import read_float_onnx

pytestmark = pytest.mark.train


def model(path, nodes, constants, shape):
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    return path


def residual(path):
    rng = np.random.default_rng(0)

    def draw(*shape):
        return rng.normal(size=shape).astype(np.float32)

    node = helper.make_node
    nodes = [
        node("Sub", ["x", "mean"], ["x0"], "/norm/Sub"),
        node("Conv", ["x0", "w1", "b1"], ["a"], "/conv1/Conv", pads=[1, 1, 1, 1], strides=[2, 2]),
        node("BatchNormalization", ["a", "g", "s", "m", "v"], ["b"], "/bn/BN"),
        node("Relu", ["b"], ["c"]),
        node("Conv", ["c", "w2"], ["d"], pads=[1, 1, 1, 1], group=2),
        node("Add", ["d", "c"], ["e"]),
        node("Clip", ["e", "low", "high"], ["f"]),
        node("MaxPool", ["f"], ["g1"], kernel_shape=[2, 2], strides=[2, 2]),
        node("GlobalAveragePool", ["g1"], ["h"]),
        node("Reshape", ["h", "rest"], ["i"]),
        node("Gemm", ["i", "w3", "b3"], ["j"], transB=1),
        node("MatMul", ["j", "w4"], ["k"]),
        node("Add", ["k", "b4"], ["y"]),
    ]
    constants = {
        "mean": np.float32([[[0.2]], [[0.4]]]),
        "w1": draw(6, 2, 3, 3),
        "b1": draw(6),
        "g": 1 + draw(6) ** 2,
        "s": draw(6),
        "m": draw(6),
        "v": 1 + draw(6) ** 2,
        "w2": draw(6, 3, 3, 3) / 3,
        "low": np.float32(0),
        "high": np.float32(6),
        "rest": np.int64([1, -1]),
        "w3": draw(8, 6),
        "b3": draw(8),
        "w4": draw(8, 4),
        "b4": draw(4),
    }
    return model(path, nodes, constants, [1, 2, 12, 12])


def test_a_file_computes_what_onnxruntime_computes_and_is_quantized(tmp_path):
    path = residual(tmp_path / "float.onnx")
    x = torch.rand(64, 2, 12, 12, generator=torch.Generator().manual_seed(0))
    session = onnxruntime.InferenceSession(str(path))
    wanted = np.concatenate([session.run(None, {"x": one.numpy()})[0] for one in x.split(1)])

    network = load_network(str(path), None)

    torch.testing.assert_close(network(x), torch.from_numpy(wanted), rtol=1e-4, atol=1e-4)
    found = quantize(network, QMSEConfig(weight_bits=8, usp=False), Data(x))
    assert found.error < 0.01
    assert found.rows[0].name == "conv1_Conv"
    found.export(tmp_path / "model.onnx")


@pytest.mark.parametrize(
    ("operator", "inputs", "text"),
    [
        ("Erf", ["x"], r"lost \(Erf\) cannot be quantized; supported are Add, "),
        ("Quant", ["x", "a", "a", "a"], r"lost \(Quant\): the file is quantized already"),
        ("MatMul", ["x", "x"], r"lost: input 1 \(x\) must be a constant"),
        ("Flatten", ["x"], "flattens from axis 2"),
    ],
)
def test_what_cannot_be_read_is_named(operator, inputs, text, tmp_path):
    options = {"axis": 2} if operator == "Flatten" else {}
    node = helper.make_node(operator, inputs, ["y"], "lost", **options)
    path = model(tmp_path / "float.onnx", [node], {"a": np.float32(1)}, [1, 4])
    with pytest.raises(NetworkError, match=text):
        read_float_onnx(path)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("nowhere.onnx", "cannot be read as ONNX"),
        ("nowhere", "neither a .onnx file nor package.module:factory"),
        ("hwgen.ptq.floats:nothing", "cannot be made"),
        ("hwgen.ptq.floats:Training", "cannot be made"),
    ],
)
def test_a_model_that_is_not_there_is_named(name, text):
    with pytest.raises(ModelError, match=text):
        load_network(name, None)


def test_a_state_that_does_not_fit_is_named(tmp_path):
    torch.save({"0.weight": torch.zeros(1)}, tmp_path / "state.pt")
    with pytest.raises(ModelError, match=r"state.pt does not hold a state of hwgen.ptq.floats:tfc"):
        load_network("hwgen.ptq.floats:tfc", tmp_path / "state.pt")
