import brevitas.nn as qnn
import pytest
import torch

from hwgen.train.acts import StepQuant
from hwgen.train.bake import quantized_layers
from hwgen.train.models import MODELS, build_model
from hwgen.train.module import Trainee
from hwgen.train.recipe import TrainSpec

pytestmark = pytest.mark.train

INPUTS = {
    "tfc": (1, 28, 28),
    "lfc": (1, 28, 28),
    "kws_mlp": (490,),
    "mlp": (20,),
    "vgg1d": (2, 1024),
}
LAYERS = {
    "tfc": 4,
    "lfc": 4,
    "kws_mlp": 4,
    "mlp": 2,
    "resnet8": 10,
    "resnet20": 22,
    "cnv": 9,
    "mobilenet": 12,
    "vgg1d": 10,
    "unet": 8,
}


@pytest.mark.parametrize("name", MODELS)
def test_definitions_run_and_learn(name):
    """Every quantized weight and every learned step gets a gradient that is not all zero."""
    torch.manual_seed(0)
    options = {"sizes": [20, 16, 5]} if name == "mlp" else {}
    model = build_model({"name": name, **options})
    x = torch.rand(4, *INPUTS.get(name, (3, 32, 32))) * 2 - 0.5
    y = model(x)
    (y * torch.randn_like(y)).sum().backward()
    layers = quantized_layers(model)
    assert len(layers) == LAYERS[name]
    for label, layer in layers:
        assert layer.weight.grad.abs().max() > 0, label
    for label, step in model.named_modules():
        if isinstance(step, StepQuant):
            assert step.step.grad.abs() > 0, label


@pytest.mark.parametrize("bits", [1, 2, 4])
@pytest.mark.parametrize("name", ["tfc", "cnv", "resnet8"])
def test_widths_are_options(name, bits):
    model = build_model({"name": name, "weight_bits": bits, "act_bits": bits})
    edges = {"stem.1", "head"}
    for label, layer in quantized_layers(model):
        assert float(layer.quant_weight().bit_width) == (8 if label in edges else bits)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("bits", [2, 3, 8])
def test_step_quantizer_equals_its_definition(bits, signed):
    quant = StepQuant(0.3, bits, signed)
    x = torch.linspace(-50, 50, 4001).view(1, -1)
    y, step, zero, width = quant(x)
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    assert torch.equal(y, (x / step).round().clamp(low, high) * step)
    assert (float(zero), float(width)) == (0, bits)


def test_step_gradient_is_that_of_learned_step_quantization():
    quant = StepQuant(0.5, 2, signed=False)
    x = torch.tensor([[-1.0, 0.6, 1.2, 9.0]], requires_grad=True)
    quant(x)[0].backward(torch.tensor([[1.0, 10.0, 100.0, 1000.0]]))
    assert x.grad.tolist() == [[0.0, 10.0, 100.0, 0.0]]
    # inside: code - x / step; clamped: the bound; times 1 / sqrt(4 elements * 3)
    expected = (0 + 10 * (1 - 1.2) + 100 * (2 - 2.4) + 1000 * 3) / 12**0.5
    assert float(quant.step.grad) == pytest.approx(expected, rel=1e-5)


def test_last_layers_share_one_scale():
    """The class can be chosen on the integers only if no class has a scale of its own."""
    for name, last in (("tfc", "blocks.11"), ("resnet8", "head"), ("cnv", "dense.7")):
        layer = dict(quantized_layers(build_model({"name": name})))[last]
        assert isinstance(layer, qnn.QuantLinear)
        assert layer.quant_weight().scale.numel() == 1


def test_blocks_may_pass_on_more_bits_than_convolutions_take():
    model = build_model({"name": "resnet8", "act_bits": 2, "trunk_bits": 4})
    bits = {label: m.bits for label, m in model.named_modules() if isinstance(m, StepQuant)}
    passed = {label for label in bits if ".branch." not in label and ".shortcut." not in label}
    for label in passed - {label for label in passed if ".enter." in label or "stem.0" in label}:
        assert bits[label] == 4, label
    assert sum(".enter." in label and bits[label] == 2 for label in passed) == 3
    assert model(torch.rand(2, 3, 32, 32)).shape == (2, 10)


def test_rate_rises_then_falls_in_each_stage():
    spec = TrainSpec(epochs=1, warmup=0.1, learning_rate=1.0)
    rate = Trainee(torch.nn.Linear(1, 1), spec, (1,), 100).rate
    rates = [rate(step) for step in range(101)]
    assert max(rates) == pytest.approx(1.001)
    assert rates.index(max(rates)) == 10
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert 0 < rates[0] < 0.1
    assert rates[-1] == pytest.approx(0.001)


def test_rate_runs_over_the_stage_that_is_trained():
    trainee = Trainee(torch.nn.Linear(1, 1), TrainSpec(epochs=(1, 3)), (1, 3), 100)
    assert trainee.rate(100) == pytest.approx(0.001)
    trainee.enter(1)
    assert trainee.rate(100) == pytest.approx(0.751)
    assert trainee.rate(300) == pytest.approx(0.001)
