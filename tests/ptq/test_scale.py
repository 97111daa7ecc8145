"""The scale of least mean square error."""

import itertools

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.optimize import minimize_scalar
from scipy.stats import norm

from hwgen.ptq.scale import histogram, max_abs_scale, noise, qmse_scale, quantized

pytestmark = pytest.mark.train


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_rounding_and_clipping_noise_add_up_to_the_mean_square_error():
    x = normal(5, 200)
    scale = torch.tensor([0.01, 0.1, 0.3, 1.0, 5.0])

    told = noise(x, scale, -7, 7)

    whole = (x - quantized(x, scale.double()[:, None], -7, 7)).square().mean(1)
    torch.testing.assert_close(told.total, whole, rtol=0, atol=1e-12)
    assert told.clipping[0] > 0.5 * told.total[0], "a small scale clips"
    assert told.clipping[4] == 0, "a large one only rounds"


@pytest.mark.parametrize(
    ("low", "high", "n"), [(-1, 1, 6), (-3, 3, 6), (-4, 3, 5), (0, 3, 6), (-7, 7, 4)]
)
def test_scale_is_the_global_optimum_on_small_sets(low, high, n):
    codes = torch.tensor(list(itertools.product(range(low, high + 1), repeat=n))).double()
    for seed in range(20):
        x = normal(1, n, seed=seed)
        found = noise(x, qmse_scale(x, low, high), low, high).total

        products, squares = codes @ x[0], codes.square().sum(1)
        fitted = torch.where(products > 0, products.square() / squares.clamp(min=1), 0.0)
        best = (x.square().sum() - fitted.max()) / n
        torch.testing.assert_close(found[0], best, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "draw", [torch.distributions.StudentT(3.0), torch.distributions.Normal(0.0, 1.0)]
)
@pytest.mark.parametrize("bits", [2, 4, 8])
def test_scale_is_never_worse_than_the_one_that_clips_nothing(draw, bits, monkeypatch):
    torch.manual_seed(1)
    x, top = draw.sample((8, 300)).double(), 2 ** (bits - 1) - 1
    widest = noise(x, max_abs_scale(x, -top, top), -top, top).total

    exact = noise(x, qmse_scale(x, -top, top), -top, top).total
    monkeypatch.setattr("hwgen.ptq.scale.SWEEP_LIMIT", 0)
    gridded = noise(x, qmse_scale(x, -top, top), -top, top).total

    assert (exact <= widest * (1 + 1e-12)).all()
    assert (gridded <= widest * (1 + 1e-12)).all()
    assert (exact <= gridded * (1 + 1e-12)).all()
    assert bits == 8 or (gridded <= exact * 1.1).all(), "the grid comes near"


def test_scale_of_a_normal_comes_near_the_integral():
    def error(step):
        def square(x):
            return (x - step * np.clip(np.rint(x / step), -7, 7)) ** 2 * norm.pdf(x)

        cuts = [step * (k + 0.5) for k in range(7)]
        return quad(square, 0, 12, points=cuts, limit=200)[0]

    wanted = minimize_scalar(error, bounds=(0.2, 0.6), method="bounded").x

    found = qmse_scale(normal(1, 100_000), -7, 7)

    assert float(found) == pytest.approx(wanted, rel=0.02)


def test_scale_is_equivariant_and_data_on_a_grid_are_exact():
    x = normal(3, 50)
    torch.testing.assert_close(qmse_scale(2.5 * x, -7, 7), 2.5 * qmse_scale(x, -7, 7))

    grid = torch.tensor([[-7.0, -5, -3, -1, 0, 2, 4, 6]]).double() * 0.37
    scale = qmse_scale(grid, -7, 7)
    assert float(noise(grid, scale, -7, 7).total) < 1e-20


def test_power_of_two_is_the_best_of_all_exponents():
    for x in normal(10, 1, 100):
        found = qmse_scale(x, -7, 7, power_of_two=True)

        powers = [torch.tensor([2.0**e], dtype=torch.float64) for e in range(-20, 8)]
        best = min(powers, key=lambda scale: float(noise(x, scale, -7, 7).total))
        assert float(found) == float(best)


def test_zeros_have_a_scale_and_unsigned_codes_ignore_what_is_negative():
    assert float(qmse_scale(torch.zeros(1, 4), -1, 1)) == 1
    x = torch.tensor([[-5.0, 1.0, 2.0, 3.0]])
    assert float(qmse_scale(x, 0, 3)) == pytest.approx(1)


def test_histogram_keeps_counts_and_is_exact_on_a_grid():
    pixels = torch.arange(256).repeat(3) / 255
    values, counts = histogram([pixels[:300], pixels[300:]])

    assert int(counts.sum()) == 768
    torch.testing.assert_close(values, torch.arange(256).double() / 255, rtol=1e-6, atol=0)
    scale = qmse_scale(values[None], 0, 255, counts)
    assert float(scale) == pytest.approx(1 / 255, rel=1e-6)
