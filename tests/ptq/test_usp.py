"""BatchNorm statistics taken anew."""

import copy
import warnings

import pytest
import torch
from torch import nn

from hwgen.ptq.errors import CalibrationError
from hwgen.ptq.usp import Moments, match, reestimate

pytestmark = pytest.mark.train


def network():
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(2, 4, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Conv2d(4, 6, 3),
        nn.BatchNorm2d(6),
        nn.Flatten(),
        nn.Linear(6 * 4 * 4, 3),
        nn.BatchNorm1d(3),
    )
    for norm in (net[1], net[5], net[8]):
        nn.init.uniform_(norm.weight, 0.5, 2)
        nn.init.uniform_(norm.bias, -1, 1)
        nn.init.uniform_(norm.running_var, 1, 3)
    return net.eval()


def batches():
    generator = torch.Generator().manual_seed(1)
    return [torch.rand(n, 2, 8, 8, generator=generator) + n / 8 for n in (16, 32, 5)]


@torch.no_grad()
def test_statistics_are_the_population_moments_of_what_the_final_network_gives_each_norm():
    net, data = network(), batches()
    affine = [(net[i].weight.clone(), net[i].bias.clone()) for i in (1, 5, 8)]

    reestimate(net, data)

    x = torch.cat(data)
    for index, layer in enumerate(net):
        if index in (1, 5, 8):
            flat = x.double().transpose(0, 1).flatten(1)
            torch.testing.assert_close(
                layer.running_mean, flat.mean(1).float(), rtol=1e-5, atol=1e-5
            )
            wanted = flat.var(1, unbiased=False).float()
            torch.testing.assert_close(layer.running_var, wanted, rtol=1e-5, atol=1e-5)
        x = layer(x)
    assert all(
        torch.equal(net[i].weight, w) and torch.equal(net[i].bias, b)
        for i, (w, b) in zip((1, 5, 8), affine, strict=True)
    )


def test_a_second_time_changes_nothing():
    net, data = network(), batches()
    reestimate(net, data)
    once = copy.deepcopy(net.state_dict())

    reestimate(net, data)

    for name, value in net.state_dict().items():
        torch.testing.assert_close(value, once[name], msg=name)


def test_all_at_once_is_exact_for_the_first_norm_and_leaves_the_mode():
    one, other, data = network(), network(), batches()
    reestimate(one, data)
    reestimate(other, data, "together")

    torch.testing.assert_close(one[1].running_mean, other[1].running_mean)
    torch.testing.assert_close(one[1].running_var, other[1].running_var)
    assert not torch.allclose(one[5].running_mean, other[5].running_mean, rtol=1e-3)
    assert not any(part.training for part in other.modules())
    assert other[1].momentum == 0.1


def test_a_network_that_was_not_quantized_keeps_its_statistics_within_sampling(digits):
    net = copy.deepcopy(digits.network)
    reestimate(net, digits.data.batches())

    for name, value in net.state_dict().items():
        if "running_mean" in name:
            deviation = net.get_buffer(name.replace("mean", "var")).sqrt()
            assert ((digits.network.state_dict()[name] - value).abs() < 0.2 * deviation).all(), name


@torch.no_grad()
def test_matched_statistics_give_outputs_the_mean_and_variance_of_the_float_network():
    generator = torch.Generator().manual_seed(2)
    norm = nn.BatchNorm1d(4).eval()
    nn.init.uniform_(norm.running_mean, -1, 1, generator=generator)
    nn.init.uniform_(norm.running_var, 0.2, 2, generator=generator)
    x = 2 + 3 * torch.randn(512, 4, generator=generator)
    x[:, 3] = 0.5  # a dead channel
    y = 0.3 * x + torch.rand(512, 4, generator=generator) * (torch.arange(4) < 3)
    wanted = norm(x)

    match(norm, Moments.of(x.split(100)), Moments.of(y.split(100)))

    got = norm(y)
    torch.testing.assert_close(got.mean(0), wanted.mean(0), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(got.var(0), wanted.var(0), rtol=1e-3, atol=1e-6)


def test_matching_the_same_moments_changes_nothing_and_own_ones_become_those_got():
    norm, x = (
        nn.BatchNorm1d(4).eval(),
        torch.rand(64, 4, generator=torch.Generator().manual_seed(0)),
    )
    same, own, got = Moments.of([x]), copy.deepcopy(norm), Moments.of([2 * x + 1])
    match(norm, same, same)
    torch.testing.assert_close(norm.running_mean, torch.zeros(4), atol=1e-6, rtol=0)
    torch.testing.assert_close(norm.running_var, torch.ones(4))

    same.store(own)
    match(own, same, got)
    torch.testing.assert_close(own.running_mean, got.mean.float())
    torch.testing.assert_close(own.running_var, got.variance.float(), rtol=1e-3, atol=0)


def test_brevitas_own_correction_takes_another_variance():
    from brevitas.graph.calibrate import norm_correction_mode

    data = [
        3 + 2 * torch.randn(64, 4, generator=torch.Generator().manual_seed(s)) for s in range(4)
    ]
    layers = [nn.Sequential(nn.Identity(), nn.BatchNorm1d(4)).eval() for _ in range(2)]
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        with norm_correction_mode(layers[0]):
            for batch in data:
                layers[0](batch)
        reestimate(layers[1], data)

    assert layers[1][1].running_var.mean() == pytest.approx(4, rel=0.2)
    assert not torch.allclose(layers[0][1].running_var, layers[1][1].running_var, rtol=0.2)


def test_no_batches_are_refused():
    with pytest.raises(CalibrationError, match="at least one"):
        reestimate(network(), [])
