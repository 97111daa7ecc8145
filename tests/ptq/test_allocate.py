"""Bits of each layer under a budget."""

import itertools

import numpy as np
import pytest

from hwgen.errors import BudgetError
from hwgen.estimate import matrix_luts
from hwgen.ptq import Budget, QMSEConfig, allocated, quantize
from hwgen.ptq.allocate import choose

pytestmark = pytest.mark.train


def test_choice_is_the_best_of_all_within_the_budget():
    rng = np.random.default_rng(0)
    for _ in range(20):
        errors = {n: dict(zip((2, 4, 8), sorted(rng.random(3))[::-1], strict=True)) for n in "abc"}
        costs = {n: dict(zip((2, 4, 8), sorted(rng.random(3)), strict=True)) for n in "abc"}
        limit = float(rng.uniform(1, 2.5))
        every = [
            dict(zip("abc", widths, strict=True))
            for widths in itertools.product((2, 4, 8), repeat=3)
        ]
        fitting = [one for one in every if sum(costs[n][b] for n, b in one.items()) <= limit]
        if not fitting:
            continue
        best = min(sum(errors[n][b] for n, b in one.items()) for one in fitting)

        found = choose(errors, costs, Budget(limit))

        assert found.error == pytest.approx(best)
        assert found.cost <= limit + 1e-9


@pytest.mark.parametrize(("unit", "limit"), [("bits", 10_000), ("luts", 3000)])
def test_layers_share_a_budget_and_fixed_ones_stay(unit, limit, digits):
    config = QMSEConfig(layer_bits={"6": 8})
    found = allocated(digits.network, config, digits.data, Budget(limit, unit, cycles=2000))
    widths = dict(found.layer_bits)
    assert widths["6"] == 8
    assert set(widths) == {"0", "3.branch.0", "3.branch.3", "3.shortcut", "6"}
    assert len(set(widths.values())) > 1
    rows = quantize(digits.network, found, digits.data).rows
    assert {row.name: row.bits for row in rows} == widths
    if unit == "bits":
        sizes = {name: digits.network.get_submodule(name).weight.numel() for name in widths}
        assert sum(sizes[name] * bits for name, bits in widths.items()) <= limit


def test_an_impossible_budget_says_the_smallest(digits):
    least = 2 * sum(
        layer.weight.numel()
        for layer in digits.network.modules()
        if layer.__class__.__name__ in ("Conv2d", "Linear")
    )
    with pytest.raises(BudgetError, match=f"take {least:,}, the smallest possible"):
        allocated(digits.network, QMSEConfig(), digits.data, Budget(10, "bits"))


def test_a_matrix_costs_more_with_more_bits_and_with_less_time():
    rng = np.random.default_rng(0)

    def luts(bits, cycles):
        top = 2 ** (bits - 1) - 1
        weights = rng.integers(-top, top + 1, (32, 64))
        return matrix_luts(weights, 0, 15, pixels=4, cycles=cycles, family="xc7")

    assert luts(2, 4000) < luts(4, 4000) < luts(8, 4000)
    assert luts(4, 40_000) < luts(4, 4000) < luts(4, 100)
