"""The pipeline: exact, reproducible, and unforgiving where a component is broken."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hwgen import flow
from hwgen.dataflow.units import MvuUnit, ThresholdUnit
from hwgen.emit import component
from hwgen.errors import VerificationError
from hwgen.flow.decide import decide
from hwgen.flow.inputs import random_codes, random_numbers
from hwgen.flow.progress import Progress
from hwgen.frontend import lower
from hwgen.ir import TensorType
from hwgen.report import Report
from tests.flow.networks import tiny_mlp


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> Path:
    return tiny_mlp(tmp_path_factory.mktemp("tiny") / "tiny.onnx")


def request(model: Path, **changes) -> flow.Request:
    return flow.Request(**{"model": model, "board": "pynq-z2", **changes})


def test_the_folder_holds_what_was_promised(tiny, tmp_path):
    built = flow.build(request(tiny), flow.Trial(frames=6), tmp_path / "out", command="hwgen ...")

    built.require()
    out = tmp_path / "out"
    names = {path.name for path in out.iterdir()}
    assert names >= {
        "report.html",
        "report.json",
        "verification.json",
        "folding.toml",
        "graph.json",
        "model.onnx",
        "rtl",
        "sim",
    }
    assert (out / "model.onnx").read_bytes() == tiny.read_bytes()
    assert Report.model_validate_json((out / "report.json").read_text()) == built.report
    found = json.loads((out / "verification.json").read_text())
    assert [run["stall"] for run in found["runs"]] == [0.0, 0.3, 0.0]
    assert [run["layers"] for run in found["runs"]] == [False, False, True]
    assert all(run["cycles_predicted"] == run["cycles_simulated"] for run in found["runs"])
    assert sum(run["values"] for run in found["runs"]) == 2 * 6 * 3 + 6 * (6 + 6 + 4 + 4 + 3)
    assert sum(layer["values"] for layer in found["onnx"]) > 0
    assert sum(layer["unexplained"] for layer in found["onnx"]) == 0
    graph = json.loads((out / "graph.json").read_text())
    assert [unit["node"] for unit in graph["units"]]
    assert list((out / "sim").rglob("*.so"))
    assert not list((out / "sim").rglob("*.cpp"))


def test_building_twice_gives_the_same_bytes(tiny, tmp_path):
    for name in ("a", "b"):
        flow.build(request(tiny), flow.Trial(frames=2, engine="amaranth"), tmp_path / name)

    for part in ("rtl", "folding.toml", "graph.json", "build.json"):
        first, second = tmp_path / "a" / part, tmp_path / "b" / part
        paths = sorted(first.iterdir()) if first.is_dir() else [first]
        others = sorted(second.iterdir()) if second.is_dir() else [second]
        assert [path.name for path in paths] == [path.name for path in others]
        assert [path.read_bytes() for path in paths] == [path.read_bytes() for path in others]


def test_figures_hang_together(tiny):
    report = flow.estimate(request(tiny), command="", progress=Progress())

    speed, cells = report.performance, report.resources
    assert speed.fps == pytest.approx(report.clock_mhz * 1e6 / speed.ii_cycles)
    assert speed.latency_us == pytest.approx(speed.latency_cycles / report.clock_mhz)
    assert speed.bottleneck in {layer.name for layer in report.layers}
    assert max(layer.cycles for layer in report.layers) <= speed.ii_cycles
    assert cells.estimate.lut <= cells.budget * cells.available.lut
    assert sum(layer.lut for layer in report.layers) == pytest.approx(cells.estimate.lut, abs=9)
    assert report.model.macs == sum(layer.macs for layer in report.layers) == 8 * 6 + 6 * 4 + 4 * 3
    assert report.streams[0].source == "input"
    assert report.streams[-1].target == "output"


def test_a_link_limits_the_speed_with_io_alone(shared):
    flags = flow.InputFlags(type="uint8", scale="1/255")
    model = shared / "models" / "TFC_1W1A.onnx"
    report = flow.estimate(request(model, input=flags), command="", progress=Progress())

    speed = report.performance
    assert speed.io_cycles == 98  # 784 bytes at 8 bytes a cycle
    assert speed.fps_with_io == pytest.approx(1e8 / max(98, speed.ii_cycles))
    assert speed.fps == pytest.approx(1e8 / speed.ii_cycles)


def test_a_fast_folding_of_tfc_fits(shared):
    model = shared / "models" / "TFC_1W1A.onnx"
    report = flow.estimate(request(model, target_fps=1e8 / 64), command="", progress=Progress())

    assert report.performance.ii_cycles <= 64
    assert report.resources.estimate.lut <= 0.7 * 53200


def late_threshold(unit):
    """``>=`` becomes ``>``: every level is one too high."""
    if isinstance(unit, ThresholdUnit):
        return component(replace(unit, thresholds=unit.thresholds + 1))
    return component(unit)


def wrong_weight(unit):
    """The last weight of the first layer is off by one."""
    if isinstance(unit, MvuUnit) and unit.name == "fc0":
        weights = unit.weights.copy()
        weights[-1, -1] += 1 if weights[-1, -1] <= 0 else -1
        return component(replace(unit, weights=weights))
    return component(unit)


@pytest.mark.parametrize(("make", "layers"), [(late_threshold, {"act0"}), (wrong_weight, {"fc0"})])
@pytest.mark.parametrize("engine", ["verilator", "amaranth"])
def test_a_broken_component_fails_the_build_and_is_named(tiny, tmp_path, make, layers, engine):
    trial = flow.Trial(frames=32, engine=engine)
    built = flow.build(request(tiny), trial, tmp_path / "out", make=make)

    with pytest.raises(VerificationError, match=r"differ .*; first: frame \d+, layer") as seen:
        built.require()

    assert seen.value.exit_code == 1
    assert any(f"layer {layer}" in str(seen.value) for layer in layers)
    assert "channel" in str(seen.value)
    assert not built.report.verified
    page = (tmp_path / "out" / "report.html").read_text()
    assert "Not verified" in page


def test_foldings_give_the_same_outputs(tiny, tmp_path):
    codes = random_codes(lower(tiny).input.type, 20)
    outputs = []
    for name, goal in (("slow", {"target_fps": 1000.0}), ("fast", {"maximize": "latency"})):
        decision = decide(request(tiny, **goal), Progress())
        flow.build(request(tiny, **goal), flow.Trial(frames=20), tmp_path / name).require()
        outputs.append(decision.graph.run(codes))
    np.testing.assert_array_equal(*outputs)


def test_random_codes_reach_the_ends_of_the_range():
    codes = random_codes(TensorType((5,), -3, 4), 50)
    bipolar = random_codes(TensorType((5,), -1, 1, bipolar=True), 50)

    assert set(np.unique(codes)) == set(range(-3, 5))
    assert (codes[0] == -3).all()
    assert (codes[1] == 4).all()
    assert set(np.unique(bipolar)) == {-1, 1}


def test_random_numbers_reach_every_code(tiny):
    source = lower(tiny).input
    codes = source.encode(random_numbers(source, 40))
    assert set(np.unique(codes)) == set(range(source.type.low, source.type.high + 1))
