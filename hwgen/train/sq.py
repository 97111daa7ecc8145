"""Stochastic quantization: part of each layer's weights stay real, fewer from stage to stage.

A ``Mixer`` hooks a layer's weight quantizer and puts real rows back among the quantized ones.
``StochasticQuantization`` gives every layer one and moves their ratio through the stages.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import accumulate
from typing import Any, Literal

import torch
from torch import Tensor, nn

from hwgen.errors import suggest
from hwgen.train.bake import quantized_layers
from hwgen.train.errors import RecipeError
from hwgen.train.masks import Function, Law, Unit, quantized_mask, unit_errors

Schedule = Literal["exponential", "average", "fine-tune", "plain"]

SCHEDULES: dict[str, tuple[float, ...]] = {
    "exponential": (0.5, 0.75, 0.875, 1.0),
    "average": (0.25, 0.5, 0.75, 1.0),
    "fine-tune": (0.0, 0.5, 0.75, 0.875, 1.0),
    "plain": (1.0, 1.0, 1.0, 1.0),
}

Ratios = float | tuple[float, ...]


@dataclass(eq=False)
class Mixer:
    """Forward hook on a weight quantizer: mixes real weights in while training below ratio 1.

    The masks depend on ``seed``, ``index`` and ``step`` alone, so that a resumed run and every
    process of a distributed one draw the same. At ratio 1 nothing is drawn or computed.

    sq_ratio : share of the units that are quantized, 0..1
    error : mean relative error of the units at the last step that mixed
    """

    index: int
    seed: int
    law: Law
    function: Function
    unit: Unit
    sq_ratio: float = 1.0
    step: int = 0
    error: float = 0.0
    mask: Tensor | None = field(default=None, repr=False)

    def __call__(self, module: nn.Module, given: tuple[Tensor, ...], result: Any) -> Any:
        if not module.training or self.sq_ratio >= 1:
            return None
        weights, quantized = given[0], result[0]
        errors = unit_errors(weights, quantized, self.unit)
        self.error = float(errors.mean())
        generator = torch.Generator().manual_seed(self._draw_seed())
        mask = quantized_mask(errors, self.sq_ratio, self.law, self.function, generator)
        self.mask = mask
        shape = weights.shape if self.unit == "element" else (-1,) + (1,) * (weights.dim() - 1)
        return torch.where(mask.reshape(shape).to(weights.device), quantized, weights), *result[1:]

    def _draw_seed(self) -> int:
        return ((self.seed * 1_000_003 + self.index) * 1_000_003 + self.step) % 2**63


def mixers(model: nn.Module) -> list[tuple[str, Mixer]]:
    """Return layer name and mixer of every layer that has one."""
    return [
        (name, hook)
        for name, layer in quantized_layers(model)
        for hook in layer.weight_quant.tensor_quant._forward_hooks.values()
        if isinstance(hook, Mixer)
    ]


class StochasticQuantization:
    """The stages of stochastic quantization for all layers of a model.

    Parameters
    ----------
    schedule : name of a schedule, or the ratios of the stages themselves, the last one 1
    law : ``paper`` or ``reference``, see ``hwgen.train.masks``
    function : how a unit's error becomes its drawing weight
    unit : what is drawn, whole filters or single weights
    layers : other ratios for single layers: name or pattern to one ratio for all stages or one for
        each; the first pattern that fits counts
    seed : decides all masks

    Raises
    ------
    RecipeError
        ratio outside 0..1, last ratio below 1, or a pattern that no layer fits
    """

    def __init__(
        self,
        schedule: Schedule | Sequence[float] = "exponential",
        *,
        law: Law = "paper",
        function: Function = "linear",
        unit: Unit = "filter",
        layers: Mapping[str, Ratios] | None = None,
        seed: int = 0,
    ) -> None:
        self.ratios = checked_ratios(schedule)
        self.law: Law = law
        self.function: Function = function
        self.unit: Unit = unit
        self.layers = dict(layers or {})
        self.seed = seed
        self.mixers: list[tuple[str, Mixer]] = []
        self._removers: list[Any] = []
        for pattern, value in self.layers.items():
            _check_override(pattern, value, len(self.ratios))

    def attach(self, model: nn.Module) -> None:
        """Hook every layer of ``model`` that has quantized weights; a second call starts anew."""
        self.detach()
        found = quantized_layers(model)
        names = [name for name, _ in found]
        for pattern in self.layers:
            if not any(_fits(pattern, name) for name in names):
                raise RecipeError(
                    f"sq.layers: no layer is called {pattern}{suggest(pattern, names)}"
                )
        for index, (name, layer) in enumerate(found):
            mixer = Mixer(index, self.seed, self.law, self.function, self.unit)
            quant = layer.weight_quant.tensor_quant
            self._removers.append(quant.register_forward_hook(mixer))
            self.mixers.append((name, mixer))

    def detach(self) -> None:
        """Take all hooks off again."""
        for remover in self._removers:
            remover.remove()
        self._removers, self.mixers = [], []

    def set_stage(self, stage: int) -> None:
        """Give every layer its ratio of ``stage``, counted from 0; later ones stay at the last."""
        stage = min(stage, len(self.ratios) - 1)
        for name, mixer in self.mixers:
            mixer.sq_ratio = self._ratio(name, stage)

    def set_step(self, step: int) -> None:
        """Choose the masks of optimiser step ``step``."""
        for _, mixer in self.mixers:
            mixer.step = step

    def _ratio(self, name: str, stage: int) -> float:
        for pattern, value in self.layers.items():
            if _fits(pattern, name):
                return value[stage] if isinstance(value, tuple) else value
        return self.ratios[stage]


def _fits(pattern: str, name: str) -> bool:
    return fnmatchcase(name, pattern) or fnmatchcase(name, f"*.{pattern}")


def checked_ratios(schedule: Schedule | Sequence[float]) -> tuple[float, ...]:
    """Return the ratios of a schedule's stages; raises ``RecipeError`` where there is no such."""
    if isinstance(schedule, str):
        if schedule not in SCHEDULES:
            raise RecipeError(f"sq.schedule={schedule!r} is unknown{suggest(schedule, SCHEDULES)}")
        return SCHEDULES[schedule]
    ratios = tuple(float(ratio) for ratio in schedule)
    if not ratios or not all(0 <= ratio <= 1 for ratio in ratios) or ratios[-1] != 1:
        raise RecipeError(f"sq.schedule={ratios} must be ratios in 0..1 of which the last is 1")
    return ratios


def checked_lengths(epochs: int | Sequence[int], stages: int) -> tuple[int, ...]:
    """Return the length of each stage in epochs, one number standing for all of them.

    Raises
    ------
    RecipeError
        a length below 1, not as many lengths as stages
    """
    lengths = (epochs,) * stages if isinstance(epochs, int) else tuple(epochs)
    if min(lengths, default=0) < 1:
        raise RecipeError(f"epochs={epochs}: a stage has 1 epoch or more")
    if len(lengths) != stages:
        raise RecipeError(
            f"epochs has {len(lengths)} lengths for {stages} stages; give one for each, or a "
            "single number for all (sq.schedule says how many stages there are; without [sq], one)"
        )
    return lengths


def stage_of(epoch: int, lengths: Sequence[int]) -> int:
    """Return the stage that ``epoch`` belongs to, both counted from 0; the ends are open."""
    return min(bisect_right(tuple(accumulate(lengths)), epoch), len(lengths) - 1)


def _check_override(pattern: str, value: Ratios, stages: int) -> None:
    ratios = value if isinstance(value, tuple) else (value,)
    if not all(0 <= ratio <= 1 for ratio in ratios):
        raise RecipeError(f"sq.layers: {pattern}={value} is outside 0..1")
    if isinstance(value, tuple) and len(value) != stages:
        raise RecipeError(f"sq.layers: {pattern} has {len(value)} ratios for {stages} stages")
