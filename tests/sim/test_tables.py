import json
import math

import numpy as np
import pytest

from hwgen.emit.rtlil import convert
from sim import tables
from sim.stitch import stitch
from tests.rtl.harness import drive


def test_unrolled_networks_have_thresholds_between_layers():
    row = tables.unrolled((6, 5, 3), 2)
    first, levels, last = row.parts
    assert row.name == "6-5-3 W2A2"
    assert (first.weights.shape, last.weights.shape) == ((5, 6), (3, 5))
    assert (first.style, first.plan.words, first.plan.folds) == ("const", 1, 1)
    assert levels.thresholds.shape == (5, 3)
    assert (np.diff(levels.thresholds, axis=1) >= 0).all()
    assert np.abs(first.weights).max() == 1
    assert row.lanes == 45


def test_folded_matrices():
    (layer,) = tables.folded(8, 4, 4, "dsp").parts
    assert (layer.plan.fields, layer.plan.multipliers) == (4, 16)
    (layer,) = tables.folded(8, 8, 8, "dsp").parts
    assert (layer.plan.fields, layer.plan.multipliers) == (2, 32)
    (layer,) = tables.folded(16, 1, 1, "lut").parts
    assert layer.x.bipolar


def test_streamed_weights():
    (plan,) = tables.streamed(16, 1, 1).parts
    assert plan.x.bipolar
    assert plan.w.bipolar
    assert plan.words == 4
    text = convert(stitch([plan]), "unit").text
    assert "i_weights_payload" in text


def test_a_layer_computes_what_its_parts_say():
    row = tables.layer(32, 2, 2)
    vectors, matrix, levels = row.parts
    x = np.random.default_rng(1).integers(0, 4, (5, 64))
    run = drive(stitch(row.parts), x.reshape(-1, 32), expected=[10])
    sums = x @ matrix.weights.T
    codes = (sums[..., None] >= levels.thresholds).sum(axis=-1)
    np.testing.assert_array_equal(run.output.reshape(codes.shape), codes)
    cycles = run.output_cycles[0]
    assert cycles[-1] - cycles[1] == 4 * row.interval
    assert cycles[0] == tables.latency(row) + vectors.words - 1


def test_the_longest_delay_counts(tmp_path):
    report = tmp_path / "delay.txt"
    report.write_text("Latest arrival time in 'a' is 812:\nLatest arrival time in 'b' is 2194:\n")
    assert tables.delay(report) == 2.194


def test_peers_name_rows():
    names = [row.name for row in tables.rows()]
    assert len(set(names)) == len(names)
    assert set(tables.PEERS) <= set(names)


SAVED = {line["name"]: line for line in json.loads(tables.DATA.read_text())["rows"]}
# LUTs that these two stay below; what others stay below is in the peers' table.
PROMISED = {"layer PE 16 SIMD 16 W2A2": 2600, "stream PE 16 SIMD 16 W1A1": 750}


@pytest.mark.parametrize("name", SAVED)
def test_saved_counts_are_no_more_than_those_of_peers(name):
    line = SAVED[name]
    most = min([*tables.PEERS.get(name, {}).values(), PROMISED.get(name, math.inf)])
    assert line["lut"] <= most
    assert line["delay_ns"] <= 5
    assert line["bram36"] == 0
    assert (line["dsp"] > 0) == name.startswith("dsp")


def test_the_layer_is_fast_on_an_open_toolchain():
    assert min(SAVED["layer PE 16 SIMD 16 W2A2"]["ecp5"]["fmax_mhz"]) >= 120


@pytest.mark.synth
def test_only_what_changed_is_counted_anew(tmp_path, monkeypatch):
    row = tables.unrolled((6, 5, 3), 2)
    line = tables.count(row, tmp_path, {})
    assert line["lut"] > 0
    assert line["delay_ns"] > 0

    def refuse(*_):
        raise AssertionError("counted anew")

    monkeypatch.setattr(tables, "_yosys", refuse)
    assert tables.count(row, tmp_path, line) == line
    with pytest.raises(AssertionError, match="counted anew"):
        tables.count(row, tmp_path, line | {"digest": "other"})
    with pytest.raises(AssertionError, match="counted anew"):
        tables.count(row, tmp_path, {})
