"""The study of post-training quantization: its table, its plot, and that it goes on."""

import dataclasses
import json
from pathlib import Path

import pytest

pytest.importorskip("brevitas")

from sim import ptq
from tests.ptq.networks import trained_digits

pytestmark = pytest.mark.train


def trial(**changes):
    plain = ptq.Trial("net", "GPFQ", 4, 0, 0.9, 0.8, 0.1, {"fc": 0.05}, 1000.0, 50)
    return dataclasses.replace(plain, **changes)


def test_seeds_of_a_method_become_one_row_with_their_spread():
    trials = [trial(), trial(seed=1, accuracy=0.9, luts=0.0), trial(bits=2, accuracy=0.5)]

    rows = ptq.summary(trials)

    assert [(row.bits, row.seeds) for row in rows] == [(4, 2), (2, 1)]
    assert rows[0].accuracy == pytest.approx(85)
    assert rows[0].deviation == pytest.approx(10 / 2**0.5)
    assert rows[0].luts == 1000
    assert "| | GPFQ | 85.00 ± 7.07 (1,000 LUT) | 50.00 (1,000 LUT) |" in ptq.markdown(rows)
    assert "| net, 50 test samples | float, 90.00 | | |" in ptq.markdown(rows)
    assert ptq.plot(rows).count("<circle") == 2


def test_results_are_read_back_and_not_done_again(tmp_path, monkeypatch):
    digits = trained_digits(0, epochs=1)
    monkeypatch.setattr(ptq.ptq_nets, "data", lambda *given: digits.data)
    arms = {"QMSE": ptq.ARMS["QMSE"]}
    given = "digits", digits.network, arms, [8, 4], 1, 64, None, 0.0, Path()

    first = next(ptq.trials(*given, {}))
    ptq._write(tmp_path / "results.json", [first])
    done = {one.key: one for one in ptq._read(tmp_path / "results.json")}

    assert done == {first.key: first}
    assert [one.bits for one in ptq.trials(*given, done)] == [4]
    assert json.loads((tmp_path / "results.json").read_text())["summary"][0]["method"] == "QMSE"
