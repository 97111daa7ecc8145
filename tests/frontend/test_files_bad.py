"""Files that cannot become hardware: each message names place, value, rule and way out."""

import re
from contextlib import suppress
from pathlib import Path

import numpy as np
import onnx
import pytest
from google.protobuf.message import DecodeError
from onnx import TensorProto, helper, numpy_helper

from hwgen.errors import InputError, ModelError, UnsupportedError
from hwgen.frontend import InputOptions, diagnose, lower
from tests.frontend.build import Net

SHAPE = (1, 6)


def refused(path: Path, *texts: str, kind: type[ModelError] = UnsupportedError) -> str:
    """Assert that ``path`` is refused with a message that holds every text."""
    with pytest.raises(kind) as caught:
        lower(path)
    message = str(caught.value)
    assert str(path) in message
    for text in texts:
        assert re.search(text, message), f"{text!r} is not in: {message}"
    if kind is UnsupportedError:  # and the diagnosis reports the same instead of raising
        assert diagnose(path).problems
    return message


def net_of(*layers, seed: int = 0, bits: int = 4, **how) -> tuple[Net, str]:
    """Return a network with a quantized input and ``layers`` applied in turn."""
    net = Net(seed=seed, **how)
    x = net.quant("x", 0.25, bits, name="input_quant")
    for layer in layers:
        x = layer(net, x)
    return net, x


def saved(tmp_path: Path, *layers, shape=SHAPE, **how) -> Path:
    net, x = net_of(*layers, **how)
    return net.save(tmp_path / "n.onnx", shape, x)


def dense(net: Net, x: str) -> str:
    return net.dense(x, (6, 4))


def test_missing_file(tmp_path):
    refused(tmp_path / "none.onnx", "no such file", kind=ModelError)


def test_folder(tmp_path):
    refused(tmp_path, "cannot be read", kind=ModelError)


@pytest.mark.parametrize(
    "content", [b"", b"hello, world\n" * 20, b"\x89PNG\r\n\x1a\n", b"\x00" * 99]
)
def test_not_onnx(tmp_path, content):
    path = tmp_path / "n.onnx"
    path.write_bytes(content)
    refused(path, f"{len(content)} bytes", "not an ONNX file|no layers", kind=ModelError)


@pytest.mark.parametrize("part", [0.02, 0.1, 0.5, 0.9, 0.99])
def test_truncated(tmp_path, part):
    path = saved(tmp_path, dense)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    refused(path, kind=ModelError)


def test_every_truncation_is_reported(tmp_path):
    """Wherever a file is cut, the message is ours."""
    path = saved(tmp_path, dense)
    content = path.read_bytes()
    for size in range(0, len(content), 37):
        path.write_bytes(content[:size])
        with suppress(DecodeError):
            if onnx.ModelProto.FromString(content[:size]).opset_import:
                break  # the rest names another operator set: nothing is lost
        refused(path, kind=ModelError)
    assert size > 0.95 * len(content)


def test_damaged_bytes_are_reported(tmp_path):
    """Flipped bytes give a network, or an error of ours."""
    path = saved(tmp_path, dense)
    content = path.read_bytes()
    rng = np.random.default_rng(1)
    for _ in range(150):
        damaged = bytearray(content)
        for spot in rng.integers(0, len(content), 3):
            damaged[spot] = rng.integers(0, 256)
        path.write_bytes(bytes(damaged))
        with suppress(ModelError):
            lower(path)


def test_float_network(tmp_path):
    net = Net()
    x = net.node("Gemm", "x", net.const(net.rng.normal(size=(6, 4))), name="fc1")
    x = net.node("Relu", x)
    x = net.node("Gemm", x, net.const(net.rng.normal(size=(4, 3))), name="fc2")
    refused(net.save(tmp_path / "n.onnx", SHAPE, x), "fc1", "unquantized", "quantize")


def test_only_elementwise_layers(tmp_path):
    net = Net()
    path = net.save(tmp_path / "n.onnx", SHAPE, net.node("Relu", "x"))
    refused(path, "nothing .* is quantized", "quantize the network")


def test_unsupported_operator_names_layer_and_module(tmp_path):
    net, x = net_of(dense)
    x = net.node("Hardmax", x, name="/encoder/attention/Hardmax")
    x = net.quant(x, 0.25, 4)
    path = net.save(tmp_path / "n.onnx", SHAPE, x)
    refused(path, "Hardmax", r"encoder\.attention", "not supported", "replace the layer")


def test_unsupported_operator_of_today_s_exporter(tmp_path):
    net, x = net_of(dense)
    x = net.node("Det", x, name="node_Det_3")
    net.nodes[-1].metadata_props.add(
        key="pkg.torch.onnx.name_scopes", value="['', 'features', 'features.3', 'det']"
    )
    refused(net.save(tmp_path / "n.onnx", SHAPE, x), "Det", r"features\.3")


def test_unknown_domain(tmp_path):
    net, x = net_of(dense)
    x = net.node("Fancy", x, domain="com.example")
    refused(net.save(tmp_path / "n.onnx", SHAPE, x), "com.example::Fancy", "not supported")


@pytest.mark.parametrize("bits", [9, 12, 16])
def test_wide_weights(tmp_path, bits):
    path = saved(tmp_path, lambda net, x: net.dense(x, (6, 4), bits, 0.01))
    refused(path, f"{bits} bits|{bits - 1} bits", "at most 8 bits", "weight_bit_width", "matmul")


def test_float_weights(tmp_path):
    path = saved(
        tmp_path, lambda net, x: net.node("MatMul", x, net.const(net.rng.normal(size=(6, 4))))
    )
    refused(path, "matmul", "weights are not quantized", "8 bits")


def test_unquantized_between_layers(tmp_path):
    path = saved(tmp_path, dense, lambda net, x: net.dense(x, (4, 4)), bits=8)
    refused(path, "matmul", "an unquantized tensor", "QuantIdentity")


@pytest.mark.parametrize("op", ["Mul", "MatMul", "Div"])
def test_products_of_two_streams(tmp_path, op):
    net, x = net_of()
    one = net.quant(net.dense(x, (6, 6)), 0.25, 3)
    two = net.quant(net.dense(x, (6, 6)), 0.25, 3)
    x = net.quant(net.node(op, one, two, name="gate"), 0.25, 3)
    refused(net.save(tmp_path / "n.onnx", SHAPE, x), "gate", "two streams", "constant")


def test_product_of_a_stream_with_itself(tmp_path):
    """A square is a function of one code: that is built."""
    net, x = net_of(dense)
    x = net.quant(net.node("Mul", x, x), 0.25, 3)
    assert lower(net.save(tmp_path / "n.onnx", SHAPE, x)).graph.nodes


@pytest.mark.parametrize("position", [1, 2, 3])
def test_parameters_that_depend_on_data(tmp_path, position):
    net, x = net_of(dense)
    moving = net.node("Flatten", x)
    inputs = [x, net.const(0.25), net.const(0), net.const(4.0)]
    inputs[position] = moving
    x = net.node("Quant", *inputs, name="dynamic")
    refused(net.save(tmp_path / "n.onnx", SHAPE, x), "dynamic", moving, "depends on the data")


def test_dynamic_quantization_of_onnx(tmp_path):
    net = Net()
    x = net.node("DynamicQuantizeLinear", "x", outputs=3, name="dyn")
    refused(net.save(tmp_path / "n.onnx", SHAPE, x), "dyn", "not supported")


def test_missing_constant(tmp_path):
    net, x = net_of()
    x = net.node("MatMul", x, "no_such_weights", name="fc")
    path = net.save(tmp_path / "n.onnx", SHAPE, x)
    refused(path, "fc", "no_such_weights", "nothing before it computes", kind=ModelError)


@pytest.mark.parametrize("inputs", [1, 2, 3])
def test_quantizer_with_missing_inputs(tmp_path, inputs):
    net, x = net_of()
    x = net.node("Quant", *[x, net.const(0.25), net.const(0.0)][:inputs], name="short")
    refused(net.save(tmp_path / "n.onnx", SHAPE, x), "short", "missing")


@pytest.mark.parametrize("op", ["MatMul", "Gemm", "Add", "Pow", "PRelu", "BatchNormalization"])
def test_layers_with_missing_inputs(tmp_path, op):
    net, x = net_of(dense)
    refused(net.save(tmp_path / "n.onnx", SHAPE, net.node(op, x, name="short")), "short")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", ["weights", "bias", "scale", "zero", "norm", "input"])
def test_constants_that_are_not_finite(tmp_path, value, place):
    net = Net()
    x = net.node("Add", "x", net.const(value if place == "input" else 0.0), name="shift")
    x = net.quant(x, 0.25, 4, name="entry")
    weights = net.rng.normal(size=(6, 4))
    if place == "weights":
        weights[2, 1] = value
    x = net.node("MatMul", x, net.quant(net.const(weights), 0.25, 3, name="weight_quant"))
    x = net.node("Add", x, net.const([0, value if place == "bias" else 1, 0, 1]), name="bias")
    parts = [[1.0] * 4, [0.0] * 4, [0.0] * 4, [1, value if place == "norm" else 1, 1, 1]]
    x = net.node("BatchNormalization", x, *map(net.const, parts), name="norm")
    scale, zero = (value if place == part else 1.0 for part in ("scale", "zero"))
    x = net.quant(x, scale, 4, zero, name="act")
    refused(net.save(tmp_path / "n.onnx", SHAPE, x), "finite|nan|inf")


@pytest.mark.parametrize("scale", [0.0, -0.25, [0.25, 0.0, 0.5, 1.0], [0.25, -0.5, 0.5, 1.0]])
@pytest.mark.parametrize("where", ["act", "weight"])
def test_scales_that_are_not_positive(tmp_path, scale, where):
    net, x = net_of()
    scales = {"act": 0.25, "weight": 0.25, where: scale}
    weights = net.const(net.rng.normal(size=(6, 4)))
    x = net.node("MatMul", x, net.quant(weights, scales["weight"], 3, name="weight"))
    x = net.quant(x, scales["act"], 3, name="act")
    refused(net.save(tmp_path / "n.onnx", SHAPE, x), where, "scale", "positive")


@pytest.mark.parametrize("scale", [0.0, -0.5])
def test_scales_of_onnx_that_are_not_positive(tmp_path, scale):
    net, x = net_of(dense)
    s, z = net.const(scale), net.const(0, np.int8)
    x = net.node("QuantizeLinear", x, s, z, name="q")
    x = net.node("DequantizeLinear", x, s, z)
    refused(net.save(tmp_path / "n.onnx", SHAPE, x), "q", "scale", "positive")


@pytest.mark.parametrize("scale", [0.0, -0.5])
def test_bipolar_scales_that_are_not_positive(tmp_path, scale):
    net, x = net_of(dense)
    x = net.node("BipolarQuant", x, net.const(scale), name="sign")
    refused(net.save(tmp_path / "n.onnx", SHAPE, x), "sign", "scale", "positive")


@pytest.mark.parametrize("bits", [0, -1, 33, 2.5, np.nan])
def test_bit_widths(tmp_path, bits):
    path = saved(tmp_path, dense, lambda net, x: net.quant(x, 0.25, bits, name="act"))
    refused(path, "act", *(("bit width", "1 to 32") if np.isfinite(bits) else ("nan",)))


def test_unknown_rounding_mode(tmp_path):
    path = saved(tmp_path, lambda net, x: net.quant(x, 0.25, 3, mode="RANDOM", name="act"))
    refused(path, "act", "RANDOM", "HALF_EVEN")


def test_empty_graph(tmp_path):
    net = Net()
    refused(net.save(tmp_path / "n.onnx", SHAPE, "x"), "no layers", kind=ModelError)


def test_no_input_and_two_inputs(tmp_path):
    net = Net()
    w = net.node("Relu", net.const([[1.0]]))
    path = net.save(tmp_path / "n.onnx", SHAPE, w)
    proto = onnx.load(path)
    del proto.graph.input[:]
    path.write_bytes(proto.SerializeToString())
    refused(path, "0 inputs", "one input", kind=ModelError)
    for name in ("left", "right"):
        proto.graph.input.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, SHAPE))
    path.write_bytes(proto.SerializeToString())
    refused(path, "2 inputs", "left, right", "one input", kind=ModelError)


def test_two_outputs(tmp_path):
    net, x = net_of(dense)
    path = net.save(tmp_path / "n.onnx", SHAPE, net.quant(x, 0.25, 3))
    proto = onnx.load(path)
    proto.graph.output.append(helper.make_tensor_value_info(x, TensorProto.FLOAT, None))
    path.write_bytes(proto.SerializeToString())
    refused(path, "2 outputs", "one output")


def test_output_without_input(tmp_path):
    net = Net()
    x = net.node("Relu", net.const([[1.0]]))
    net.node("Relu", "x")
    refused(net.save(tmp_path / "n.onnx", SHAPE, x), "does not depend on the network's input")


@pytest.mark.parametrize("shape", [(1, 0), (1, "n"), (1, 3, "h", "w"), (1, -1), ()])
def test_input_sizes(tmp_path, shape):
    path = saved(tmp_path, dense, shape=shape)
    refused(path, "input x", "shape", "fixed", kind=ModelError)


def test_zero_sized_weights(tmp_path):
    path = saved(tmp_path, lambda net, x: net.node("MatMul", x, net.const(np.zeros((6, 0)))))
    refused(path, "matmul")


def test_wrong_weight_shape(tmp_path):
    path = saved(tmp_path, lambda net, x: net.dense(x, (5, 4)))
    refused(path, "matmul", "5 inputs", "have 6")


def test_bias_of_wrong_size(tmp_path):
    path = saved(tmp_path, dense, lambda net, x: net.node("Add", x, net.const([1.0, 2, 3])))
    refused(path, "add", r"\(1, 4\)", r"\(3,\)", "broadcast")


def test_reshape_that_does_not_fit(tmp_path):
    path = saved(tmp_path, lambda net, x: net.node("Reshape", x, net.ints(1, 7)))
    refused(path, "reshape", r"\(1, 6\)")


def test_nodes_out_of_order(tmp_path):
    net, x = net_of(dense)
    x = net.quant(x, 0.25, 3)
    net.nodes.reverse()
    refused(net.save(tmp_path / "n.onnx", SHAPE, x), "nothing before it computes", kind=ModelError)


def test_cycle(tmp_path):
    net = Net()
    net.node("Add", "x", "b", name="a")
    net.node("Relu", "a", name="b")
    refused(net.save(tmp_path / "n.onnx", SHAPE, "b"), "a reads b", kind=ModelError)


def test_missing_external_data(tmp_path):
    path = saved(tmp_path, dense)
    proto = onnx.load(path)
    onnx.save(proto, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    assert lower(path).graph.nodes
    (tmp_path / "weights.bin").unlink()
    refused(path, "external weight file", "weights.bin", "keep it beside", kind=ModelError)


def test_external_data_cut_short(tmp_path):
    path = saved(tmp_path, dense)
    onnx.save(onnx.load(path), path, save_as_external_data=True, location="w.bin", size_threshold=0)
    (tmp_path / "w.bin").write_bytes((tmp_path / "w.bin").read_bytes()[:8])
    refused(path, kind=ModelError)


def test_damaged_constant(tmp_path):
    path = saved(tmp_path, dense)
    proto = onnx.load(path)
    entry = next(c for c in proto.graph.initializer if len(c.dims) == 2)
    entry.raw_data = entry.raw_data[:-3]
    path.write_bytes(proto.SerializeToString())
    refused(path, entry.name, "damaged", kind=ModelError)


def test_constant_of_text(tmp_path):
    net, x = net_of(dense)
    net.constants.append(numpy_helper.from_array(np.array(["a", "b"], dtype=object), "words"))
    path = net.save(tmp_path / "n.onnx", SHAPE, x)
    refused(path, "words", "not a number|damaged", kind=ModelError)


def test_every_problem_is_named_at_once(tmp_path):
    net, x = net_of(lambda net, x: net.dense(x, (6, 4), 12, 0.01))
    x = net.quant(x, 0.25, 40, name="wide_act")
    x = net.node("Hardmax", x, name="hard")
    refused(net.save(tmp_path / "n.onnx", SHAPE, x), "3 layers|4 layers", "wide_act", "hard")


def test_softmax_in_the_middle(tmp_path):
    net, x = net_of(dense)
    x = net.node("Softmax", x, name="attention")
    x = net.dense(net.quant(x, 0.1, 4, signed=False, name="behind"), (4, 3))
    refused(net.save(tmp_path / "n.onnx", SHAPE, x), "behind", "only the host computes", "Softmax")


def test_root_of_negative_numbers(tmp_path):
    path = saved(
        tmp_path, dense, lambda net, x: net.quant(net.node("Sqrt", x), 0.25, 3, name="act")
    )
    refused(path, "act", "root", "outside its domain")


def test_division_by_zero(tmp_path):
    path = saved(
        tmp_path,
        dense,
        lambda net, x: net.node("Div", x, net.const([1.0, 0, 1, 1]), name="ratio"),
        lambda net, x: net.quant(x, 0.25, 3, name="act"),
    )
    refused(path, "act|ratio", "divides by zero")


def test_axis_out_of_range(tmp_path):
    path = saved(tmp_path, dense, lambda net, x: net.node("ArgMax", x, axis=7, name="best"))
    refused(path, "best", "axis")


@pytest.mark.parametrize("kind", ["int32", "uint17", "float32", "byte", ""])
def test_input_types(kind):
    with pytest.raises(InputError, match="is not an integer type of 1 to 16 bits; use uint8"):
        InputOptions(kind)


@pytest.mark.parametrize("text", ["a", "1/0", "", "1,2", "nan"])
def test_input_scales(text):
    with pytest.raises(InputError, match=re.escape(repr(text)) + " is not a number"):
        InputOptions.parse("uint8", text)


def test_mean_of_wrong_size(tmp_path):
    path = saved(tmp_path, dense)
    with pytest.raises(InputError, match=r"has 3 numbers, .* shape \(1, 6\); give one number"):
        lower(path, input=InputOptions.parse("uint8", "1/255", "0.1,0.2,0.3"))


def test_metadata_that_is_wrong(tmp_path):
    net, x = net_of(dense)
    path = net.save(tmp_path / "n.onnx", SHAPE, x, metadata={"hwgen.input_type": "complex64"})
    with pytest.raises(InputError, match="complex64"):
        lower(path)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (np.zeros((2, 5), np.float32), r"shape \(2, 5\), expected \(frames, 6\)"),
        (np.zeros(6, np.float32), "shape"),
        (np.float32(1), "shape"),
        (np.full((1, 6), np.nan, np.float32), "NaN"),
        (np.full((1, 6), 1e300), "beyond float32"),
        (np.zeros((1, 6), np.uint8), "uint8, but the file takes real numbers"),
        (np.array([["a"] * 6]), "type"),
    ],
)
def test_values_fed(tmp_path, values, text):
    network = lower(saved(tmp_path, dense))
    with pytest.raises(InputError, match=text):
        network.input.encode(values)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (np.full((1, 6), 256), "frame 0: element 0 is 256, expected codes from 0 to 255"),
        (np.full((1, 6), -1), "expected codes from 0 to 255"),
        (np.full((1, 6), 0.5), "holds fractions"),
        (np.full((1, 6), np.inf), "is inf, expected codes"),
        (np.full((1, 6), np.nan), "infinity"),
        (np.zeros((1, 6), np.complex64), "complex64"),
    ],
)
def test_codes_fed(tmp_path, values, text):
    network = lower(saved(tmp_path, dense), input=InputOptions.parse("uint8", "1/255"))
    with pytest.raises(InputError, match=text):
        network.input.encode(values)
