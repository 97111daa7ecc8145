"""From a float network and data to a file that is ready for hardware."""

import copy
import dataclasses

import pytest
import torch
from torch import nn

from hwgen.frontend import lower
from hwgen.ptq import Data, GPFQConfig, QMSEConfig, TSQConfig, quantize, reference_accuracy
from hwgen.ptq.errors import CalibrationError, NetworkError, QuantizeError
from hwgen.ptq.quantize import share_right
from tests.ptq.networks import dense, trained_digits

pytestmark = pytest.mark.train

CONFIGS = [
    QMSEConfig(weight_bits=3, act_bits=4, power_of_two=True),
    GPFQConfig(weight_bits=3, act_bits=4, variant="soft"),
    TSQConfig(act_bits=4, restarts=0),
]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: type(config).__name__)
def test_exported_file_computes_what_was_quantized(config, digits, tmp_path):
    before = {k: v.clone() for k, v in digits.network.state_dict().items()}
    told = []

    found = quantize(digits.network, config, digits.data, told.append)
    found.export(tmp_path / "model.onnx")

    assert [row.name for row in told] == [
        "0",
        "3.branch.0",
        "3.branch.3",
        "3.shortcut",
        "6",
    ]
    assert all(torch.equal(v, before[k]) for k, v in digits.network.state_dict().items())
    test = digits.data.test
    share = reference_accuracy(tmp_path / "model.onnx", digits.data, test)
    assert share == pytest.approx(share_right(found.network, digits.data, test), abs=2 / len(test))
    assert found.before - share < 0.1
    graph = lower(tmp_path / "model.onnx").graph
    widths = [int(n.op.weights.max()) for n in graph.nodes if hasattr(n.op, "weights")]
    assert max(widths) <= (127 if isinstance(config, TSQConfig) else 3)


@pytest.mark.parametrize("bits", [2, 3])
def test_walk_beats_rounding_at_few_bits_in_nearly_every_seed(bits):
    wins = 0
    for seed in range(10):
        net, data = trained_digits(seed, dense(), epochs=3)
        shares = []
        for kind in (QMSEConfig, GPFQConfig):
            config = kind(weight_bits=bits, usp=False, bias_correction=False)
            shares.append(quantize(net, config, data))
        accuracy = [share_right(one.network, data, data.test) for one in shares]
        wins += accuracy[1] >= accuracy[0]
    assert wins >= 9


def test_statistics_taken_anew_help_at_two_bits():
    plain = QMSEConfig(weight_bits=2, bias_correction=False, usp=False)
    healed = dataclasses.replace(plain, usp=True)
    wins = 0
    for seed in range(6):
        net, data = trained_digits(seed, epochs=3)
        before, after = (
            share_right(quantize(net, config, data).network, data, data.test)
            for config in (plain, healed)
        )
        wins += after > before
    assert wins == 6


def test_statistics_of_the_result_are_the_moments_of_its_own_activations(digits):
    """The method's own pass, with weights, activations and earlier norms quantized."""
    config = QMSEConfig(weight_bits=3, act_bits=4, statistics="anew")
    found = quantize(digits.network, config, digits.data).network
    given: dict[nn.Module, list[torch.Tensor]] = {}
    norms = [part for part in found.modules() if isinstance(part, nn.BatchNorm2d)]
    for norm in norms:
        norm.register_forward_pre_hook(lambda part, x: given.setdefault(part, []).append(x[0]))
    with torch.no_grad():
        for batch in digits.data.batches():
            found(batch)

    assert len(norms) == 3
    for norm in norms:
        flat = torch.cat(given[norm]).double().transpose(0, 1).flatten(1)
        scale = float(flat.var(1).max())
        mean, variance = flat.mean(1).float(), flat.var(1, unbiased=False).float()
        torch.testing.assert_close(norm.running_mean, mean, rtol=1e-5, atol=1e-5 * scale**0.5)
        torch.testing.assert_close(norm.running_var, variance, rtol=1e-4, atol=1e-5 * scale)


@pytest.fixture
def foreign(digits):
    """A network whose stored statistics are not those of the calibration data."""
    net = copy.deepcopy(digits.network)
    generator = torch.Generator().manual_seed(3)
    for norm in (part for part in net.modules() if isinstance(part, nn.BatchNorm2d)):
        deviation = norm.running_var.sqrt()
        norm.running_var *= 0.4 + 0.4 * torch.rand(len(deviation), generator=generator)
        norm.running_mean += 0.3 * deviation * torch.randn(len(deviation), generator=generator)
    return net


@pytest.mark.parametrize("kind", [QMSEConfig, GPFQConfig])
def test_statistics_that_do_not_fit_the_data_outlive_a_fine_quantization(foreign, digits, kind):
    """Moments alone would make another network of it, whose outputs no bias brings back."""
    found = quantize(foreign, kind(weight_bits=8), digits.data)

    assert found.error < 1e-3
    norms = [part for part in foreign.modules() if isinstance(part, nn.BatchNorm2d)]
    kept = [part for part in found.network.modules() if isinstance(part, nn.BatchNorm2d)]
    for norm, own in zip(norms, kept, strict=True):
        torch.testing.assert_close(own.running_var, norm.running_var, rtol=0.05, atol=1e-3)


def test_biases_stay_where_statistics_are_moments_alone(foreign, digits):
    """The last layer's bias would take the difference of two networks, not of quantization."""
    config = QMSEConfig(weight_bits=8, statistics="anew")
    found = quantize(foreign, config, digits.data).network
    assert torch.equal(found.get_submodule("6").bias, foreign.get_submodule("6").bias)
    found = quantize(foreign, dataclasses.replace(config, usp=False), digits.data).network
    assert not torch.equal(found.get_submodule("6").bias, foreign.get_submodule("6").bias)


@pytest.mark.parametrize("kind", [GPFQConfig, TSQConfig])
def test_correction_through_the_quantized_prefix_lowers_the_error(kind):
    wins, ratios = 0, []
    for seed in range(8):
        net, data = trained_digits(seed, dense(), epochs=3)
        config = kind(weight_bits=2, act_bits=4, usp=False, bias_correction=False)
        config = dataclasses.replace(config, edge_bits=None)
        errors = [
            quantize(net, dataclasses.replace(config, corrected=on), data).error
            for on in (True, False)
        ]
        wins += errors[0] <= errors[1]
        ratios.append(errors[0] / errors[1])
    assert wins >= 7, ratios
    assert sum(ratios) / 8 < 0.95, ratios


def test_finetuning_lowers_the_error_and_still_exports(digits, tmp_path):
    config = TSQConfig(act_bits=4, edge_bits=None, restarts=0)
    plain = quantize(digits.network, config, digits.data)

    found = quantize(digits.network, dataclasses.replace(config, finetune=6), digits.data)

    assert found.error < 0.98 * plain.error
    found.export(tmp_path / "model.onnx")
    test = digits.data.test
    share = reference_accuracy(tmp_path / "model.onnx", digits.data, test)
    assert share == pytest.approx(share_right(found.network, digits.data, test), abs=2 / len(test))
    graph = lower(tmp_path / "model.onnx").graph
    assert {int(abs(n.op.weights).max()) for n in graph.nodes if hasattr(n.op, "weights")} == {1}


def test_bias_correction_brings_the_mean_of_each_channel_back():
    net, data = trained_digits(1, dense(), epochs=2)
    found = quantize(net, QMSEConfig(weight_bits=2), data)
    wanted, got = [], []
    for batch in data.batches():
        wanted.append(net(batch))
        got.append(found.network(batch))
    apart = torch.cat(wanted).mean(0) - torch.cat(got).mean(0)
    assert apart.abs().max() < 1e-5
    plain = quantize(net, QMSEConfig(weight_bits=2, bias_correction=False), data)
    assert (
        torch.cat(wanted).mean(0) - plain.network(torch.cat(data.batches())).mean(0)
    ).abs().max() > 1e-3


def test_published_alphabet_is_exported_at_a_bit_more(digits, tmp_path):
    config = GPFQConfig(weight_bits=2, levels="published", step="quantile")
    found = quantize(digits.network, config, digits.data)
    assert {row.bits for row in found.rows} == {3}
    found.export(tmp_path / "model.onnx")
    graph = lower(tmp_path / "model.onnx").graph
    tops = [int(abs(n.op.weights).max()) for n in graph.nodes if hasattr(n.op, "weights")]
    assert max(tops) == 2


class Branching(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 2)

    def forward(self, x):
        return self.fc(x) if x.sum() > 0 else -self.fc(x)


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        return self.fc(self.fc(x))


class Splitting(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x):
        return self.fc(x), x


class Measuring(Twice):
    def forward(self, x):
        return self.fc(x.view(x.size(0), -1))


class Shaping(Twice):
    def forward(self, x):
        return self.fc(x.reshape(x.shape[0], -1))


def spoilt():
    net = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
    net[2].weight.data[1, 3] = float("nan")
    return net


@pytest.mark.parametrize(
    ("network", "text"),
    [
        (Branching(), "Branching.forward cannot be traced.*control flow"),
        (nn.Sequential(nn.Linear(4, 4), nn.GELU(), nn.Linear(4, 2)), r"1 \(GELU\) cannot be"),
        (Twice(), "fc is called 2 times"),
        (Splitting(), "Splitting takes 1 inputs and gives several outputs"),
        (Measuring(), r"Measuring.forward reads a tensor's shape.*flatten\(1\)"),
        (Shaping(), r"Shaping.forward reads a tensor's shape.*flatten\(1\)"),
        (spoilt(), "2.weight holds 1 values that are NaN"),
        (nn.Sequential(nn.ReLU()), "no Linear or Conv layer"),
        (nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect"), "pads with reflect"),
    ],
)
def test_networks_that_cannot_be_quantized_are_named(network, text):
    wrapped = nn.Sequential(network) if isinstance(network, nn.Conv2d) else network
    with pytest.raises(NetworkError, match=text):
        quantize(wrapped, QMSEConfig(), Data(torch.rand(4, 4)))


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (torch.zeros(0, 64), "holds no samples"),
        (torch.rand(4, 63), r"does not take calibration samples of shape \(63,\)"),
        (torch.full((4, 64), 0.5), "every value of the calibration set is 0.5"),
        (
            torch.tensor([[1.0] * 64, [float("nan")] * 64]),
            "1 calibration samples hold NaN.*sample 1",
        ),
    ],
)
def test_calibration_data_that_mean_nothing_are_refused(x, text):
    with pytest.raises(CalibrationError, match=text):
        quantize(dense(), QMSEConfig(), Data(x))


def test_widths_and_options_outside_their_range_are_refused(digits):
    with pytest.raises(QuantizeError, match=r"weights of 9 bit.*2\.\.8"):
        QMSEConfig(weight_bits=9)
    with pytest.raises(QuantizeError, match="activations of 1 bit"):
        GPFQConfig(act_bits=1)
    with pytest.raises(QuantizeError, match="percentile"):
        GPFQConfig(percentile=0)
    with pytest.raises(QuantizeError, match="no layer is called 7; "):
        quantize(digits.network, QMSEConfig(layer_bits={"7": 4}), digits.data)
    with pytest.raises(QuantizeError, match="no Quant node holds them"):
        quantize(digits.network, GPFQConfig(variant="hard"), digits.data)
    with pytest.raises(QuantizeError, match="257 levels, which take 9 bit"):
        quantize(digits.network, GPFQConfig(weight_bits=8, levels="published"), digits.data)
