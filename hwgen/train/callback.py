"""Stochastic quantization in a training loop, Lightning's or one's own."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import lightning
import torch
from torch import nn

from hwgen.train.errors import TrainingError
from hwgen.train.masks import Function, Law, Unit
from hwgen.train.sq import (
    Ratios,
    Schedule,
    StochasticQuantization,
    checked_lengths,
    stage_of,
)


class SQCallback(lightning.Callback):
    """Quantize a growing, randomly drawn share of every layer's weights.

    Under Lightning, pass it as a callback and train for ``total_epochs``. In a loop of one's own:

        sq = SQCallback(epochs=30)
        sq.start(model, optimizer, scheduler)
        for epoch in range(sq.total_epochs):
            sq.start_epoch(epoch)
            for step, batch in enumerate(batches):
                sq.start_step()
                ...

    Each stage begins with the optimiser and learning-rate schedule as they were at first.

    Parameters
    ----------
    epochs : length of each stage, or the lengths of all of them
    schedule, law, function, unit, layers, seed : see ``StochasticQuantization``
    """

    def __init__(
        self,
        epochs: int | Sequence[int],
        schedule: Schedule | Sequence[float] = "exponential",
        *,
        law: Law = "paper",
        function: Function = "linear",
        unit: Unit = "filter",
        layers: Mapping[str, Ratios] | None = None,
        seed: int = 0,
    ) -> None:
        self.sq = StochasticQuantization(
            schedule, law=law, function=function, unit=unit, layers=layers, seed=seed
        )
        self.epochs = checked_lengths(epochs, len(self.sq.ratios))
        self._restarts: list[Any] = []
        self._first: list[dict[str, Any]] | None = None
        self._step = 0
        self._epoch = -1

    @property
    def total_epochs(self) -> int:
        """Epochs of all stages together."""
        return sum(self.epochs)

    def start(
        self,
        model: nn.Module,
        optimizers: Any = (),
        schedulers: Any = (),
    ) -> None:
        """Attach to ``model``; remember how optimisers and schedules begin, to restart them."""
        self.sq.attach(model)
        self._restarts = [*_several(optimizers), *_several(schedulers)]
        if self._first is None:
            self._first = [copy.deepcopy(item.state_dict()) for item in self._restarts]
        if len(self._first) != len(self._restarts):
            raise TrainingError(
                f"the checkpoint restarts {len(self._first)} optimisers and schedules, this run "
                f"has {len(self._restarts)}; resume with the recipe it was made with"
            )
        self.sq.set_stage(stage_of(self._epoch, self.epochs))

    def start_epoch(self, epoch: int) -> bool:
        """Set the ratios of ``epoch``, counted from 0; True where a later stage begins."""
        stage = stage_of(epoch, self.epochs)
        begins = stage != stage_of(epoch - 1, self.epochs)
        self._epoch = epoch
        self.sq.set_stage(stage)
        if begins:
            for item, state in zip(self._restarts, self._first or [], strict=True):
                item.load_state_dict(copy.deepcopy(state))
        return begins

    def start_step(self) -> None:
        """Draw anew: call once for every mini-batch, before the forward pass."""
        self.sq.set_step(self._step)
        self._step += 1

    def measures(self) -> dict[str, float]:
        """Return each layer's ratio and mean error, by ``sq_ratio/NAME`` and ``sq_error/NAME``."""
        told: dict[str, float] = {}
        for name, mixer in self.sq.mixers:
            told[f"sq_ratio/{name}"] = mixer.sq_ratio
            told[f"sq_error/{name}"] = mixer.error
        return told

    def finish(self) -> None:
        """Take the hooks off; the quantizers work alone from here."""
        self.sq.detach()

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint needs: the step that seeds the masks, the restart states."""
        return {"step": self._step, "epoch": self._epoch, "first": copy.deepcopy(self._first)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from ``state_dict()`` of a run with the same settings."""
        self._step = state_dict["step"]
        self._epoch = state_dict["epoch"]
        self._first = copy.deepcopy(state_dict["first"])

    def on_train_start(self, trainer: lightning.Trainer, pl_module: nn.Module) -> None:
        """Attach to the module and its optimisers."""
        schedulers = [config.scheduler for config in trainer.lr_scheduler_configs]
        self.start(pl_module, trainer.optimizers, schedulers)

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: nn.Module) -> None:
        """Set the ratios of this epoch."""
        self.start_epoch(trainer.current_epoch)

    def on_train_batch_start(
        self, trainer: lightning.Trainer, pl_module: nn.Module, batch: Any, batch_idx: int
    ) -> None:
        """Draw this step's masks."""
        self.start_step()

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        """Log ratio and error of every layer."""
        pl_module.log_dict(self.measures(), sync_dist=False)

    def on_train_end(self, trainer: lightning.Trainer, pl_module: nn.Module) -> None:
        """Take the hooks off."""
        self.finish()


def _several(items: Any) -> list[Any]:
    if isinstance(items, torch.optim.Optimizer) or hasattr(items, "state_dict"):
        return [items]
    return list(items)
