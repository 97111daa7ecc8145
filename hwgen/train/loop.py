"""Run a recipe: train, checkpoint, export, measure."""

from __future__ import annotations

import json
import logging
import signal
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import lightning
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint, RichProgressBar
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from torch import nn

from hwgen.errors import OutputError, suggest
from hwgen.train.bake import quantized_layers
from hwgen.train.callback import SQCallback
from hwgen.train.data import Batches, Samples, load, to_network
from hwgen.train.errors import RecipeError, TrainingError
from hwgen.train.export import finalize_export
from hwgen.train.models import build_model
from hwgen.train.module import Trainee
from hwgen.train.recipe import Recipe
from hwgen.train.sq import checked_lengths
from hwgen.train.weights import set_weight_quant, weight_quant

EXPORT_SAMPLES = 16


@dataclass(frozen=True)
class Result:
    """What a run left behind.

    accuracy : share of the test samples that the trained network classifies rightly, 0..1
    samples : number of test samples
    model : the exported file
    checkpoint : resume from here
    """

    accuracy: float
    samples: int
    model: Path
    checkpoint: Path


def run(
    recipe: Recipe,
    *,
    data: Path,
    out: Path,
    resume: bool = False,
    limit: int | None = None,
    progress: bool = True,
) -> Result:
    """Train what ``recipe`` describes and export it.

    Same recipe and seed give the same weights on one machine, interrupted or not.

    Parameters
    ----------
    data : folder of the data sets
    out : folder to write: ``model.onnx``, ``result.json``, ``tensorboard/``,
        ``checkpoints/last.ckpt``, ``metrics/metrics.csv`` (of a resumed run the rest; what went
        before in ``metrics_1.csv`` and so on)
    resume : go on from the last checkpoint in ``out``, from the start where there is none
    limit : use only so many samples and a single epoch a stage, for a smoke run

    Raises
    ------
    RecipeError, DataError, TrainingError, ExportError, OutputError
    """
    spec = recipe.train
    if spec.threads:
        torch.set_num_threads(spec.threads)
    lightning.seed_everything(spec.seed, verbose=False)
    train = load(recipe.data.name, "train", data, limit)
    test = load(recipe.data.name, "test", data, limit)
    network = network_of(recipe)
    batches = Batches(
        train,
        recipe.data.convention,
        spec.batch_size,
        seed=spec.seed,
        augment=recipe.data.augment,
    )
    lengths = 1 if limit else spec.epochs
    sq = _callback(recipe, lengths)
    epochs = sq.epochs if sq else checked_lengths(lengths, 1)
    trainee = Trainee(network, spec, epochs, len(batches))
    checkpoint = out / "checkpoints" / "last.ckpt"
    if resume:
        _keep_metrics(out / "metrics")
    trainer = _trainer(out, sum(epochs), [sq] if sq else [], progress)
    _fit(trainer, trainee, batches, _batches_of(test, recipe), checkpoint, resume)
    return _finish(recipe, network, test, out, checkpoint)


def network_of(recipe: Recipe) -> nn.Module:
    """Return the untrained network of a recipe; its weights depend on the seed alone.

    Raises
    ------
    RecipeError
        unknown model, option or layer
    """
    torch.manual_seed(recipe.train.seed)
    network = build_model(recipe.model)
    layers = dict(quantized_layers(network))
    for name, bits in recipe.layer_bits.items():
        if name not in layers:
            raise RecipeError(f"layer_bits: no layer is called {name}{suggest(name, layers)}")
        set_weight_quant(layers[name], weight_quant(bits))
    return network


def accuracy(network: nn.Module, samples: Samples, recipe: Recipe) -> float:
    """Return the share of ``samples`` that ``network`` classifies rightly, 0..1."""
    network.eval()
    hits = 0
    with torch.no_grad():
        for x, y in _batches_of(samples, recipe):
            hits += int((network(x).argmax(1) == y).sum())
    return hits / len(samples)


def _batches_of(samples: Samples, recipe: Recipe) -> Batches:
    return Batches(samples, recipe.data.convention, 500)


def _callback(recipe: Recipe, epochs: int | Sequence[int]) -> SQCallback | None:
    spec = recipe.sq
    if spec is None:
        return None
    return SQCallback(
        epochs,
        spec.schedule,
        law=spec.law,
        function=spec.function,
        unit=spec.unit,
        layers=spec.layers,
        seed=recipe.train.seed,
    )


def _keep_metrics(folder: Path) -> None:
    """Rename the metrics of the run that is resumed, which the logger would delete."""
    if (last := folder / "metrics.csv").is_file():
        parts = len(list(folder.glob("metrics_*.csv")))
        last.rename(folder / f"metrics_{parts + 1}.csv")


def _trainer(
    out: Path, epochs: int, callbacks: list[Callback], progress: bool
) -> lightning.Trainer:
    folder = out / "checkpoints"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{out} cannot be written ({error.strerror}); choose another") from None
    saver = ModelCheckpoint(folder, filename="last", save_top_k=1, enable_version_counter=False)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    bars: list[Callback] = [RichProgressBar(console_kwargs={"stderr": True})] if progress else []
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning")
        return lightning.Trainer(
            max_epochs=epochs,
            accelerator="auto",
            devices=1,
            callbacks=[*callbacks, saver, *bars],
            logger=[CSVLogger(out, "metrics", ""), TensorBoardLogger(out, "tensorboard", "")],
            enable_progress_bar=progress,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            log_every_n_steps=50,
        )


def _fit(
    trainer: lightning.Trainer,
    trainee: Trainee,
    batches: Batches,
    tests: Batches,
    checkpoint: Path,
    resume: bool,
) -> None:
    start = str(checkpoint) if resume and checkpoint.is_file() else None
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning")
        warnings.filterwarnings("ignore", category=FutureWarning, module="torch")
        try:
            trainer.fit(trainee, batches, tests, ckpt_path=start, weights_only=False)
        except SystemExit:  # Lightning's answer to an interrupt from the keyboard
            signal.signal(signal.SIGINT, signal.default_int_handler)
            raise TrainingError(
                f"interrupted in epoch {trainer.current_epoch}; go on with --resume"
            ) from None


def _finish(
    recipe: Recipe, network: nn.Module, test: Samples, out: Path, checkpoint: Path
) -> Result:
    network.cpu().eval()
    inputs = to_network(test.x[:EXPORT_SAMPLES], recipe.data.convention)
    model = out / "model.onnx"
    finalize_export(
        network, model, inputs, convention=recipe.data.convention, exporter=recipe.exporter
    )
    result = Result(accuracy(network, test, recipe), len(test), model, checkpoint)
    told = {"accuracy": result.accuracy, "samples": result.samples}
    (out / "result.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return result
