"""Whole networks counted: what is committed keeps its limits, and a small one is counted anew."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sim import networks
from sim.networks import (
    CASES,
    ROOT,
    SAVED,
    SAVED_DESIGNS,
    Case,
    counted,
    design_cases,
    table,
)

SLOWEST_NS = 5.0
NETWORKS = json.loads(SAVED.read_text(encoding="utf-8"))
DESIGNS = json.loads(SAVED_DESIGNS.read_text(encoding="utf-8"))
LINES = NETWORKS + DESIGNS


def test_every_network_is_counted():
    assert [line["name"] for line in NETWORKS] == [case.name for case in CASES]
    assert [line["name"] for line in DESIGNS] == [case.name for case in design_cases()]


@pytest.mark.parametrize("line", LINES, ids=[line["name"] for line in LINES])
def test_no_path_through_logic_is_longer_than_the_limit(line):
    assert line["logic_ns"] <= SLOWEST_NS


@pytest.mark.parametrize("line", NETWORKS, ids=[line["name"] for line in NETWORKS])
def test_counts_keep_speed_and_cells(line):
    case = next(case for case in CASES if case.name == line["name"])
    assert line["fps"] >= (case.target_fps or 0)
    if case.most is not None:
        luts, blocks = case.most
        assert line["synth"]["lut"] <= luts
        assert blocks is None or line["synth"]["bram36"] <= blocks


@pytest.mark.parametrize("lines", [NETWORKS, DESIGNS], ids=["networks", "designs"])
def test_estimates_are_near_the_counts(lines):
    errors = [abs(line["estimate"]["lut"] / line["synth"]["lut"] - 1) for line in lines]
    assert np.median(errors) <= 0.08
    assert max(errors) <= 0.20


@pytest.mark.parametrize("kind", ["bram36", "dsp"])
def test_estimated_blocks_are_those_counted(kind):
    assert [line["estimate"][kind] for line in LINES] == [line["synth"][kind] for line in LINES]


def test_a_network_is_counted_and_told(tmp_path):
    case = Case("digits", "designs/digits_mlp/model.onnx", 1000.0)

    line = counted(case, tmp_path, tmp_path, parts=False)

    assert line["file"] == str(case.path(ROOT).relative_to(ROOT))
    assert line["fps"] >= 1000
    assert 0 < line["synth"]["lut"] < 5 * line["estimate"]["lut"]
    assert table([line]).row_count == 1


def test_counts_are_taken_over_where_the_verilog_is_the_same(tmp_path, monkeypatch):
    case = Case("digits", "designs/digits_mlp/model.onnx", 1000.0)
    found = []
    monkeypatch.setattr(networks, "synthesise", lambda *_, **__: found.append(1))

    first = counted(case, tmp_path, tmp_path, parts=False)
    counts = {"synth": {"lut": 7}, "logic_ns": 3.0, "seconds": {}}
    before = first | counts | {"estimate": {}, "layers": []}
    kept = counted(case, tmp_path, tmp_path, parts=False, before=before)
    assert found == [1]
    assert kept == first | counts

    for change in ({"digest": "another"}, {"tool": "Yosys 0.1"}):
        counted(case, tmp_path, tmp_path, parts=False, before=before | change)
    assert found == [1, 1, 1]
