import numpy as np

from sim.tables import PEERS, folded, rows, unrolled


def test_unrolled_networks_have_thresholds_between_layers():
    row = unrolled((6, 5, 3), 2)
    first, levels, last = row.units
    assert row.name == "6-5-3 W2A2"
    assert (first.weights.shape, last.weights.shape) == ((5, 6), (3, 5))
    assert (first.style, first.plan.words, first.plan.folds) == ("const", 1, 1)
    assert levels.thresholds.shape == (5, 3)
    assert (np.diff(levels.thresholds, axis=1) >= 0).all()
    assert np.abs(first.weights).max() == 1


def test_folded_matrices():
    (layer,) = folded(8, 4, 4, "dsp").units
    assert (layer.plan.fields, layer.plan.multipliers) == (4, 16)
    (layer,) = folded(16, 1, 1, "lut").units
    assert layer.x.bipolar


def test_peers_name_rows():
    names = [row.name for row in rows()]
    assert len(set(names)) == len(names)
    assert set(PEERS) <= set(names)
