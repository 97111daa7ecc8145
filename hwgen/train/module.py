"""The Lightning side of a recipe: loss, metrics, optimiser, learning-rate schedule."""

from __future__ import annotations

import math
from collections.abc import Sequence

import lightning
import torch
from torch import Tensor, nn

from hwgen.train.errors import TrainingError
from hwgen.train.recipe import TrainSpec
from hwgen.train.sq import stage_of

STEP_DROPS = (0.5, 0.75)  # of a stage: where the step schedule divides the rate by ten


class Trainee(lightning.LightningModule):
    """A classifier under training.

    Parameters
    ----------
    model : network, input to class scores
    spec : the recipe's ``[train]`` section
    epochs : length of each stage, over which the learning-rate schedule runs
    batches : optimiser steps of one epoch
    """

    def __init__(
        self, model: nn.Module, spec: TrainSpec, epochs: Sequence[int], batches: int
    ) -> None:
        super().__init__()
        self.model = model
        self.spec = spec
        self.stages = tuple(epochs)
        self.batches = batches
        self.enter(0)

    def enter(self, epoch: int) -> None:
        """Let the learning rate run over the stage of ``epoch``, counted from 0."""
        self.steps = self.stages[stage_of(epoch, self.stages)] * self.batches

    def on_train_epoch_start(self) -> None:
        """Run the learning rate over this epoch's stage.

        Tie order and dropout to seed and epoch, so that a resumed run goes on as it would.
        """
        self.enter(self.current_epoch)
        torch.manual_seed(self.spec.seed * 1_000_003 + self.current_epoch)
        self.trainer.train_dataloader.set_epoch(self.current_epoch)

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        x, y = batch
        scores = self.model(_channels_last(x))
        loss = nn.functional.cross_entropy(scores, y)
        if not torch.isfinite(loss):
            raise TrainingError(
                f"loss is {loss.item()} in epoch {self.current_epoch}, step {index}; lower "
                f"train.learning_rate={self.spec.learning_rate:g} or look at the data"
            )
        hits = (scores.argmax(1) == y).float().mean()
        self.log("train_loss", loss, on_step=False, on_epoch=True, prog_bar=True)
        self.log("train_accuracy", hits, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], index: int) -> None:
        x, y = batch
        scores = self.model(_channels_last(x))
        hits = (scores.argmax(1) == y).float().mean()
        loss = nn.functional.cross_entropy(scores, y)
        self.log("test_accuracy", hits, prog_bar=True, batch_size=len(y))
        self.log("test_loss", loss, batch_size=len(y))

    def configure_optimizers(self) -> dict[str, object]:
        spec, parameters = self.spec, self.model.parameters()
        if spec.optimizer == "adam":
            optimizer = torch.optim.Adam(
                parameters, spec.learning_rate, weight_decay=spec.weight_decay
            )
        else:
            optimizer = torch.optim.SGD(
                parameters,
                spec.learning_rate,
                momentum=spec.momentum,
                nesterov=spec.nesterov,
                weight_decay=spec.weight_decay,
            )
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self.rate)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def rate(self, step: int) -> float:
        """Return the factor on the learning rate after ``step`` steps of a stage."""
        rising = self.spec.warmup * self.steps
        if step < rising:
            return (step + 1) / (rising + 1)
        done = min((step - rising) / (self.steps - rising), 1.0)
        if self.spec.schedule == "cosine":
            return 0.5 * (1 + math.cos(math.pi * done)) + 1e-3
        if self.spec.schedule == "step":
            return 0.1 ** sum(done >= drop for drop in STEP_DROPS)
        return 1.0


def _channels_last(x: Tensor) -> Tensor:
    """Lay images out as the processor's convolutions like them; twice as fast, same values."""
    return x.contiguous(memory_format=torch.channels_last) if x.dim() == 4 else x
