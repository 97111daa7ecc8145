from itertools import permutations

import pytest
import torch

from hwgen.train.masks import draw, log_weights, quantized_count, quantized_mask, unit_errors

pytestmark = pytest.mark.train

ERRORS = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64)
DRAWS = 200_000


def inclusion(weights: list[float], count: int) -> list[float]:
    """Chance of each unit to be among ``count`` drawn in sequence, by enumeration of all orders."""
    chance = [0.0] * len(weights)
    for order in permutations(range(len(weights)), count):
        left, p = sum(weights), 1.0
        for unit in order:
            p *= weights[unit] / left
            left -= weights[unit]
        for unit in order:
            chance[unit] += p
    return chance


def frequencies(law: str, function: str, count: int) -> torch.Tensor:
    logs = log_weights(ERRORS, law, function).expand(DRAWS, -1)
    return draw(logs, count, torch.Generator().manual_seed(5)).double().mean(0)


def test_paper_law_matches_enumeration():
    expected = torch.tensor(inclusion([1 / (e + 1e-7) for e in ERRORS.tolist()], 2))
    assert (frequencies("paper", "linear", 2) - expected).abs().max() < 0.005


def test_reference_law_matches_enumeration():
    kept_real = torch.tensor(inclusion(ERRORS.tolist(), 2))
    assert (frequencies("reference", "linear", 2) - kept_real).abs().max() < 0.005


@pytest.mark.parametrize(("law", "sign"), [("paper", -1), ("reference", 1)])
@pytest.mark.parametrize("function", ["softmax", "sigmoid"])
def test_other_functions_match_enumeration(law, sign, function):
    score = 1 / (ERRORS + 1e-7) if law == "paper" else ERRORS
    weights = score.exp() if function == "softmax" else score.sigmoid()
    expected = torch.tensor(inclusion(weights.tolist(), 2))
    assert (frequencies(law, function, 2) - expected).abs().max() < 0.005


def test_constant_function_ignores_the_error():
    assert (frequencies("paper", "constant", 2) - 0.5).abs().max() < 0.005


def test_the_two_laws_differ():
    paper = frequencies("paper", "linear", 2)
    reference = 1 - frequencies("reference", "linear", 2)
    assert (paper - reference).abs().max() > 0.02


@pytest.mark.parametrize("law", ["paper", "reference"])
@pytest.mark.parametrize("ratio", [0.0, 0.25, 0.5, 0.75, 0.875, 1.0])
def test_count_rounds_up(law, ratio):
    generator = torch.Generator().manual_seed(1)
    for units in range(1, 65):
        expected = -(-units * int(ratio * 1000) // 1000)
        mask = quantized_mask(torch.rand(units).double(), ratio, law, "linear", generator)
        assert int(mask.sum()) == expected == quantized_count(units, ratio)


def test_errors_per_filter_and_element():
    weights = torch.tensor([[1.0, -2.0], [0.0, 0.0], [4.0, 0.0]])
    quantized = torch.tensor([[1.5, -1.5], [1.0, 0.0], [4.0, 2.0]])
    assert unit_errors(weights, quantized, "filter").tolist() == [1 / 3, 0.0, 0.5]
    assert unit_errors(weights, quantized, "element").tolist() == [0.5, 0.25, 0, 0, 0, 0]


@pytest.mark.parametrize("law", ["paper", "reference"])
def test_units_without_error_are_drawn_at_random(law):
    """All errors zero must not fall into a fixed order."""
    logs = log_weights(torch.zeros(4).double(), law, "linear").expand(20_000, -1)
    share = draw(logs, 2, torch.Generator().manual_seed(2)).double().mean(0)
    assert (share - 0.5).abs().max() < 0.02
