"""``build.json``: what a build was made from, so that it can be opened again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from hwgen.boards import Shell
from hwgen.errors import InputError
from hwgen.flow.request import InputFlags

NAME = "build.json"


class Origin(BaseModel):
    """Everything beside ``model.onnx`` and ``folding.toml`` that decides the design.

    name : of the network's file, without its ending
    board : its name, or the path of its file
    shell : what stands around the core
    core : name of the top module
    design : hash of the emitted design
    rtl : SHA-256 of each file in ``rtl/``
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    hwgen: str
    name: str
    board: str
    clock_mhz: float
    budget: float
    input_type: str | None = None
    input_scale: str | None = None
    input_mean: str | None = None
    input_std: str | None = None
    shell: Shell
    core: str
    design: str
    rtl: Mapping[str, str]

    @property
    def input(self) -> InputFlags:
        """What was said of the network's input."""
        return InputFlags(self.input_type, self.input_scale, self.input_mean, self.input_std)


def read_origin(folder: Path) -> Origin:
    """Return the origin of a build; raise ``InputError`` where ``folder`` holds none."""
    path = folder / NAME
    try:
        return Origin.model_validate_json(path.read_bytes())
    except OSError:
        raise InputError(
            f"{folder} is not a build: it has no readable {NAME}; `hwgen build --out {folder} "
            f"...` makes one"
        ) from None
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(map(str, fault["loc"])) or "the file"
        raise InputError(f"{path}: {place}: {fault['msg']}; build the design again") from None
