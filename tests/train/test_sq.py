import copy

import pytest
import torch
from torch import nn

from hwgen.train.bake import quantized_layers
from hwgen.train.callback import SQCallback
from hwgen.train.errors import RecipeError, TrainingError
from hwgen.train.sq import SCHEDULES, StochasticQuantization
from tests.train.networks import convolutional, dense, images

pytestmark = pytest.mark.train


def attached(model: nn.Module, stage: int = 0, **settings) -> StochasticQuantization:
    sq = StochasticQuantization(**settings)
    sq.attach(model)
    sq.set_stage(stage)
    return sq


@pytest.mark.parametrize("law", ["paper", "reference"])
@pytest.mark.parametrize("unit", ["filter", "element"])
@pytest.mark.parametrize("make", [dense, convolutional])
def test_each_unit_is_bit_equal_to_real_or_quantized(make, unit, law):
    model = make()
    plain = [layer.quant_weight().value.clone() for _, layer in quantized_layers(model)]
    sq = attached(model, unit=unit, law=law)
    for (_, layer), quantized, (_, mixer) in zip(
        quantized_layers(model), plain, sq.mixers, strict=True
    ):
        mixed = layer.quant_weight().value
        shape = mixed.shape if unit == "element" else (-1,) + (1,) * (mixed.dim() - 1)
        mask = mixer.mask.reshape(shape).expand_as(mixed)
        assert torch.equal(mixed[mask], quantized[mask])
        assert torch.equal(mixed[~mask], layer.weight[~mask])
        assert 0 < mixer.mask.sum() < mixer.mask.numel()
        assert not torch.equal(mixed, quantized)


def test_full_ratio_is_the_plain_quantizer_and_draws_nothing():
    model = dense()
    plain = [layer.quant_weight().value.clone() for _, layer in quantized_layers(model)]
    sq = attached(model, stage=3)
    state = torch.get_rng_state()
    for (_, layer), quantized, (_, mixer) in zip(
        quantized_layers(model), plain, sq.mixers, strict=True
    ):
        assert torch.equal(layer.quant_weight().value, quantized)
        assert mixer.mask is None
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("quantizer", ["twn", "ternary", "bwn"])
@pytest.mark.parametrize("stage", [0, 1, 2, 3])
def test_gradient_reaches_every_float_weight_unchanged(quantizer, stage):
    model = dense(1 if quantizer == "bwn" else 2, quantizer)
    attached(model, stage)
    for _, layer in quantized_layers(model):
        wanted = torch.randn_like(layer.weight)
        layer.weight.grad = None
        (wanted * layer.quant_weight().value).sum().backward()
        assert torch.equal(layer.weight.grad, wanted)


def test_an_optimiser_step_moves_real_and_quantized_rows():
    model = dense()
    attached(model)
    layer = quantized_layers(model)[1][1]
    before = layer.weight.detach().clone()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    nn.functional.cross_entropy(model(images(32)), torch.arange(32) % 10).backward()
    optimizer.step()
    assert bool((layer.weight != before).any(dim=1).all())


def test_evaluation_does_not_depend_on_the_ratio():
    model = dense()
    expected = copy.deepcopy(model).eval()(images(8))
    attached(model, 0)
    assert torch.equal(model.eval()(images(8)), expected)


def test_masks_depend_on_seed_layer_and_step_alone():
    model = dense()
    sq = attached(model, seed=7)

    def masks(step: int) -> list[torch.Tensor]:
        sq.set_step(step)
        for _, layer in quantized_layers(model):
            layer.quant_weight()
        return [mixer.mask for _, mixer in sq.mixers]

    first, second = masks(0), masks(1)
    torch.rand(100)  # the global generator has no part in it
    assert all(torch.equal(a, b) for a, b in zip(first, masks(0), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_stages_restart_optimiser_and_rate():
    model = dense()
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.1)
    callback = SQCallback(2)
    callback.start(model, optimizer, schedule)
    assert callback.total_epochs == 8
    ratios, rates = [], []
    for epoch in range(callback.total_epochs):
        begins = callback.start_epoch(epoch)
        assert begins == (epoch in (2, 4, 6))
        assert bool(optimizer.state) == (epoch % 2 == 1)
        ratios.append(callback.sq.mixers[0][1].sq_ratio)
        rates.append(optimizer.param_groups[0]["lr"])
        callback.start_step()
        optimizer.zero_grad()
        model(images(4)).sum().backward()
        optimizer.step()
        schedule.step()
    assert ratios == [0.5, 0.5, 0.75, 0.75, 0.875, 0.875, 1, 1]
    assert rates == pytest.approx([0.1, 0.01] * 4)


def test_stages_may_differ_in_length():
    model = dense()
    callback = SQCallback((1, 3, 2), (0.5, 1, 1))
    callback.start(model)
    begins = [callback.start_epoch(epoch) for epoch in range(callback.total_epochs)]
    assert begins == [False, True, False, False, True, False]
    with pytest.raises(RecipeError, match="epochs has 2 lengths for 4 stages"):
        SQCallback((1, 3))
    with pytest.raises(RecipeError, match="epochs=0: a stage has 1 epoch or more"):
        SQCallback(0)


def test_named_schedules():
    assert SCHEDULES["exponential"] == (0.5, 0.75, 0.875, 1.0)
    assert SCHEDULES["average"] == (0.25, 0.5, 0.75, 1.0)
    assert SCHEDULES["fine-tune"][0] == 0.0
    assert set(SCHEDULES["plain"]) == {1.0}


def test_ratio_zero_trains_float_weights():
    model = dense()
    attached(model, schedule="fine-tune")
    for _, layer in quantized_layers(model):
        assert torch.equal(layer.quant_weight().value, layer.weight)


def test_layers_can_have_their_own_ratio():
    model = dense()
    sq = attached(model, stage=1, layers={"5": 1.0})
    assert [mixer.sq_ratio for _, mixer in sq.mixers] == [0.75, 1.0]
    sq = attached(model, stage=1, layers={"2": (0.1, 0.2, 0.3, 1.0)})
    assert [mixer.sq_ratio for _, mixer in sq.mixers] == [0.2, 0.75]


def test_state_carries_step_and_restart_states():
    model = dense()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    first = SQCallback(2, seed=3)
    first.start(model, optimizer)
    first.start_epoch(0)
    for _ in range(5):
        first.start_step()
    optimizer.param_groups[0]["lr"] = 0.001
    other = SQCallback(2, seed=3)
    other.load_state_dict(first.state_dict())
    other.start(model, optimizer)
    other.start_step()
    assert other.sq.mixers[0][1].step == 5
    other.start_epoch(2)
    assert optimizer.param_groups[0]["lr"] == 0.1


def test_a_checkpoint_of_another_recipe_is_refused():
    model = dense()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    first = SQCallback(2)
    first.start(model, optimizer)
    other = SQCallback(2)
    other.load_state_dict(first.state_dict())
    with pytest.raises(TrainingError, match="restarts 1 optimisers and schedules, this run has 0"):
        other.start(model)


def test_measures_name_every_layer():
    model = dense()
    callback = SQCallback(1)
    callback.start(model)
    callback.start_epoch(0)
    callback.start_step()
    model(images(4))
    told = callback.measures()
    assert told["sq_ratio/2"] == 0.5
    assert 0 < told["sq_error/2"] < 1


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"schedule": "exponental"}, "did you mean exponential"),
        ({"schedule": (0.5, 0.9)}, "of which the last is 1"),
        ({"schedule": (1.5, 1.0)}, "in 0..1"),
        ({"layers": {"2": 1.5}}, "outside 0..1"),
        ({"layers": {"2": (0.5, 1.0)}}, "2 ratios for 4 stages"),
    ],
)
def test_impossible_settings_are_refused(settings, text):
    with pytest.raises(RecipeError, match=text):
        StochasticQuantization(**settings)


def test_unknown_layer_is_refused():
    with pytest.raises(RecipeError, match="no layer is called 7"):
        attached(dense(), layers={"7": 1.0})
