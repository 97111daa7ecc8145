"""What each method writes becomes hardware that computes the same, frame for frame."""

import json

import pytest

from hwgen import flow
from hwgen.ptq import GPFQConfig, QMSEConfig, TSQConfig, quantize

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
    path, out = tmp_path / "model.onnx", tmp_path / "out"
    quantize(digits.network, config, digits.data).export(path)

    request = flow.Request(path, "pynq-z2", target_fps=500.0)
    flow.build(request, flow.Trial(frames=2), out).require()

    told = json.loads((out / "verification.json").read_text())
    assert [run["mismatches"] for run in told["runs"]] == [0] * len(told["runs"])
    assert sum(run["values"] for run in told["runs"]) >= 2 * 2 * 10
    assert sum(layer["unexplained"] for layer in told["onnx"]) == 0
