import pytest

from hwgen.train.bake import quantized_layers
from hwgen.train.study import ARMS, BASELINE, Trial, compared, network, trials

pytestmark = pytest.mark.train


def test_fourteen_layers_all_quantized():
    assert len(quantized_layers(network("twn", 1))) == 14


def test_comparison_by_hand():
    accuracies = {BASELINE: (0.90, 0.80, 0.70), "uniform": (0.92, 0.79, 0.75)}
    results = [
        Trial(arm, "twn", seed, value)
        for arm in ARMS
        for seed, value in enumerate(accuracies.get(arm, (0.9, 0.8, 0.7)))
    ]
    row = {row.arm: row for row in compared(results)}["uniform"]
    assert row.difference == pytest.approx(2.0)  # of +2, -1, +5
    assert row.error == pytest.approx(3.0 / 3**0.5)
    assert (row.mean, row.wins, row.seeds) == (pytest.approx(82.0), 2, 3)


def test_arms_differ_and_repeat():
    first = list(trials("twn", range(100, 101), 1))
    assert [trial.arm for trial in first] == list(ARMS)
    assert first == list(trials("twn", range(100, 101), 1))
    assert len({trial.accuracy for trial in first}) > 1
