"""The regression benches: every row is proven, and wrong names are refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hwgen.errors import InputError
from sim.bench import benches
from tests.flow.networks import tiny_mlp

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def designs(tmp_path) -> Path:
    folder = tmp_path / "designs" / "tiny"
    folder.mkdir(parents=True)
    tiny_mlp(folder / "model.onnx")
    (folder / "folding.toml").write_text("[defaults]\npe = 2\nsimd = 3\n")
    return folder.parent


def test_every_design_runs_at_every_folding(designs):
    found = benches(designs, [], [])
    assert [bench.folding for bench in found] == ["smallest", "slow", "fastest", "file"]
    (designs / "tiny" / "folding.toml").unlink()
    assert [bench.folding for bench in benches(designs, ["tiny"], ["fastest", "file"])] == [
        "fastest"
    ]


def test_unknown_names_are_refused(designs):
    with pytest.raises(InputError, match="design 'tinny' is unknown; did you mean tiny"):
        benches(designs, ["tinny"], [])
    with pytest.raises(InputError, match="folding 'fast' is unknown; did you mean fastest"):
        benches(designs, [], ["fast"])


def test_the_designs_of_the_repository_are_known():
    assert "tfc_w2a2" in {bench.folder.name for bench in benches(ROOT / "designs", [], [])}


def test_the_command_prints_a_table_and_saves_rows(designs, tmp_path):
    rows = tmp_path / "rows.json"
    options = ["--folding", "smallest", "--folding", "file", "--frames", "4"]
    options += ["--engine", "amaranth"]
    done = subprocess.run(
        [sys.executable, "-m", "sim", "--designs", designs, "--json", rows, *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    found = json.loads(rows.read_text())
    assert [row["folding"] for row in found] == ["smallest", "file"]
    for row in found:
        assert row["fault"] is None
        assert row["mismatches"] == 0
        assert row["values"] > 0
        assert row["cycles_predicted"] == row["cycles_simulated"] > 0
        assert row["folding"] in done.stdout
    assert found[0]["ii_cycles"] > found[1]["ii_cycles"]
