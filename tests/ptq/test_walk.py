"""The greedy walk, on its inputs and on products of columns."""

import warnings

import brevitas.nn as qnn
import numpy as np
import pytest
import torch
from torch import nn

from hwgen.ptq.alphabet import Alphabet, levels_of, radius
from hwgen.ptq.patches import Sampling, grams, rows, weight_rows
from hwgen.ptq.walk import Grams, gram_walk, walk
from hwgen.train.weights import weight_quant

pytestmark = pytest.mark.train


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def alphabet(delta=0.3, levels=3):
    return Alphabet(torch.tensor(delta, dtype=torch.float64), levels)


@pytest.mark.parametrize("variant", ["nearest", "soft", "hard"])
def test_both_forms_take_the_same_steps_and_leave_what_they_say(variant):
    x, w = draw(40, 12), draw(5, 12, seed=1)
    y = x + 0.1 * draw(40, 12, seed=2)
    rule = alphabet().nearest if variant == "nearest" else getattr(alphabet(), variant)(0.1)

    found = walk(x, y, w, rule)

    torch.testing.assert_close(found.rest, w @ x.T - found.weights @ y.T, rtol=0, atol=1e-9)
    torch.testing.assert_close(gram_walk(Grams.of(x, y), w, rule), found.weights)
    assert not torch.allclose(found.weights, rule(w)), "the walk is more than rounding"


def test_one_input_or_orthogonal_inputs_give_rounding_to_the_nearest():
    w = draw(6, 1, seed=3)
    x = draw(20, 1)
    torch.testing.assert_close(walk(x, x, w, alphabet().nearest).weights, alphabet().nearest(w))

    x = torch.linalg.qr(draw(20, 8))[0] * torch.arange(1, 9)
    w = draw(6, 8, seed=4)
    torch.testing.assert_close(walk(x, x, w, alphabet().nearest).weights, alphabet().nearest(w))


def test_equal_inputs_share_their_error():
    x = draw(20, 1).expand(20, 2)
    w = 0.3 * torch.tensor([[0.45, 0.45], [1.4, 0.4], [-0.3, -0.45]], dtype=torch.float64)
    chosen = walk(x, x, w, alphabet().nearest).weights

    assert ((w - chosen).sum(1).abs() <= 0.15 + 1e-12).all()
    assert ((w - alphabet().nearest(w)).sum(1).abs() > 0.2).any(), "rounding alone does worse"


def test_the_rest_stays_within_half_a_step_for_single_rows():
    x, w = draw(1, 200), draw(4, 200, seed=5)
    wide = alphabet(levels=10**6)
    found = walk(x, x, w, wide.nearest)
    assert (found.rest.abs() <= 0.15 * x.abs().max() + 1e-12).all()


def test_inputs_that_never_fire_get_weight_zero():
    x, w = draw(30, 4), draw(3, 4, seed=6)
    y = x.clone()
    y[:, 2] = 0
    assert (walk(x, y, w, alphabet().nearest).weights[:, 2] == 0).all()
    assert (gram_walk(Grams.of(x, y), w, alphabet().nearest)[:, 2] == 0).all()


@pytest.mark.parametrize("levels", [1, 8])
def test_error_falls_as_one_over_the_width_while_rounding_stays_flat(levels):
    widths, seeds = [64, 128, 256, 512, 1024], range(4)
    errors = {"walk": [], "stochastic": [], "nearest": []}
    for width in widths:
        sums = dict.fromkeys(errors, 0.0)
        for seed in seeds:
            x = draw(16, width, seed=seed)
            w = 2 * torch.rand(16, width, generator=torch.Generator().manual_seed(seed + 50)) - 1
            w = w.double()
            a = alphabet(1 / levels, levels)
            chosen = {
                "walk": walk(x, x, w, a.nearest).weights,
                "stochastic": walk(
                    x, x, w, a.stochastic(torch.Generator().manual_seed(seed))
                ).weights,
                "nearest": a.nearest(w),
            }
            for name, q in chosen.items():
                lost = ((w - q) @ x.T).square().sum(1) / (w @ x.T).square().sum(1)
                sums[name] += float(lost.median())
        for name, total in sums.items():
            errors[name].append(total)
    slopes = {n: np.polyfit(np.log(widths), np.log(e), 1)[0] for n, e in errors.items()}

    assert -1.15 <= slopes["walk"] <= -0.85, slopes
    assert -1.15 <= slopes["stochastic"] <= -0.85, slopes
    assert abs(slopes["nearest"]) < 0.1, slopes


def test_stochastic_rounding_is_unbiased_within_the_range():
    x = torch.linspace(-0.85, 0.85, 40, dtype=torch.float64)
    rule = alphabet().stochastic(torch.Generator().manual_seed(0))
    mean = torch.stack([rule(x) for _ in range(10_000)]).mean(0)
    assert ((mean - x).abs() < 5 * 0.15 / 100).all()
    torch.testing.assert_close(rule(torch.tensor([9.0]).double()), torch.tensor([0.9]).double())


def test_sparse_rules_by_hand():
    x = torch.tensor([-1.5, -0.5, -0.2, 0.0, 0.3, 0.62, 5.0], dtype=torch.float64)
    soft = Alphabet(torch.tensor(0.5).double(), 2).soft(0.3)(x)
    assert soft.tolist() == [-1.0, 0.0, 0.0, 0.0, 0.0, 0.5, 1.0]
    hard = Alphabet(torch.tensor(0.5).double(), 2).hard(0.3)(x)  # steps of 0.35 from 0.3
    assert hard.tolist() == pytest.approx([-1.0, -0.65, 0, 0, 0, 0.65, 1.0])


def test_published_alphabet_has_a_level_more_on_either_side():
    assert levels_of(4, "hardware") == 7
    assert levels_of(4, "published") == 8
    w = torch.tensor([[1.0, -2.0], [3.0, 0.5]])
    assert float(radius(w, 1.0)) == 2.5


CONVOLUTIONS = [
    nn.Conv2d(4, 6, 3, padding=1),
    nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2),
    nn.Conv2d(4, 8, (3, 1), padding=(0, 1), dilation=(2, 1), groups=4),
    nn.Conv1d(4, 6, 3, stride=2, padding=2),
]


@pytest.mark.parametrize("layer", CONVOLUTIONS, ids=["plain", "grouped", "dilated", "1-D"])
def test_rows_times_weights_are_the_convolution(layer):
    x = draw(3, 4, *([9, 7] if isinstance(layer, nn.Conv2d) else [9])).float()
    weights = weight_rows(layer).float()

    products = torch.einsum("ipgn,gon->ipgo", rows(layer, x), weights).flatten(2)

    wanted = (layer(x) - layer.bias.reshape(-1, *[1] * (x.dim() - 2))).flatten(2).transpose(1, 2)
    torch.testing.assert_close(products, wanted, rtol=1e-4, atol=1e-5)


def test_sampled_patches_are_the_same_rows_of_both_networks():
    layer = nn.Conv2d(2, 3, 3)
    x = draw(40, 2, 9, 9).float()
    found = grams(layer, [x], [x], Sampling(0.25, apart=True), torch.Generator().manual_seed(0))

    torch.testing.assert_close(found[0].mixed, found[0].quantized)
    assert rows(layer, x, apart=True).shape == (40, 9, 1, 18)
    whole = grams(layer, [x], [x], Sampling(), torch.Generator())
    share = float(found[0].quantized.trace() / whole[0].quantized.trace())
    assert share == pytest.approx(3 / 49, rel=0.25)  # int(0.25 * 9 + 1) of 49 patches an image


@pytest.mark.parametrize("kind", ["dense", "grouped"])
def test_brevitas_takes_the_same_steps(kind):
    """Two layers, frozen scales: every code of Brevitas' walk is a code of ours."""
    from brevitas.graph.gpfq import gpfq_mode

    torch.manual_seed(3)
    quant = weight_quant(3, "int", per_filter=False)
    if kind == "dense":
        x = torch.randn(64, 24)
        layers = [
            qnn.QuantLinear(24, 16, bias=False, weight_quant=quant),
            qnn.QuantLinear(16, 8, bias=False, weight_quant=quant),
        ]
    else:
        x = torch.randn(16, 4, 8, 8)
        layers = [
            qnn.QuantConv2d(4, 8, 3, bias=False, stride=2, padding=1, groups=2, weight_quant=quant),
            qnn.QuantConv2d(8, 6, 3, bias=False, padding=1, weight_quant=quant),
        ]
    net = nn.Sequential(layers[0], nn.ReLU(), layers[1]).eval()
    first = [layer.weight.detach().clone() for layer in layers]
    plain = [_plain(layer, weights) for layer, weights in zip(layers, first, strict=True)]
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net(x)
        scales = [layer.quant_weight().scale.clone() for layer in layers]
        with gpfq_mode(net, use_quant_activations=True) as mode:
            for _ in range(mode.num_layers):
                mode.model(x)
                mode.update()

        a, b = x, x
        for layer, own, scale in zip(layers, plain, scales, strict=True):
            assert torch.equal(layer.quant_weight().scale, scale), "the scale is frozen"
            steps = Alphabet(scale.double().reshape(()), 3)
            product = grams(own, [a], [b], Sampling(), torch.Generator())
            chosen = torch.cat(
                [
                    gram_walk(p, w, steps.nearest)
                    for p, w in zip(product, weight_rows(own), strict=True)
                ]
            )
            theirs = layer.quant_weight().value.reshape(len(own.weight), -1).double()
            same = (chosen - theirs).abs() < 1e-5
            assert same.double().mean() > 0.995, float(same.double().mean())
            after = own(a)
            own.weight.data = theirs.float().reshape(own.weight.shape)
            a, b = after.relu(), own(b).relu()


def _plain(layer, weights):
    if isinstance(layer, nn.Linear):
        made = nn.Linear(layer.in_features, layer.out_features, bias=False)
    else:
        made = nn.Conv2d(
            layer.in_channels,
            layer.out_channels,
            3,
            bias=False,
            stride=layer.stride,
            padding=layer.padding,
            groups=layer.groups,
        )
    made.weight.data = weights.clone()
    return made
