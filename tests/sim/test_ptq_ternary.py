"""The comparison of TSQ with training: every network of a seed, and how they are paired."""

import pytest

pytest.importorskip("brevitas")

from sim import ptq_ternary
from sim.ptq_ternary import Trial

pytestmark = pytest.mark.train


def test_networks_are_paired_with_the_trained_one_of_the_same_seed():
    results = [Trial("TSQ", 0, 0.9), Trial("trained", 0, 0.8)]
    results += [Trial("TSQ", 1, 0.7), Trial("trained", 1, 0.7)]

    rows = ptq_ternary.summary(results)

    assert rows[0] == ("TSQ", "80.00 ± 14.14", "+5.00 ± 5.00", "1 of 2")
    assert rows[1] == ("trained", "75.00 ± 7.07", "", "")
    assert "| TSQ | 80.00 ± 14.14 | +5.00 ± 5.00 | 1 of 2 |" in ptq_ternary.markdown(rows)


def test_least_squares_keep_what_naive_ternary_weights_lose(tmp_path):
    found = {t.arm: t.accuracy for t in ptq_ternary.trials(range(7, 8), 4, tmp_path / "fit.ckpt")}

    assert set(found) == {"float", ptq_ternary.TRAINED, *ptq_ternary.ARMS}
    assert found["naive"] < found["TSQ"] - 0.05
    assert found["TSQ"] > found["float"] - 0.05
    assert not list(tmp_path.iterdir())
