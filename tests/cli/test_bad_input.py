"""Bad input: exit status 2, one clear paragraph, no traceback, nothing left behind."""

from __future__ import annotations

import numpy as np
import pytest

from tests.flow.networks import float_mlp, unsupported_op, wide_weights

BUILD = ("build", "--board", "pynq-z2", "--out", "out", "--quiet")


def assert_refused(done, *parts: str) -> None:
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    paragraph = " ".join(done.stderr.split())
    assert paragraph.startswith("hwgen: ")
    assert paragraph.count("hwgen: ") == 1
    for part in parts:
        assert part in paragraph
    assert done.stdout == ""


def assert_nothing_left(hwgen, *kept: str) -> None:
    assert sorted(entry.name for entry in hwgen.folder.iterdir()) == sorted(kept)


def test_missing_file(hwgen):
    assert_refused(hwgen(*BUILD, "--model", "none.onnx"), "none.onnx", "no such file")
    assert_nothing_left(hwgen)


@pytest.mark.parametrize("content", [b"", b"plain text", b"\x89PNG\r\n\x1a\n" + bytes(64)])
def test_not_onnx(hwgen, content):
    (hwgen.folder / "m.onnx").write_bytes(content)
    assert_refused(hwgen(*BUILD, "--model", "m.onnx"), "m.onnx", "not an ONNX file")
    assert_nothing_left(hwgen, "m.onnx")


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_truncated_file(hwgen, tiny, share):
    content = tiny.read_bytes()
    (hwgen.folder / "m.onnx").write_bytes(content[: int(len(content) * share)])
    assert_refused(hwgen(*BUILD, "--model", "m.onnx"), "m.onnx")
    assert_nothing_left(hwgen, "m.onnx")


@pytest.mark.parametrize(
    ("write", "parts"),
    [
        (float_mlp, ["fc", "quantize"]),
        (unsupported_op, ["spectrum", "Einsum"]),
        (wide_weights, ["fc0", "8 bit"]),
    ],
)
def test_networks_that_cannot_become_hardware(hwgen, write, parts):
    write(hwgen.folder / "m.onnx")
    assert_refused(hwgen(*BUILD, "--model", "m.onnx"), *parts)
    assert_nothing_left(hwgen, "m.onnx")


def test_every_layer_in_the_way_has_a_line(hwgen):
    wide_weights(hwgen.folder / "m.onnx")
    first, *rest = hwgen(*BUILD, "--model", "m.onnx").stderr.splitlines()
    assert first.endswith("3 layers cannot become hardware:")
    assert [line.split(",")[0] for line in rest] == ["- fc0", "- fc1", "- fc2"]


def test_an_archive_is_no_array_of_inputs(hwgen, tiny):
    np.savez(hwgen.folder / "x.npz", x=np.zeros((4, 8), np.float32))
    done = hwgen(*BUILD, "--model", tiny, "--inputs", "x.npz")
    assert_refused(done, "x.npz", "numpy.save")
    assert_nothing_left(hwgen, "x.npz")


def test_unknown_board(hwgen, tiny):
    done = hwgen("build", "--model", tiny, "--board", "pynq-z3", "--out", "out")
    assert_refused(done, "pynq-z3", "did you mean pynq-z2 or pynq-z1")
    assert_nothing_left(hwgen)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("[layers.fc9]\npe = 1\n", ["fc9", "fc1"]),
        ("[layers.fc0]\npee = 1\n", ["pee", "did you mean pe"]),
        ("[layers.fc0]\npe = 1000\n", ["fc0", "PE=1000", "1..6"]),
        ("layers = [\n", ["folding.toml is not TOML"]),
    ],
)
def test_wrong_folding_file(hwgen, tiny, text, parts):
    (hwgen.folder / "folding.toml").write_text(text)
    assert_refused(hwgen(*BUILD, "--model", tiny, "--folding", "folding.toml"), *parts)
    assert_nothing_left(hwgen, "folding.toml")


def test_impossible_target(hwgen, tiny):
    done = hwgen(*BUILD, "--model", tiny, "--target-fps", "1e12")
    assert_refused(done, "fps")
    assert "best" in done.stderr
    assert_nothing_left(hwgen)


@pytest.mark.parametrize("out", ["file/out", "/proc/none/out"])
def test_unwritable_output(hwgen, tiny, out):
    (hwgen.folder / "file").write_text("in the way")
    done = hwgen("build", "--model", tiny, "--board", "pynq-z2", "--out", out, "--quiet")
    assert_refused(done, "out cannot be written")
    assert_nothing_left(hwgen, "file")


def test_output_folder_of_somebody_else(hwgen, tiny):
    (hwgen.folder / "out").mkdir()
    (hwgen.folder / "out" / "notes.txt").write_text("mine")
    assert_refused(hwgen(*BUILD, "--model", tiny), "out", "not an earlier hwgen build")
    assert (hwgen.folder / "out" / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("array", "parts"),
    [
        (np.zeros((4, 9), np.float32), ["9", "8"]),
        (np.zeros((4, 8), np.complex64), ["complex64"]),
        (np.full((4, 8), np.nan, np.float32), ["NaN"]),
        (np.zeros((0, 8), np.float32), ["no frame"]),
        (np.array(["text"]), ["inputs.npy"]),
        (np.zeros(8, np.float32), ["x[None]"]),
        (np.zeros((4, 8), np.int64), ["int64", "--input-type"]),
        (np.full((4, 8), 1e200), ["beyond float32"]),
    ],
    ids=["shape", "dtype", "nan", "empty", "text", "one frame", "integers", "huge"],
)
def test_wrong_inputs(hwgen, tiny, array, parts):
    np.save(hwgen.folder / "inputs.npy", array)
    assert_refused(hwgen(*BUILD, "--model", tiny, "--inputs", "inputs.npy"), *parts)
    assert_nothing_left(hwgen, "inputs.npy")


def test_inputs_outside_the_range_of_their_type(hwgen, tiny):
    np.save(hwgen.folder / "inputs.npy", np.full((2, 8), 256))
    flags = ("--input-type", "uint8", "--input-scale", "1/255")
    done = hwgen(*BUILD, "--model", tiny, "--inputs", "inputs.npy", *flags)
    assert_refused(done, "256", "from 0 to 255")
    assert_nothing_left(hwgen, "inputs.npy")


@pytest.mark.parametrize(
    ("flags", "parts"),
    [
        (["--budget", "lots"], ["--budget 'lots' is not a share"]),
        (["--budget", "120%"], ["120%", "at most 100 %"]),
        (["--frames", "0"], ["--frames 0 must be 1 or more"]),
        (["--stall", "1"], ["--stall 1 must be at least 0 and below 1"]),
        (["--target-fps", "1", "--maximize", "fps"], ["contradict each other"]),
        (["--clock-mhz", "-5"], ["clock", "positive"]),
        (["--clock-mhz", "inf"], ["clock", "positive"]),
        (["--target-fps", "nan"], ["target fps nan must be a positive number"]),
        (["--input-type", "uint7x"], ["uint7x"]),
        (["--input-type", "uint8", "--input-scale", "1/0"], ["1/0"]),
    ],
)
def test_contradicting_or_senseless_options(hwgen, tiny, flags, parts):
    assert_refused(hwgen(*BUILD, "--model", tiny, *flags), *parts)
    assert_nothing_left(hwgen)


@pytest.mark.parametrize("command", ["sim", "report", "evaluate"])
def test_a_folder_that_is_no_build(hwgen, command):
    data = ("--data", "none.npz") if command == "evaluate" else ()
    target = ("--model", ".") if command == "evaluate" else (".",)
    assert_refused(hwgen(command, *target, *data), "not a build")
