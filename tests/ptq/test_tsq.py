"""Two-step quantization: constants of the activations, least squares for the weights."""

import itertools

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import norm

from hwgen.ptq.descent import descend, nearest_codes, objective, relaxed, solve
from hwgen.ptq.engine import act_quantizer
from hwgen.ptq.sparse import square_error, step_for, threshold_for
from hwgen.train.rules import ternary

pytestmark = pytest.mark.train


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def products(y, z):
    return y.T @ y, z @ y


def test_constants_of_the_sparse_codes_follow_from_the_normal_law():
    theta, delta = step_for(2, 0.625)
    assert theta == pytest.approx(0.3186, abs=1e-3)
    assert delta == pytest.approx(0.6483, abs=1e-3)
    assert step_for(2)[1] == pytest.approx(0.6508, abs=1e-3)
    assert step_for(3)[1] == pytest.approx(0.3534, abs=1e-3)
    assert threshold_for(0.5) == pytest.approx(0)


def test_activation_behind_a_norm_gets_the_derived_step():
    relu = draw(200_000).clamp(min=0).float() * 3
    derived, calibrated = (
        float(act_quantizer([relu], 2, scale=scale).act_quant.scale().detach())
        for scale in ("normal", "mse")
    )
    assert derived == pytest.approx(3 * 0.6508, rel=0.01)
    assert calibrated == pytest.approx(derived, rel=0.02)


@pytest.mark.parametrize("theta", [0.0, 0.32, 1.1])
def test_square_error_is_the_integral(theta):
    delta = 0.6

    def square(x):
        code = 0 if x <= theta else min(max(np.floor(x / delta + 0.5), 1), 3)
        return (max(x, 0) - delta * code) ** 2 * norm.pdf(x)

    cuts = sorted({theta, 0.9, 1.5})
    wanted = quad(square, 0, 10, points=cuts, limit=300)[0]
    assert square_error(theta, delta, 2) == pytest.approx(wanted, abs=1e-6)


def test_ternary_rule_equals_brute_force():
    codes = torch.tensor(list(itertools.product((-1, 0, 1), repeat=8))).double()
    for seed in range(200):
        w = draw(1, 8, seed=seed)
        fitted = (codes @ w[0]).clamp(min=0).square() / codes.square().sum(1).clamp(min=1)

        lost = (w - ternary(w).weights).square().sum()

        torch.testing.assert_close(lost, w.square().sum() - fitted.max(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("top", [1, 3])
def test_descent_never_rises_and_ends_where_no_single_code_helps(top):
    y, z = draw(60, 10) @ draw(10, 10, seed=1), draw(4, 60, seed=2)
    gram, pull = products(y, z)
    codes, scale = nearest_codes(draw(4, 10, seed=3), top)

    told = objective(gram, pull, codes, scale)
    for sweeps in (1, 2, 3, 50):
        fit = descend(gram, pull, codes, scale, top, sweeps)
        assert (fit.objective <= told + 1e-9).all()
        told = fit.objective

    whole = (z - fit.scale[:, None] * (fit.codes @ y.T)).square().sum(1) - z.square().sum(1)
    torch.testing.assert_close(fit.objective, whole)
    for j, code in itertools.product(range(10), range(-top, top + 1)):
        other = fit.codes.clone()
        other[:, j] = code
        assert (objective(gram, pull, other, fit.scale) >= fit.objective - 1e-9).all()


def test_restarts_reach_the_best_of_all_codes():
    every = torch.tensor(list(itertools.product((-1, 0, 1), repeat=6))).double()
    reached = {0: 0, 20: 0}
    for seed in range(40):
        y, z = draw(12, 6, seed=seed), draw(1, 12, seed=seed + 100)
        gram, pull = products(y, z)
        gains = (every @ pull[0]).clamp(min=0).square() / ((every @ gram) * every).sum(1).clamp(
            min=1e-9
        )
        weights = torch.linalg.lstsq(y, z.T).solution.T
        for restarts in reached:
            generator = torch.Generator().manual_seed(seed)
            fit = solve(gram, pull, weights, 1, sweeps=50, restarts=restarts, generator=generator)
            reached[restarts] += bool(fit.objective[0] <= -gains.max() + 1e-9)
    assert reached[20] >= 38
    assert reached[20] > reached[0]


@pytest.mark.parametrize("levels", [None, 3, 15], ids=["linear", "2-bit", "4-bit"])
def test_a_planted_ternary_layer_is_recovered(levels):
    """Targets are the products themselves or, as behind an activation, codes of them."""
    generator = torch.Generator().manual_seed(0)
    planted = torch.randint(-1, 2, (8, 40), generator=generator).double()
    y = draw(4000, 40)
    targets = 0.7 * planted @ y.T
    if levels is not None:
        step = float(targets.max()) / (levels + 0.5)
        targets = step * (targets / step).round().clamp(0, levels)
    gram, pull = products(y - y.mean(0), targets - targets.mean(1, keepdim=True))

    fit = solve(
        gram,
        pull,
        0.7 * planted + 0.25 * draw(8, 40, seed=1),
        1,
        sweeps=20,
        restarts=0,
        generator=generator,
    )

    assert torch.equal(fit.codes, planted)
    if levels is None:
        torch.testing.assert_close(fit.scale, torch.full((8,), 0.7, dtype=torch.float64))


def test_least_squares_lower_the_error_behind_the_activation_in_every_seed():
    """A layer of 64 to 16 with two-bit codes before and behind, 512 samples."""

    def coded(values, step):
        return step * (values / step).round().clamp(0, 3)

    shares = []
    for seed in range(20):
        y, w = coded(draw(512, 64, seed=seed).clamp(min=0), 0.65), draw(16, 64, seed=seed + 99) / 8
        targets = w @ y.T
        step = 0.65 * float(targets.std())
        codes, scale = nearest_codes(w, 1)
        generator = torch.Generator().manual_seed(seed)
        fit = solve(*products(y, targets), w, 1, sweeps=20, restarts=0, generator=generator)

        first, after = (
            (coded(targets, step) - coded(s[:, None] * c @ y.T, step)).square().mean()
            for c, s in ((codes, scale), (fit.codes, fit.scale))
        )
        shares.append(float(after / first))
    assert max(shares) <= 1, shares
    assert sum(shares) / 20 < 0.9, "it is more than the beginning"


@pytest.mark.parametrize("weight", [0.1, 1.0, 10.0])
def test_auxiliary_variable_is_the_minimum_on_a_fine_grid(weight):
    v, target = (
        3 * draw(30),
        2 * torch.rand(30, generator=torch.Generator().manual_seed(1)).double(),
    )
    grid = torch.linspace(-10, 12, 22_001, dtype=torch.float64)[:, None]
    cost = (target - grid.clamp(0, 2)).square() + weight * (grid - v).square()

    z = relaxed(v, target, weight, 2.0)

    got = (target - z.clamp(0, 2)).square() + weight * (z - v).square()
    assert (got <= cost.min(0).values + 1e-9).all()
