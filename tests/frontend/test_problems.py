"""What the user's file may be at fault for: every message names place, reason and way out."""

import numpy as np
import onnx
import pytest
from onnx import helper

from hwgen.errors import InputError, ModelError, UnsupportedError
from hwgen.frontend import InputOptions, diagnose, lower
from tests.frontend.build import Net


def dense_file(folder, **how):
    net = Net()
    x = net.quant("x", 0.25, 4)
    x = net.dense(x, (6, 4), 3, 0.5)
    x = net.quant(net.node("Relu", x), 0.25, 4)
    return net.save(folder / "n.onnx", (1, 6), net.dense(x, (4, 2), 3, 0.5), **how)


def test_missing_file(tmp_path):
    with pytest.raises(ModelError, match=r"absent\.onnx: no such file; give the path"):
        lower(tmp_path / "absent.onnx")


def test_folder_instead_of_a_file(tmp_path):
    with pytest.raises(ModelError, match="cannot be read"):
        lower(tmp_path)


@pytest.mark.parametrize("content", [b"", b"not an onnx file at all", b"\x89PNG\r\n\x1a\n" * 40])
def test_not_onnx(tmp_path, content):
    (tmp_path / "n.onnx").write_bytes(content)
    with pytest.raises(ModelError, match=r"not an ONNX file, or a truncated one"):
        lower(tmp_path / "n.onnx")


@pytest.mark.parametrize("part", [0.2, 0.5, 0.9, 0.999])
def test_truncated_file(tmp_path, part):
    path = dense_file(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    with pytest.raises(ModelError):
        lower(path)


def test_float_network_names_every_layer(tmp_path):
    net = Net()
    x = net.node("MatMul", "x", net.const(net.rng.normal(size=(6, 4))), name="first")
    x = net.node("MatMul", net.node("Relu", x), net.const(net.rng.normal(size=(4, 2))), name="last")
    path = net.save(tmp_path / "n.onnx", (1, 6), x)
    with pytest.raises(UnsupportedError) as found:
        lower(path)
    text = str(found.value)
    assert "first, MatMul: its weights are not quantized" in text
    assert "an unquantized tensor (x) enters MatMul" in text
    assert "last, MatMul: its weights are not quantized" in text
    assert "QuantIdentity" in text


def test_all_problems_at_once_with_their_modules(tmp_path):
    net = Net()
    x = net.quant("x", 0.25, 4)
    x = net.dense(x, (6, 4), 12, 0.01)
    x = net.quant(x, 0.25, 4)
    x = net.node(
        "LSTM",
        x,
        net.const(np.zeros((1, 4, 4))),
        net.const(np.zeros((1, 4, 1))),
        hidden_size=1,
        name="/encoder/rnn/LSTM",
    )
    x = net.quant(x, 0.25, 4)
    x = net.node("MatMul", x, net.const(net.rng.normal(size=(1, 2))), name="/head/fc/MatMul")
    path = net.save(tmp_path / "n.onnx", (1, 6), x)
    report = diagnose(path)
    text = [str(problem) for problem in report.problems]
    assert len(text) == 3
    assert "weights take 12 bits" in text[0]
    assert "operator LSTM is not supported" in text[1]
    assert report.problems[1].module == "encoder.rnn"
    assert "not quantized" in text[2]
    assert all(problem.remedy for problem in report.problems)
    assert any(layer.supported for layer in report.layers)
    with pytest.raises(UnsupportedError, match="3 layers cannot become hardware"):
        lower(path)


def test_source_module_of_the_dynamo_exporter(tmp_path):
    path = dense_file(tmp_path)
    model = onnx.load(path)
    model.graph.node[-1].op_type = "Det"
    del model.graph.node[-1].input[1:]
    scopes = model.graph.node[-1].metadata_props.add(key="pkg.torch.onnx.name_scopes")
    scopes.value = "['', 'head', 'head.fc', 'linear']"
    onnx.save(model, path)
    (problem,) = diagnose(path).problems
    assert problem.module == "head.fc"


def test_biases_may_be_wide_weights_may_not(tmp_path):
    net = Net()
    x = net.quant("x", 0.25, 4)
    bias = net.quant(net.const([1.234, -2.5, 0.7]), 2.0**-14, 16)
    x = net.node("Gemm", x, net.weights((6, 3), 8, 0.01), bias)
    path = net.save(tmp_path / "n.onnx", (1, 6), x)
    assert lower(path).graph.nodes

    net = Net()
    x = net.node("MatMul", net.quant("x", 0.25, 4), net.weights((60, 30), 9, 0.01))
    with pytest.raises(UnsupportedError, match=r"its weights take 9 bits.*at most 8 bits"):
        lower(net.save(tmp_path / "n.onnx", (1, 60), x))


def test_products_of_streams_and_wrong_scales(tmp_path):
    net = Net()
    x = net.quant("x", 0.25, 4)
    a, b = (net.quant(net.dense(x, (4, 4)), 0.25, 4) for _ in range(2))
    path = net.save(tmp_path / "n.onnx", (1, 4), net.node("Mul", a, b, name="gate"))
    with pytest.raises(UnsupportedError, match="gate, Mul: it multiplies two streams"):
        lower(path)

    net = Net()
    x = net.quant("x", [0.1, 0.0731, 0.33, 0.25], 4)
    with pytest.raises(UnsupportedError, match="not small multiples of each other"):
        lower(net.save(tmp_path / "n.onnx", (1, 4), net.dense(x, (4, 4))))


def test_unquantized_accumulator_enters_the_next_layer(tmp_path):
    net = Net()
    x = net.dense(net.quant("x", 0.25, 8), (64, 4))
    x = net.node("MatMul", x, net.weights((4, 2)), name="next")
    with pytest.raises(UnsupportedError, match=r"next, MatMul: an unquantized tensor \(.* bits"):
        lower(net.save(tmp_path / "n.onnx", (1, 64), x))


def test_two_inputs_two_outputs_and_open_shapes(tmp_path):
    path = dense_file(tmp_path)
    model = onnx.load(path)
    two = onnx.ModelProto()
    two.CopyFrom(model)
    two.graph.input.append(helper.make_tensor_value_info("z", 1, [1, 6]))
    onnx.save(two, path)
    with pytest.raises(ModelError, match=r"2 inputs \(x, z\)"):
        lower(path)
    two.CopyFrom(model)
    two.graph.output.append(onnx.ValueInfoProto(name=model.graph.node[0].output[0]))
    onnx.save(two, path)
    with pytest.raises(UnsupportedError, match="2 outputs"):
        lower(path)
    two.CopyFrom(model)
    two.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "width"
    onnx.save(two, path)
    with pytest.raises(ModelError, match=r"shape 1xwidth.*export with a fixed input shape"):
        lower(path)


def test_undefined_tensor(tmp_path):
    path = dense_file(tmp_path)
    model = onnx.load(path)
    model.graph.node[-1].input[0] = "nowhere"
    onnx.save(model, path)
    with pytest.raises(ModelError, match="reads nowhere, which nothing before it computes"):
        lower(path)


def test_input_data_of_the_wrong_kind(tmp_path):
    network = lower(dense_file(tmp_path))
    good = np.zeros((2, 6), dtype=np.float32)
    assert network.input.encode(good).shape == (2, 6)
    with pytest.raises(InputError, match=r"shape \(2, 5\), expected \(frames, 6\)"):
        network.input.encode(good[:, :5])
    with pytest.raises(InputError, match="takes real numbers"):
        network.input.encode(good.astype(np.uint8))
    for bad in (np.nan, np.inf, 1e300):
        with pytest.raises(InputError, match="NaN, infinity"):
            network.input.encode(np.full((1, 6), bad))
    with pytest.raises(InputError, match="has type"):
        network.input.encode(np.array([["a"] * 6]))
    clipped = network.input.encode(np.full((1, 6), 1e6, dtype=np.float32))
    assert (clipped == network.input.type.high).all()  # clipped as the file's Quant clips


def test_input_codes_out_of_range(tmp_path):
    network = lower(dense_file(tmp_path), input=InputOptions.parse("uint4", "1/8"))
    network.input.encode(np.full((1, 6), 15))
    with pytest.raises(
        InputError, match=r"frame \d+: element \d+ is 16, expected codes from 0 to 15"
    ):
        network.input.encode(np.array([[0, 1, 2, 3, 4, 16]]))
    with pytest.raises(InputError, match="fractions"):
        network.input.encode(np.full((1, 6), 0.5))


@pytest.mark.parametrize(
    ("kind", "scale", "message"),
    [
        ("float32", "1", "not an integer type"),
        ("uint99", "1", "not an integer type"),
        ("uint8", "1/0", "is not a number"),
        ("uint8", "x", "is not a number"),
        ("uint8", "0", "must not be 0"),
    ],
)
def test_wrong_input_options(kind, scale, message):
    with pytest.raises(InputError, match=message):
        InputOptions.parse(kind, scale)


def test_wrong_number_of_means(tmp_path):
    with pytest.raises(InputError, match="2 numbers"):
        lower(dense_file(tmp_path), input=InputOptions.parse("uint8", "1", "1,2"))
