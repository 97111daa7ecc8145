"""Figures of the README are those that were saved when they were counted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hwgen.report.figures import count, rate

ROOT = Path(__file__).resolve().parents[2]


def table_rows():
    """Yield the cells of each line of each table, by its first cell."""
    for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("| "):
            yield [cell.strip() for cell in line.strip("|").split("|")]


ROWS = {cells[0]: cells for cells in table_rows()}


def saved(name):
    path = ROOT / "sim" / "tables" / f"{name}.json"
    return {line["name"]: line for line in json.loads(path.read_text(encoding="utf-8"))}


NETWORKS, DESIGNS = saved("networks"), saved("designs")


@pytest.mark.parametrize("name", [name for name in NETWORKS if name in ROWS])
def test_published_networks_are_told_as_counted(name):
    line = NETWORKS[name]
    synth, guess = line["synth"], line["estimate"]
    off = f"{(guess['lut'] / synth['lut'] - 1) * 100:+.0f} %"
    told = [rate(line["fps"]), count(synth["lut"]), off, f"{synth['bram36']:g}"]
    assert ROWS[name][1:6] == [*told, count(synth["dsp"])]


def test_most_networks_are_in_the_table():
    assert len(NETWORKS.keys() & ROWS.keys()) >= 7


@pytest.mark.parametrize("design", ["tfc_w2a2", "resnet_w2a2"])
def test_fastest_designs_are_told_as_counted(design):
    (cells,) = (row for first, row in ROWS.items() if f"designs/{design}/" in first)
    line = DESIGNS[f"{design} fastest"]
    assert cells[1] == rate(line["fps"])
    assert cells[3] == count(line["estimate"]["lut"])
    assert cells[4] == count(line["synth"]["lut"])
    assert cells[5] == f"{line['synth']['bram36']:g}"


def test_accuracy_of_the_flagship_is_the_published_one():
    told = json.loads((ROOT / "designs" / "resnet_w2a2" / "expected.json").read_text())
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"{100 * told['accuracy']:.2f} % of CIFAR-10" in readme
