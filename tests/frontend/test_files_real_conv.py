"""Convolutional networks that others trained, and our designs: ONNX execution agrees."""

from pathlib import Path

import numpy as np
import pytest

from hwgen.frontend import Network, certify, lower
from hwgen.host import arrange

DESIGNS = Path(__file__).parents[2] / "designs"
GOLDEN = (
    "gtsrb_12x12_w2a3_c12x24x36",
    "gtsrb12_step_streamline",
    "nn2fpga_resnet8",
    "bnnpynq_cnvW1A1_cifar10",
    "bnnpynq_cnvW2A2_cifar10",
)
# Files without golden outputs, and where to find real inputs for them.
OTHERS = {
    "gtsrb12_step_qonnx_to_finn": ("gtsrb_12x12_w2a3_c12x24x36", "x_uint8"),
    "nn2fpga_two_layers": ("nn2fpga_resnet8", "x"),
}
CONV = ("cnv_w1a1", "cnv_w2a2", "mobilenet_w4a4", "resnet_w2a2", "unet_w4a4", "vgg10_radioml_w4a4")


def assert_explained(network: Network, x: np.ndarray) -> None:
    """Every layer, fed our codes, gives our codes in ONNX execution, or float32 says why not."""
    found = certify(network, x)
    assert found.frames == len(x)
    assert found.values > 0
    assert found.unexplained == 0, str(found.first)


def assert_golden(shared: Path, name: str, frames: int) -> None:
    network = lower(shared / "models" / f"{name}.onnx")
    golden = np.load(shared / "golden" / f"{name}.npz")
    x, wanted = golden["x"][:frames], golden["y_out"][:frames]
    out = network.output.decode(network.graph.run(network.input.encode(x)))
    np.testing.assert_allclose(out, wanted, rtol=0, atol=1e-5)
    assert_explained(network, x)


def assert_other(shared: Path, name: str, frames: int) -> None:
    network = lower(shared / "models" / f"{name}.onnx")
    source, key = OTHERS[name]
    x = np.load(shared / "golden" / f"{source}.npz")[key][:frames]
    channels, *pixels = network.input.shape
    x = x[:, :channels, : pixels[0], : pixels[1]]
    assert_explained(network, x.astype(np.float32) if not network.input.integer else x)


def assert_design(name: str, frames: int) -> None:
    """``x`` holds the raw numbers that the design's file takes."""
    network = lower(DESIGNS / name / "model.onnx")
    x = np.load(DESIGNS / name / "samples.npz")["x"][:frames]
    assert_explained(network, arrange(x, network.input.shape))


@pytest.mark.parametrize("name", GOLDEN)
def test_published_network(shared, name):
    assert_golden(shared, name, 16 if name.startswith("gtsrb") else 1)


@pytest.mark.parametrize("name", OTHERS)
def test_published_network_without_golden_outputs(shared, name):
    assert_other(shared, name, 2)


@pytest.mark.parametrize("name", CONV[2:])
def test_design(name):
    assert_design(name, 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", GOLDEN)
def test_published_network_on_all_golden_inputs(shared, name):
    assert_golden(shared, name, 64)


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_published_network_without_golden_outputs_on_many_inputs(shared, name):
    assert_other(shared, name, 64)


@pytest.mark.slow
@pytest.mark.parametrize("name", CONV)
def test_design_on_all_samples(name):
    assert_design(name, 16)
