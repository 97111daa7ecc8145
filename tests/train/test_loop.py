import csv
import json

import numpy as np
import onnx
import pytest
import torch

from hwgen.train import loop
from hwgen.train.errors import DataError, RecipeError, TrainingError
from hwgen.train.loop import run
from hwgen.train.module import Trainee
from hwgen.train.recipe import check_recipe

pytestmark = [
    pytest.mark.train,
    pytest.mark.filterwarnings("ignore::UserWarning:lightning"),
    pytest.mark.filterwarnings("ignore::FutureWarning:torch"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

SQ = {"schedule": "exponential"}


def recipe(epochs=2, sq=None, **train):
    table = {
        "model": {"name": "mlp", "sizes": [64, 24, 10], "dropout": 0.1},
        "data": {"name": "digits", "input_scale": "1/16"},
        "train": {"epochs": epochs, "batch_size": 64, "learning_rate": 0.01, **train},
        "exporter": "torchscript",
    }
    return check_recipe(table | ({"sq": sq} if sq else {}))


def weights(path):
    file = onnx.load(str(path))
    return {t.name: onnx.numpy_helper.to_array(t) for t in file.graph.initializer}


def assert_same(first, second):
    a, b = weights(first), weights(second)
    assert a.keys() == b.keys()
    for name, value in a.items():
        np.testing.assert_array_equal(value, b[name], err_msg=name)


def test_a_run_learns_logs_and_exports(tmp_path):
    result = run(recipe(8), data=tmp_path, out=tmp_path / "a", progress=False)
    assert result.accuracy > 0.85
    assert result.samples == 359
    told = json.loads((tmp_path / "a" / "result.json").read_text())
    assert told == {"accuracy": result.accuracy, "samples": 359}
    with (tmp_path / "a" / "metrics" / "metrics.csv").open() as file:
        tested = [row for row in csv.DictReader(file) if row["test_accuracy"]]
    assert len(tested) == 8
    assert float(tested[-1]["test_accuracy"]) == pytest.approx(result.accuracy, abs=1e-6)
    assert list((tmp_path / "a" / "tensorboard").glob("events*"))


def test_an_interrupted_run_ends_as_an_uninterrupted_one(tmp_path, monkeypatch):
    """Interrupted within the second of four stages; masks, order, dropout and rate must go on."""
    whole = run(recipe(2, SQ), data=tmp_path, out=tmp_path / "whole", progress=False)
    real = Trainee.training_step

    def stop(self, batch, index):
        if self.current_epoch == 3 and index == 5:
            raise KeyboardInterrupt
        return real(self, batch, index)

    monkeypatch.setattr(Trainee, "training_step", stop)
    with pytest.raises(TrainingError, match="interrupted in epoch 3; go on with --resume"):
        run(recipe(2, SQ), data=tmp_path, out=tmp_path / "cut", progress=False)
    monkeypatch.setattr(Trainee, "training_step", real)
    torch.rand(17)
    resumed = run(recipe(2, SQ), data=tmp_path, out=tmp_path / "cut", resume=True, progress=False)
    assert_same(whole.model, resumed.model)
    assert epochs_of(tmp_path / "cut") == epochs_of(tmp_path / "whole") == set(range(8))


def test_a_run_goes_on_with_a_stage_added_to_its_recipe(tmp_path):
    first, both = recipe([2], {"schedule": [1]}), recipe([2, 3], {"schedule": [1, 1]})
    whole = run(both, data=tmp_path, out=tmp_path / "whole", progress=False)
    ended = run(first, data=tmp_path, out=tmp_path / "cut", progress=False)
    with pytest.raises(AssertionError):
        assert_same(whole.model, ended.model)
    resumed = run(both, data=tmp_path, out=tmp_path / "cut", resume=True, progress=False)
    assert_same(whole.model, resumed.model)


def epochs_of(out):
    """Return the epochs that were tested, by all files of metrics."""
    lines = [line for path in (out / "metrics").glob("*.csv") for line in rows(path)]
    return {int(line["epoch"]) for line in lines if line["test_loss"]}


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_seed_decides_the_weights(tmp_path):
    runs = [
        run(recipe(1, seed=seed), data=tmp_path, out=tmp_path / name, progress=False)
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    assert_same(runs[0].model, runs[1].model)
    with pytest.raises(AssertionError):
        assert_same(runs[0].model, runs[2].model)


def test_sq_differs_from_plain_stages(tmp_path):
    plain = {"schedule": "plain"}
    a = run(recipe(1, SQ), data=tmp_path, out=tmp_path / "a", progress=False, limit=256)
    b = run(recipe(1, plain), data=tmp_path, out=tmp_path / "b", progress=False, limit=256)
    with pytest.raises(AssertionError):
        assert_same(a.model, b.model)


def test_a_loss_that_is_no_number_stops_the_run(tmp_path, monkeypatch):
    real = loop.build_model

    def poisoned(options):
        network = real(options)
        with torch.no_grad():
            network.scale.scale.fill_(float("inf"))
        return network

    monkeypatch.setattr(loop, "build_model", poisoned)
    with pytest.raises(TrainingError, match=r"loss is nan in epoch 0, step 0; lower train\.learn"):
        run(recipe(), data=tmp_path, out=tmp_path / "a", progress=False)


def test_missing_data_says_where_to_get_them(tmp_path):
    wanted = recipe().model_copy(
        update={"data": recipe().data.model_copy(update={"name": "mnist"})}
    )
    with pytest.raises(DataError, match=r"put mnist_train\.npz there, or the files of http"):
        run(wanted, data=tmp_path, out=tmp_path / "a", progress=False)


def test_layers_can_have_their_own_width(tmp_path):
    wanted = recipe().model_copy(update={"layer_bits": {"blocks.2": 4}})
    network = loop.network_of(wanted)
    assert float(network.blocks[2].quant_weight().bit_width) == 4
    unknown = recipe().model_copy(update={"layer_bits": {"blocks.3": 4}})
    with pytest.raises(RecipeError, match=r"no layer is called blocks\.3; did you mean blocks\."):
        loop.network_of(unknown)
