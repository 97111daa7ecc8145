"""Errors that are the user's to mend, and the checks every package shares.

A message names the place, the value, the rule and the way out. The command line prints it as one
paragraph and exits with ``exit_code``; anything that is not a ``HwgenError`` is a defect of hwgen.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class HwgenError(Exception):
    """Base of every error that the command line reports without a traceback."""

    exit_code = 2


class ModelError(HwgenError):
    """The model file is missing, damaged or not what it should be."""


class UnsupportedError(ModelError):
    """The network holds something that cannot become hardware."""


class ShapeError(HwgenError):
    """A tensor or array has the wrong shape, type or range."""


class InputError(HwgenError):
    """Input data do not fit the network."""


class FoldingError(HwgenError):
    """A folding factor, key or file is out of bounds."""


class BoardError(HwgenError):
    """A board is unknown or its file is wrong."""


class BudgetError(HwgenError):
    """No design meets the resources or the speed asked for."""


class OutputError(HwgenError):
    """The output folder cannot be written."""


class VerificationError(HwgenError):
    """A built design differs from its reference, or misses area or timing."""

    exit_code = 1


class RegressionError(HwgenError):
    """A build is worse than another one by more than was allowed."""

    exit_code = 1


class ToolError(HwgenError):
    """A needed external program is missing or failed."""

    exit_code = 3


def suggest(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean X?"`` for the known names nearest to ``name``, or their list."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if near:
        return f"; did you mean {' or '.join(near)}?"
    return f"; known: {', '.join(names)}" if names else ""


def check_divides(where: str, factor: str, value: int, size_name: str, size: int) -> None:
    """Raise ``FoldingError`` unless ``value`` is at least 1 and divides ``size``."""
    if value < 1 or size % value:
        raise FoldingError(
            f"{where}: {factor}={value} does not divide {size} ({size_name}); "
            f"pad {size_name} to a multiple of {max(value, 1)} first"
        )


def check_within(where: str, factor: str, value: int, size_name: str, size: int) -> None:
    """Raise ``FoldingError`` unless ``1 <= value <= size``."""
    if not 1 <= value <= size:
        raise FoldingError(
            f"{where}: {factor}={value} is outside 1..{size} ({size_name}); "
            f"smaller means fewer resources and more cycles"
        )
