"""What each method writes becomes hardware that computes the same, frame for frame."""

import json

import pytest
import torch

from hwgen import flow
from hwgen.ptq import Data, GPFQConfig, QMSEConfig, TSQConfig, quantize
from hwgen.ptq.floats import resnet8
from hwgen.train.export import InputConvention

pytestmark = [pytest.mark.train, pytest.mark.slow]

CONFIGS = {
    "qmse": QMSEConfig(weight_bits=8),
    "qmse-power": QMSEConfig(weight_bits=3, act_bits=4, granularity="tensor", power_of_two=True),
    "gpfq-published": GPFQConfig(weight_bits=3, act_bits=4, levels="published", step="quantile"),
    "gpfq-soft": GPFQConfig(weight_bits=4, act_bits=5, sum_bits=4, variant="soft"),
    "gpfq-mixed": GPFQConfig(weight_bits=2, layer_bits={"6": 8, "0": 5}, variant="stochastic"),
    "tsq": TSQConfig(restarts=0, finetune=1),
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_a_quantized_network_builds_and_verifies_without_a_mismatch(config, digits, tmp_path):
    path = tmp_path / "model.onnx"
    quantize(digits.network, config, digits.data).export(path)
    built_without_a_mismatch(path, tmp_path / "out", 500.0)


@pytest.mark.parametrize("config", [TSQConfig(restarts=0), GPFQConfig()], ids=["tsq", "gpfq"])
def test_a_quantized_resnet8_builds_and_verifies_without_a_mismatch(config, tmp_path):
    torch.manual_seed(0)
    path, images = tmp_path / "model.onnx", torch.randint(0, 256, (64, 3, 32, 32)).byte()
    quantize(resnet8(), config, Data(images, InputConvention())).export(path)
    built_without_a_mismatch(path, tmp_path / "out", 300.0)


def built_without_a_mismatch(path, out, fps):
    request = flow.Request(path, "pynq-z2", target_fps=fps)
    flow.build(request, flow.Trial(frames=2), out).require()

    told = json.loads((out / "verification.json").read_text())
    assert [run["mismatches"] for run in told["runs"]] == [0] * len(told["runs"])
    assert sum(run["values"] for run in told["runs"]) >= 2 * 2 * 10
    assert sum(layer["unexplained"] for layer in told["onnx"]) == 0
