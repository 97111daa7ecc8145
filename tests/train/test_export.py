import re

import numpy as np
import onnx
import pytest
import torch

from hwgen.train import export
from hwgen.train.bake import baked, integer_weights, quantized_layers
from hwgen.train.compare import FileRunner
from hwgen.train.errors import ExportError
from hwgen.train.export import InputConvention, finalize_export
from hwgen.train.sq import StochasticQuantization
from tests.train.networks import convolutional, dense, images

pytestmark = pytest.mark.train

KINDS = [(1, "bwn"), (2, "twn"), (2, "ternary"), (2, "int"), (3, "int"), (4, "int"), (8, "int")]
WITHOUT_NORM = [(1, "bwn"), (2, "twn"), (3, "int")]
INPUTS = 64


def check_file(model, path, exporter):
    """The exported file answers 64 inputs as torch does; its weights lie on their grids."""
    inputs = images(INPUTS, seed=9)
    result = finalize_export(model, path, inputs, exporter=exporter)
    assert result.samples == INPUTS
    assert result.ties <= 2
    model.eval()
    run = FileRunner(onnx.load(str(path)))
    with torch.no_grad():
        expected = model(inputs).numpy()
    got = np.concatenate([run(inputs[i : i + 1].numpy())[run.output] for i in range(INPUTS)])
    apart = np.abs(got - expected).max(axis=1) > 1e-5
    assert apart.sum() == result.ties


@pytest.mark.parametrize(("bits", "quantizer"), KINDS)
@pytest.mark.parametrize("make", [dense, convolutional])
def test_file_equals_torch(tmp_path, make, bits, quantizer):
    torch.manual_seed(1)
    check_file(make(bits, quantizer), tmp_path / "m.onnx", "torchscript")


@pytest.mark.parametrize(("bits", "quantizer"), WITHOUT_NORM)
@pytest.mark.parametrize("make", [dense, convolutional])
def test_file_equals_torch_without_batchnorm(tmp_path, make, bits, quantizer):
    torch.manual_seed(2)
    check_file(make(bits, quantizer, norm=False), tmp_path / "m.onnx", "dynamo")


@pytest.mark.parametrize("exporter", ["dynamo", "torchscript"])
def test_without_baking_a_threshold_rule_exports_wrong(tmp_path, monkeypatch, exporter):
    """Protects the reason for baking: drop it and the comparison must notice, by name."""
    torch.manual_seed(1)
    monkeypatch.setattr(export, "baked", lambda model: model.eval())
    with pytest.raises(ExportError, match=r"^[25]: the exported file computes another result"):
        finalize_export(dense(2, "twn"), tmp_path / "m.onnx", images(4), exporter=exporter)
    assert not (tmp_path / "m.onnx").exists()


def test_a_changed_scale_is_noticed(tmp_path, monkeypatch):
    real = export._tidy

    def spoil(file, *rest):
        file = real(file, *rest)
        scale = next(t for t in file.graph.initializer if list(t.dims) == [16, 1])
        values = onnx.numpy_helper.to_array(scale).copy()
        values[3] *= 1.01
        scale.CopyFrom(onnx.numpy_helper.from_array(values, scale.name))
        return file

    monkeypatch.setattr(export, "_tidy", spoil)
    with pytest.raises(ExportError, match=r"^2: the exported file computes another result"):
        finalize_export(dense(), tmp_path / "m.onnx", images(4), exporter="torchscript")


def test_a_ratio_below_one_is_refused(tmp_path):
    model = dense()
    sq = StochasticQuantization()
    sq.attach(model)
    sq.set_stage(1)
    with pytest.raises(ExportError, match=r"2: stochastic quantization is at ratio 0\.75"):
        finalize_export(model, tmp_path / "m.onnx", images(2))
    sq.set_stage(3)
    finalize_export(model, tmp_path / "m.onnx", images(2), exporter="torchscript")


def test_the_file_carries_the_input_convention_and_no_paths(tmp_path):
    convention = InputConvention(mean=("0.5", "0.25"), std=("0.5", "0.5"))
    for exporter in ("dynamo", "torchscript"):
        path = tmp_path / f"{exporter}.onnx"
        finalize_export(dense(), path, images(2), convention=convention, exporter=exporter)
        file = onnx.load(str(path))
        assert {p.key: p.value for p in file.metadata_props} == {
            "hwgen.input_type": "uint8",
            "hwgen.input_scale": "1/255",
            "hwgen.input_mean": "0.5,0.25",
            "hwgen.input_std": "0.5,0.5",
        }
        assert file.ir_version <= 10
        assert [entry.name for entry in file.graph.input] == ["x"]
        assert not re.search(rb"site-packages|\.py\b", path.read_bytes())


def test_the_model_is_left_as_it_is(tmp_path):
    model = dense()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    finalize_export(model, tmp_path / "m.onnx", images(2), exporter="torchscript")
    assert model.training
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize(("bits", "quantizer"), KINDS)
def test_baked_weights_are_integers_times_scale(bits, quantizer):
    model = convolutional(bits, quantizer).eval()
    codes = [integer_weights(layer) for _, layer in quantized_layers(model)]
    for (_, layer), wanted in zip(quantized_layers(baked(model)), codes, strict=True):
        scale = layer.quant_weight().scale
        assert torch.equal(layer.weight, wanted * scale)
        assert torch.equal(integer_weights(layer), wanted)
        assert wanted.abs().max() <= max(1, 2 ** (bits - 1) - 1)


def test_no_inputs_are_refused(tmp_path):
    with pytest.raises(ExportError, match="give at least one real input"):
        finalize_export(dense(), tmp_path / "m.onnx", images(4)[:0])
