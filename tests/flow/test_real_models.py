"""Networks that others trained: proven on their golden inputs, at several foldings."""

from __future__ import annotations

import numpy as np
import pytest

from hwgen import flow
from hwgen.flow.progress import Progress

MODELS = [
    "TFC_1W1A",
    "TFC_1W2A",
    "TFC_2W2A",
    "tfc-w1a1",
    "tfc-w1a2",
    "tfc-w2a2",
    "kws_w3a3_mlperftiny",
]


# Convolutional networks, with frames and the two speeds they are folded for.
CONV_MODELS = {
    "gtsrb_12x12_w2a3_c12x24x36": (64, 500.0, 5_000.0),
    "gtsrb12_step_streamline": (64, 500.0, 5_000.0),
    "nn2fpga_resnet8": (8, 20.0, 400.0),
    "bnnpynq_cnvW1A1_cifar10": (4, 20.0, 400.0),
    "bnnpynq_cnvW2A2_cifar10": (4, 20.0, 300.0),
}


def prove(shared, tmp_path, name: str, frames: int, **goal) -> flow.Built:
    model = shared / "models" / f"{name}.onnx"
    with np.load(shared / "golden" / f"{name}.npz") as golden:
        np.save(tmp_path / "x.npy", golden["x"])
    request = flow.Request(model=model, board="pynq-z2", **goal)
    trial = flow.Trial(frames=frames, inputs=tmp_path / "x.npy")
    built = flow.build(request, trial, tmp_path / "out")
    built.require()
    found = built.report.verification
    assert found.values >= 2 * frames
    assert (found.mismatches, found.onnx_unexplained, found.onnx_frames) == (0, 0, frames)
    assert found.cycles_predicted == found.cycles_simulated
    return built


def test_a_published_network_on_golden_inputs(shared, tmp_path):
    prove(shared, tmp_path, "TFC_1W1A", 16, target_fps=20_000.0)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_published_networks_on_golden_inputs(shared, tmp_path, name):
    """Two foldings, each proven; their outputs are the same, and a second build is the first."""
    found = []
    for folder, goal in (("a", {"target_fps": 20_000.0}), ("b", {"maximize": "fps"})):
        (tmp_path / folder).mkdir()
        prove(shared, tmp_path / folder, name, 64, **goal)
        path = tmp_path / folder / "y.npy"
        trial = flow.Trial(frames=64, inputs=tmp_path / folder / "x.npy", stall=0.2)
        flow.rerun(tmp_path / folder / "out", trial, outputs=path, progress=Progress())
        found.append(np.load(path))
    assert np.array_equal(*found)
    (tmp_path / "c").mkdir()
    prove(shared, tmp_path / "c", name, 2, maximize="fps")
    files = sorted((tmp_path / "b" / "out" / "rtl").iterdir())
    again = sorted((tmp_path / "c" / "out" / "rtl").iterdir())
    assert [path.name for path in files] == [path.name for path in again]
    assert all(a.read_bytes() == b.read_bytes() for a, b in zip(files, again, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("name", CONV_MODELS)
def test_published_convolutional_networks_on_golden_inputs(shared, tmp_path, name):
    frames, *speeds = CONV_MODELS[name]
    found = []
    for fps in speeds:
        folder = tmp_path / f"{fps:g}"
        folder.mkdir()
        prove(shared, folder, name, frames, target_fps=fps)
        trial = flow.Trial(frames=frames, inputs=folder / "x.npy", stall=0.2)
        flow.rerun(folder / "out", trial, outputs=folder / "y.npy", progress=Progress())
        found.append(np.load(folder / "y.npy"))
    assert np.array_equal(*found)


@pytest.mark.parametrize(
    ("name", "data", "flags", "accuracy"),
    [
        ("TFC_2W2A", "mnist_test", flow.InputFlags(scale="1/255"), 0.9660),
        (
            "kws_w3a3_mlperftiny",
            "kws_gscv2_mfcc_test1000",
            flow.InputFlags(scale="0.33674246"),
            0.825,
        ),
    ],
)
def test_published_accuracy(shared, name, data, flags, accuracy):
    found = flow.evaluate(
        shared / "models" / f"{name}.onnx",
        shared / "data" / f"{data}.npz",
        flags=flags,
        limit=None,
        engine="reference",
        progress=Progress(),
    )
    assert found.accuracy == pytest.approx(accuracy, abs=0.001)
