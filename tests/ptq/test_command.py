"""``hwgen quantize`` from files to a file."""

import json

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from hwgen.cli import app
from hwgen.errors import HwgenError
from hwgen.frontend import lower

pytestmark = pytest.mark.train

MODEL = "tests.ptq.networks:convolutional"


@pytest.fixture(scope="session")
def files(digits, tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    torch.save(digits.network.state_dict(), folder / "state.pt")
    test = digits.data.test
    np.savez(folder / "calib.npz", x=digits.data.x.numpy())
    np.savez(folder / "test.npz", x=test.x.numpy(), y=test.y.numpy())
    return folder


def run(files, *options):
    """Return what the command told as JSON."""
    given = ["quantize", MODEL, "--state", str(files / "state.pt"), "--json", "--quiet"]
    given += ["--calib", str(files / "calib.npz"), "--test", str(files / "test.npz")]
    result = CliRunner().invoke(app, [*given, "--input-scale", "1/16", *options])
    if result.exception is not None:
        raise result.exception
    return json.loads(result.stdout)


def test_command_writes_a_file_and_tells_what_it_lost(files, tmp_path):
    out = tmp_path / "model.onnx"
    told = run(files, "--weight-bits", "3", "--layer-bits", "6=8", "--out", str(out))
    assert [row["bits"] for row in told["layers"]] == [3, 3, 3, 3, 8]
    assert told["accuracy_before"] - told["accuracy"] < 0.05
    assert lower(out).weight_bits > 0


def test_lut_budget_holds_for_the_whole_design(files, tmp_path):
    out = tmp_path / "model.onnx"
    options = ["--board", "pynq-z2", "--target-fps", "20000", "--act-bits", "4"]
    told = run(files, *options, "--budget-luts", "2100", "--out", str(out))
    assert len({row["bits"] for row in told["layers"]}) > 1

    command = ["estimate", "--model", str(out), "--json", "--quiet", *options[:4]]
    report = json.loads(CliRunner().invoke(app, command).stdout)
    assert report["resources"]["estimate"]["lut"] <= 2100


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--layer-bits", "6"], "is not LAYER=BITS"),
        (["--weight-bits", "9"], "weights of 9 bit"),
        (["--variant", "hard"], "no Quant node holds them"),
        (["--budget-bits", "100"], "the smallest possible"),
        (["--calib", "nowhere.npz"], "nowhere.npz cannot be read"),
    ],
)
def test_bad_options_say_what_to_do(options, text, files):
    with pytest.raises(HwgenError, match=text):
        run(files, *options)
