"""The regression benches: every row is proven, and wrong names are refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hwgen.errors import InputError
from hwgen.frontend import lower
from sim.__main__ import beside
from sim.regression import Outcome, benches, real_then_random
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


def test_samples_with_channels_last_are_fed_as_the_file_takes_them():
    folder = ROOT / "designs" / "vgg10_radioml_w4a4"
    network = lower(folder / "model.onnx")
    codes = real_then_random(folder, network, 4)
    with np.load(folder / "samples.npz") as archive:
        x = np.moveaxis(archive["x"][:2], -1, 1)
    np.testing.assert_array_equal(codes[:2], network.input.encode(x))
    assert len(codes) == 4


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
        assert row["latency_us"] == row["latency_cycles"] / row["clock_mhz"]
        assert row["peers"] == []
    assert found[0]["ii_cycles"] > found[1]["ii_cycles"]


def _outcome(design: str, *, fault: str | None = None) -> Outcome:
    return Outcome(
        design=design,
        folding="fastest",
        frames=4,
        values=40,
        mismatches=0,
        cycles_predicted=100,
        cycles_simulated=100,
        cycles_per_second=1e6,
        ii_cycles=6000,
        latency_cycles=20_000,
        clock_mhz=100.0,
        latency_us=200.0,
        fps=16_667.0,
        lut=37_000,
        bram36=70.5,
        dsp=0,
        engine="verilator",
        seconds=1.0,
        fault=fault,
    )


def test_published_figures_stand_beside_sound_rows_only():
    rows = [_outcome("cnv_w1a1"), _outcome("unet_w4a4"), _outcome("resnet_w2a2", fault="wrong")]
    made = beside(rows)

    cells = [list(column.cells) for column in made.columns]
    assert cells[0] == [
        "cnv_w1a1, fastest, 100 MHz",
        "  FINN CNV-W1A1",
        "  hls4ml CIFAR-10 CNN",
    ]
    assert cells[2] == ["200.0", "1,510.0", "7,600.0"]
    assert cells[4] == ["70.5", "124", "-"]
