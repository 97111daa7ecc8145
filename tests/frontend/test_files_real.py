"""Published networks and exports of today's Brevitas: exact integers, and ONNX execution agrees."""

from pathlib import Path

import numpy as np
import pytest

from hwgen.frontend import InputOptions, Network, certify, lower

DATA = Path(__file__).parent / "data"
DENSE = {
    "TFC_1W1A": 92.96,
    "TFC_1W2A": 94.74,
    "TFC_2W2A": 96.60,
    "tfc-w1a1": 91.3,
    "tfc-w1a2": 93.8,
    "tfc-w2a2": 96.6,
}
"""Percent of MNIST classified rightly: of all test images, ``tfc-*`` of the first 1,000."""

EXPORTS = sorted(path.stem for path in DATA.glob("*.onnx"))


def classes(network: Network, x: np.ndarray) -> np.ndarray:
    y = network.output.decode(network.graph.run(network.input.encode(x)))
    return y.reshape(-1) if network.output.is_index else y.reshape(len(y), -1).argmax(axis=1)


def assert_explained(network: Network, x: np.ndarray) -> None:
    found = certify(network, x)
    assert found.frames == len(x)
    assert found.values > 0
    assert found.unexplained == 0, str(found.first)


@pytest.mark.parametrize("name", [*DENSE, "kws_w3a3_mlperftiny"])
def test_published_network_agrees_with_onnx_execution(shared, name):
    network = lower(shared / "models" / f"{name}.onnx")
    golden = np.load(shared / "golden" / f"{name}.npz")

    assert_explained(network, golden["x"])

    y = network.output.decode(network.graph.run(network.input.encode(golden["x"])))
    assert y.shape == golden["y_out"].shape
    if network.output.is_index:
        np.testing.assert_array_equal(y, golden["y_out"])
    else:
        same = y.argmax(axis=1) == golden["y_out"].argmax(axis=1)
        assert same.sum() >= len(same) - 1  # float32 may decide one tie of an image otherwise


@pytest.mark.parametrize("name", DENSE)
def test_published_accuracy_on_mnist(shared, name):
    network = lower(shared / "models" / f"{name}.onnx")
    data = np.load(shared / "data" / "mnist_test.npz")
    x, y = data["x"][:, None], data["y"]
    if name.startswith("tfc"):
        x, y = x[:1000], y[:1000]
    else:
        x = x.astype(np.float32) / np.float32(255)

    right = (classes(network, x) == y).mean() * 100

    assert right == pytest.approx(DENSE[name], abs=0.1)


def test_published_accuracy_from_pixels(shared):
    """8-bit pixels straight into the hardware: the first quantizer is tabulated on chip."""
    kind = InputOptions.parse("uint8", "1/255")
    network = lower(shared / "models" / "TFC_2W2A.onnx", input=kind)
    data = np.load(shared / "data" / "mnist_test.npz")

    right = (classes(network, data["x"]) == data["y"]).mean() * 100

    assert right == pytest.approx(96.60, abs=0.1)
    assert_explained(network, data["x"][:8, None])


def test_published_accuracy_on_keywords(shared):
    network = lower(shared / "models" / "kws_w3a3_mlperftiny.onnx")
    data = np.load(shared / "data" / "kws_gscv2_mfcc_test1000.npz")
    x = (data["x"].astype(np.float32) * np.float32(0.33674246)).reshape(-1, 1, 10, 49)

    found = classes(network, x)

    assert (found == data["y"].reshape(-1)).mean() == pytest.approx(0.825, abs=0.0015)
    assert (found == data["published_pred"].reshape(-1)).mean() >= 0.998


@pytest.mark.parametrize("name", EXPORTS)
def test_export_of_brevitas(name):
    network = lower(DATA / f"{name}.onnx")
    golden = np.load(DATA / f"{name}.npz")

    x = golden["x_uint8"] if network.input.integer else golden["x"]  # by the file's metadata

    assert_explained(network, x)

    y = network.output.decode(network.graph.run(network.input.encode(x)))
    assert y.shape == golden["y_out"].shape
    close = np.isclose(y, golden["y_out"], rtol=1e-4, atol=1e-5).all(axis=1)
    assert close.mean() > 0.85  # a tie may round otherwise in torch's float32
