"""Prices of the terms, fitted on synthesised components; ``sim.calibrate`` writes their file."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources

from pydantic import BaseModel, ConfigDict, Field

from hwgen.boards import Family


class Prices(BaseModel):
    """LUTs and flip-flops per term of one kind of component.

    points : synthesised components that the fit saw
    lut_error : median and largest relative error of the fit on them
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    lut: tuple[float, ...]
    ff: tuple[float, ...]
    points: int = 0
    lut_error: tuple[float, float] = (0.0, 0.0)
    ff_error: tuple[float, float] = (0.0, 0.0)


class Calibration(BaseModel):
    """All prices of one family.

    tool : the program that counted
    error : relative error to state beside a sum of LUT estimates
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    tool: str
    error: float = Field(ge=0)
    kinds: dict[str, Prices]


# Families without a sweep of their own take that of their nearest kin.
_KIN: dict[Family, str] = {
    "xc7": "xc7",
    "xcup": "xc7",
    "ecp5": "ecp5",
    "ice40": "ecp5",
    "gowin": "ecp5",
}


@cache
def calibration(family: Family) -> Calibration:
    """Return the prices for ``family``."""
    text = (resources.files("hwgen.estimate") / "calibration.json").read_text(encoding="utf-8")
    return Calibration.model_validate(json.loads(text)[_KIN[family]])
