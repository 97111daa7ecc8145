"""Training recipes: a TOML file, checked key by key."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError

from hwgen.errors import suggest
from hwgen.train.data import Augment
from hwgen.train.errors import RecipeError
from hwgen.train.export import Exporter, InputConvention
from hwgen.train.models import check_options
from hwgen.train.sq import SCHEDULES, Schedule, checked_lengths, checked_ratios

Positive = Annotated[int, Field(ge=1)]


def _lengths(value: Any) -> int | tuple[int, ...]:
    given = value if isinstance(value, list | tuple) else [value]
    if not given or any(type(length) is not int or length < 1 for length in given):
        raise ValueError("give a number of epochs of 1 or more, or a list of such")
    return tuple(given) if given is value else value


def _ratios(value: Any) -> Schedule | tuple[float, ...]:
    named = isinstance(value, str) and value in SCHEDULES
    listed = isinstance(value, list | tuple) and all(type(x) in (int, float) for x in value)
    if not named and not listed:
        names = ", ".join(SCHEDULES)
        raise ValueError(f"give {names}, or a list of the stages' ratios")
    try:
        checked_ratios(value)
    except RecipeError:
        raise ValueError("ratios are in 0..1, the last one is 1") from None
    return value if named else tuple(value)


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DataSpec(_Section):
    """Data set, how its values become the network's input, and how training varies them."""

    name: str
    input_type: str = "uint8"
    input_scale: str = "1/255"
    input_mean: tuple[str, ...] = ("0",)
    input_std: tuple[str, ...] = ("1",)
    augment: Augment = "none"

    @property
    def convention(self) -> InputConvention:
        """The input convention the exported file carries."""
        return InputConvention(self.input_type, self.input_scale, self.input_mean, self.input_std)


class TrainSpec(_Section):
    """Optimiser, length and seed.

    epochs : length; with SQ that of every stage, or a list with the length of each
    warmup : share of a stage over which the learning rate first rises from 0, 0..<1
    momentum, nesterov : of ``sgd``
    """

    epochs: Annotated[int | tuple[int, ...], PlainValidator(_lengths)]
    batch_size: Positive = 128
    optimizer: Literal["adam", "sgd"] = "adam"
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    schedule: Literal["cosine", "step", "constant"] = "cosine"
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.0
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    nesterov: bool = False
    seed: int = 1
    threads: Positive | None = None


class SQSpec(_Section):
    """Stochastic quantization; see ``hwgen.train.sq``.

    schedule : a name, or the ratios of the stages themselves, the last one 1
    """

    schedule: Annotated[Schedule | tuple[float, ...], PlainValidator(_ratios)] = "exponential"
    law: Literal["paper", "reference"] = "paper"
    function: Literal["constant", "linear", "softmax", "sigmoid"] = "linear"
    unit: Literal["filter", "element"] = "filter"
    layers: dict[str, Annotated[float, Field(gt=0, le=1)]] = {}


class Recipe(_Section):
    """Everything that decides a training run.

    model : name of a definition in ``hwgen.train.models`` and its options
    layer_bits : other weight widths for single layers, by layer name
    """

    model: dict[str, Any]
    data: DataSpec
    train: TrainSpec
    sq: SQSpec | None = None
    layer_bits: dict[str, Annotated[int, Field(ge=1, le=8)]] = {}
    exporter: Exporter = "dynamo"


def read_recipe(path: Path) -> Recipe:
    """Read and check a recipe.

    Raises
    ------
    RecipeError
        no such file, not TOML, unknown key (suggests the nearest), value out of range
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeError(f"{path} cannot be read ({error.strerror}); name a recipe.toml") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} is not TOML: {error}") from None
    return check_recipe(table, str(path))


def check_recipe(table: dict[str, Any], where: str = "recipe") -> Recipe:
    """Return the recipe that ``table`` describes; raises ``RecipeError`` naming the key."""
    try:
        recipe = Recipe.model_validate(table)
    except ValidationError as error:
        told = "; ".join(_told(entry) for entry in error.errors())
        raise RecipeError(f"{where}: {told}") from None
    check_options(recipe.model, where)
    _check_stages(recipe, where)
    return recipe


def _check_stages(recipe: Recipe, where: str) -> None:
    stages = len(checked_ratios(recipe.sq.schedule)) if recipe.sq else 1
    try:
        checked_lengths(recipe.train.epochs, stages)
    except RecipeError as error:
        raise RecipeError(f"{where}: train.{error}") from None


def _told(entry: Any) -> str:
    place = ".".join(str(part) for part in entry["loc"])
    if entry["type"] == "extra_forbidden":
        sections: dict[str, type[_Section]] = {"data": DataSpec, "train": TrainSpec, "sq": SQSpec}
        section = sections.get(str(entry["loc"][0]), Recipe) if len(entry["loc"]) > 1 else Recipe
        return f"key {place} is unknown{suggest(str(entry['loc'][-1]), section.model_fields)}"
    given = "" if isinstance(entry["input"], dict) else f"={entry['input']!r}"
    return f"{place}{given}: {entry['msg'].removeprefix('Value error, ')}"
