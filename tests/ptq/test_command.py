"""``hwgen quantize`` from files to a file."""

import json
import re

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from hwgen.cli import app
from hwgen.errors import BudgetError, HwgenError, OutputError
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


def test_an_impossible_lut_budget_says_the_smallest_that_holds(files, tmp_path):
    out = tmp_path / "model.onnx"
    options = ["--act-bits", "4", "--target-fps", "1000", "--out", str(out)]
    with pytest.raises(BudgetError, match="the smallest possible") as caught:
        run(files, *options, "--budget-luts", "10")
    assert not out.exists()
    least = re.search(r"takes ([\d,]+) LUTs", str(caught.value))
    assert least

    told = run(files, *options, "--budget-luts", least[1].replace(",", ""))

    assert {row["bits"] for row in told["layers"]} == {2}


def test_the_published_alphabet_says_at_how_many_bits_it_is_exported(files, tmp_path):
    given = ["quantize", MODEL, "--calib", str(files / "calib.npz"), "--input-scale", "1/16"]
    given += ["--levels", "published", "--weight-bits", "3", "--out", str(tmp_path / "model.onnx")]
    result = CliRunner().invoke(app, given)
    assert "2^b + 1 levels: b bit are exported as b + 1" in result.stdout
    graph = lower(tmp_path / "model.onnx").graph
    assert max(int(abs(n.op.weights).max()) for n in graph.nodes if hasattr(n.op, "weights")) == 4


def test_each_method_has_its_own_defaults_and_options(files, tmp_path):
    out = str(tmp_path / "model.onnx")
    told = run(files, "--method", "tsq", "--set", "restarts=0", "--out", out)
    assert [row["bits"] for row in told["layers"]] == [8, 2, 2, 2, 8]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--layer-bits", "6"], "is not LAYER=BITS"),
        (["--weight-bits", "9"], "weights of 9 bit"),
        (["--variant", "hard"], "no Quant node holds them"),
        (["--budget-bits", "100"], "the smallest possible"),
        (["--budget-bits", "100", "--budget-luts", "100"], "exclude each other"),
        (["--calib", "nowhere.npz"], "nowhere.npz cannot be read"),
        (["--method", "qmse", "--variant", "soft"], "--variant is an option of --method gpfq"),
        (["--set", "shares=1"], r"gpfq has no option shares; did you mean share "),
        (["--set", "share=x"], "should be a valid number"),
        (["--input-mean", "x"], "is not a number"),
    ],
)
def test_bad_options_say_what_to_do(options, text, files, tmp_path):
    with pytest.raises(HwgenError, match=text) as caught:
        run(files, *options, "--out", str(tmp_path / "model.onnx"))
    assert caught.value.exit_code == 2
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arrays", "text"),
    [
        ({"x": np.zeros((0, 8, 8), np.uint8)}, "holds no samples"),
        ({"x": np.full((9, 8, 8), 7, np.uint8)}, "every value of the calibration set is 7"),
        ({"x": np.full((9, 8, 8), np.nan)}, "9 calibration samples hold NaN"),
        ({"x": np.arange(1728).reshape(9, 3, 8, 8)}, "does not take calibration samples"),
        ({"x": np.array(["a", "b"])}, "samples are numbers"),
        ({"x": np.float32(3)}, r"shape \(\)"),
        ({"x": np.arange(576).reshape(9, 8, 8), "y": np.zeros(8, int)}, "for 9 samples"),
        ({"x": np.arange(576).reshape(9, 8, 8), "y": np.full(9, 10)}, "from 10 to 10"),
        ({"z": np.zeros(3)}, "x is not a file in the archive"),
    ],
)
def test_calibration_files_that_do_not_do_are_refused(arrays, text, tmp_path):
    np.savez(tmp_path / "calib.npz", **arrays)
    given = ["quantize", "tests.ptq.networks:convolutional", "--quiet"]
    given += ["--calib", str(tmp_path / "calib.npz"), "--out", str(tmp_path / "model.onnx")]
    result = CliRunner().invoke(app, given)
    assert isinstance(result.exception, HwgenError), result.exception
    assert result.exception.exit_code == 2
    with pytest.raises(HwgenError, match=text):
        raise result.exception
    assert not (tmp_path / "model.onnx").exists()


def test_an_output_that_cannot_be_written_is_known_at_once(files, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        run(files, "--out", str(tmp_path / "file" / "model.onnx"))
    with pytest.raises(OutputError, match="is a folder"):
        run(files, "--out", str(tmp_path))
