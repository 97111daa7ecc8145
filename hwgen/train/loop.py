"""Run a recipe: train, checkpoint, export, measure."""

from __future__ import annotations

import json
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path

import lightning
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint, RichProgressBar
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from torch import nn

from hwgen.errors import OutputError
from hwgen.train.data import Batches, Samples, load, to_network
from hwgen.train.errors import TrainingError
from hwgen.train.export import finalize_export
from hwgen.train.models import build_model
from hwgen.train.module import Trainee
from hwgen.train.recipe import Recipe

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
    out : folder to write: ``model.onnx``, ``result.json``, ``metrics/``, ``tensorboard/``,
        ``checkpoints/last.ckpt``
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
    train = load(recipe.data.name, "train", data).first(limit)
    test = load(recipe.data.name, "test", data).first(limit)
    network = network_of(recipe)
    batches = Batches(
        train,
        recipe.data.convention,
        spec.batch_size,
        seed=spec.seed,
        augment=recipe.data.augment,
    )
    epochs = 1 if limit else spec.epochs
    trainee = Trainee(network, spec, len(batches) * epochs)
    checkpoint = out / "checkpoints" / "last.ckpt"
    _fit(trainee, batches, _batches_of(test, recipe), out, epochs, checkpoint, resume, progress)
    return _finish(recipe, network, test, out, checkpoint)


def network_of(recipe: Recipe) -> nn.Module:
    """Return the untrained network of a recipe; its weights depend on the seed alone."""
    torch.manual_seed(recipe.train.seed)
    return build_model(recipe.model)


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


def _fit(
    trainee: Trainee,
    batches: Batches,
    tests: Batches,
    out: Path,
    epochs: int,
    checkpoint: Path,
    resume: bool,
    progress: bool,
) -> None:
    try:
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{out} cannot be written ({error.strerror}); choose another") from None
    callbacks: list[Callback] = [
        ModelCheckpoint(
            checkpoint.parent, filename="last", save_top_k=1, enable_version_counter=False
        )
    ]
    if progress:
        callbacks.append(RichProgressBar())
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="lightning")
        trainer = lightning.Trainer(
            max_epochs=epochs,
            accelerator="auto",
            devices=1,
            callbacks=callbacks,
            logger=[CSVLogger(out, "metrics", ""), TensorBoardLogger(out, "tensorboard", "")],
            enable_progress_bar=progress,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            log_every_n_steps=50,
        )
        start = str(checkpoint) if resume and checkpoint.is_file() else None
        trainer.fit(trainee, batches, tests, ckpt_path=start)
    if trainer.interrupted:
        raise TrainingError(f"interrupted in epoch {trainer.current_epoch}; go on with --resume")


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
    told = {key: str(v) if isinstance(v, Path) else v for key, v in asdict(result).items()}
    (out / "result.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return result
