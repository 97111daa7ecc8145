"""Network definitions by name: what a recipe's ``[model]`` section can ask for."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from hwgen.errors import suggest
from hwgen.train.errors import RecipeError
from hwgen.train.models.cnv import Cnv
from hwgen.train.models.mlp import kws_mlp, lfc, mlp, tfc
from hwgen.train.models.mobilenet import MobileNet
from hwgen.train.models.resnet import resnet8, resnet20
from hwgen.train.models.unet import UNet
from hwgen.train.models.vgg1d import Vgg1d

MODELS: dict[str, Callable[..., nn.Module]] = {
    "tfc": tfc,
    "lfc": lfc,
    "kws_mlp": kws_mlp,
    "mlp": mlp,
    "resnet8": resnet8,
    "resnet20": resnet20,
    "cnv": Cnv,
    "mobilenet": MobileNet,
    "vgg1d": Vgg1d,
    "unet": UNet,
}

__all__ = ["MODELS", "build_model", "check_options"]


def check_options(options: Mapping[str, Any], where: str) -> None:
    """Raise ``RecipeError`` unless ``options`` name a definition and only keys it takes."""
    name = options.get("name")
    if name not in MODELS:
        raise RecipeError(f"{where}: model.name={name!r} is unknown{suggest(str(name), MODELS)}")
    known = inspect.signature(MODELS[name]).parameters
    for key in options:
        if key != "name" and key not in known:
            raise RecipeError(f"{where}: key model.{key} is unknown{suggest(key, known)}")


def build_model(options: Mapping[str, Any]) -> nn.Module:
    """Return the network that a recipe's ``[model]`` section describes.

    Raises
    ------
    RecipeError
        unknown name or key, or a value the definition refuses
    """
    check_options(options, "recipe")
    return MODELS[options["name"]](**{k: v for k, v in options.items() if k != "name"})
