from itertools import product

import pytest
import torch

from hwgen.train import rules
from hwgen.train.errors import RecipeError
from hwgen.train.weights import weight_quant

pytestmark = pytest.mark.train


def test_binary_by_hand():
    coded = rules.binary(torch.tensor([[1.0, -3.0], [0.0, -0.5]]))
    assert coded.codes.tolist() == [[1, -1], [1, -1]]
    assert coded.scale.tolist() == [[2.0], [0.25]]


def test_twn_by_hand():
    weights = torch.tensor([[3.0, -1.0, 0.5], [-0.1, 2.0, -4.4]])  # mean 0
    coded = rules.twn(weights)  # threshold 0.7 * 11 / 6 = 1.283
    assert coded.codes.tolist() == [[1, 0, 0], [0, 1, -1]]
    torch.testing.assert_close(coded.scale, torch.tensor([[3.0], [3.2]]))


def test_twn_removes_the_mean_for_the_threshold_only():
    weights = torch.tensor([[5.0, 6.0, 7.0, 10.0]])  # mean 7, threshold 0.7 * 1.5 = 1.05
    assert rules.twn(weights).codes.tolist() == [[1, 1, 1, 1]]
    assert rules.twn(weights).scale.item() == 7.0


def test_twn_scale_is_zero_for_a_filter_below_the_threshold():
    coded = rules.twn(torch.tensor([[4.0, -4.0], [0.1, -0.1]]))
    assert coded.scale.tolist() == [[4.0], [0.0]]
    assert coded.weights[1].tolist() == [0.0, 0.0]


def test_ternary_is_the_best_of_all_codes():
    torch.manual_seed(3)
    weights = torch.randn(50, 6, dtype=torch.float64)
    got = (weights - rules.ternary(weights).weights).square().sum(1)
    best = torch.full((50,), float("inf"), dtype=torch.float64)
    for codes in product((-1.0, 0.0, 1.0), repeat=6):
        row = torch.tensor(codes, dtype=torch.float64)
        scale = (weights @ row / row.square().sum().clamp(min=1)).clamp(min=0)
        best = torch.minimum(best, (weights - scale[:, None] * row).square().sum(1))
    torch.testing.assert_close(got, best, atol=1e-12, rtol=0)


def test_binary_scale_is_the_best():
    weights = torch.randn(1, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    coded = rules.binary(weights)
    error = (weights - coded.weights).square().sum()
    for scale in torch.linspace(0, 2, 401, dtype=torch.float64):
        assert error <= (weights - scale * weights.sign()).square().sum() + 1e-12


@pytest.mark.parametrize("rule", rules.RULES.values())
@pytest.mark.parametrize("per_filter", [True, False])
def test_rules_are_scale_equivariant(rule, per_filter):
    weights = torch.randn(8, 3, 3, 3, generator=torch.Generator().manual_seed(4))
    once, scaled = rule(weights, per_filter), rule(4 * weights, per_filter)
    assert torch.equal(4 * once.weights, scaled.weights)
    assert once.scale.shape == ((8, 1, 1, 1) if per_filter else (1, 1, 1, 1))


@pytest.mark.parametrize("rule", rules.RULES.values())
def test_zero_weights_stay_finite(rule):
    assert rule(torch.zeros(2, 4), True).weights.abs().max() == 0


@pytest.mark.parametrize(
    ("bits", "quantizer", "text"),
    [
        (0, "auto", "weights of 0 bit: hardware takes 1..8"),
        (9, "auto", "weights of 9 bit"),
        (1, "int", "for 1-bit weights use quantizer bwn"),
        (4, "twn", "quantizer twn has 2-bit weights, not 4"),
    ],
)
def test_impossible_widths_are_refused(bits, quantizer, text):
    with pytest.raises(RecipeError, match=text):
        weight_quant(bits, quantizer)
