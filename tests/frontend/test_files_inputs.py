"""What enters a network: pixels by options or metadata, codes by annotation or element type."""

from fractions import Fraction

import numpy as np
import pytest
from onnx import TensorProto

from hwgen.frontend import InputOptions
from tests.frontend.build import Net, check


@pytest.mark.parametrize("by", ["options", "metadata", "both"])
def test_pixels_as_input(tmp_path, by):
    net = Net(seed=29)
    x = net.quant("x", 0.1, 4)
    x = net.dense(net.node("Flatten", x), (12, 4))
    metadata = {"hwgen.input_type": "uint8", "hwgen.input_scale": "1/255"}
    if by == "both":  # what the user says overrides the file
        metadata["hwgen.input_scale"] = "3"
    path = net.save(
        tmp_path / "n.onnx", (1, 3, 2, 2), x, metadata=None if by == "options" else metadata
    )
    pixels = np.random.default_rng(1).integers(0, 256, (12, 3, 2, 2)).astype(np.uint8)
    real = pixels.astype(object) * Fraction(1, 255)
    options = None if by == "metadata" else InputOptions.parse("uint8", "1/255")
    network = check(path, pixels, options=options, real=real)
    assert network.input.type.high == 255


def test_pixels_with_mean_and_deviation_per_channel(tmp_path):
    net = Net(seed=30)
    x = net.quant("x", 0.1, 5)
    x = net.dense(net.node("Flatten", x), (12, 4))
    path = net.save(tmp_path / "n.onnx", (1, 3, 2, 2), x)
    options = InputOptions.parse("uint8", "1/255", "0.485,0.456,0.406", "0.229,0.224,0.225")
    pixels = np.random.default_rng(1).integers(0, 256, (12, 3, 2, 2)).astype(np.uint8)
    mean, std = (np.array(v, dtype=object)[:, None, None] for v in (options.mean, options.std))
    real = (pixels.astype(object) * Fraction(1, 255) - mean) / std
    check(path, pixels, options=options, real=real)


def test_input_codes_by_annotation(tmp_path):
    """No leading quantizer: FINN's annotation says what enters."""
    net = Net(seed=31)
    net.annotations["x"] = "UINT4"
    x = net.dense("x", (6, 4))
    path = net.save(tmp_path / "n.onnx", (1, 6), net.quant(x, 0.5, 4))
    codes = np.random.default_rng(1).integers(0, 16, (12, 6))
    assert check(path, codes).input.type.high == 15


def test_input_codes_by_element_type(tmp_path):
    net = Net(seed=32)
    x = net.node("Cast", "x", to=int(TensorProto.FLOAT))
    x = net.quant(net.node("Div", x, net.const(255.0)), 1 / 15, 4, signed=0)
    path = net.save(tmp_path / "n.onnx", (1, 6), net.dense(x, (6, 4)), elem=TensorProto.UINT8)
    codes = np.random.default_rng(1).integers(0, 256, (12, 6)).astype(np.uint8)
    assert check(path, codes).input.type.high == 255
