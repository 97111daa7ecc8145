"""Errors of training and export that are the user's to mend."""

from hwgen.errors import HwgenError


class RecipeError(HwgenError):
    """A training recipe, quantizer or schedule asks for what cannot be."""


class DataError(HwgenError):
    """A data set is missing, damaged or not what it should be."""


class TrainingError(HwgenError):
    """Training cannot go on: the loss is not a number, or a checkpoint does not fit."""


class ExportError(HwgenError):
    """The exported file does not compute what the network computes."""

    exit_code = 1
