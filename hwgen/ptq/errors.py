"""Errors of post-training quantization that are the user's to mend."""

from hwgen.errors import HwgenError


class CalibrationError(HwgenError):
    """The calibration data are empty, not numbers, constant or of another shape."""


class QuantizeError(HwgenError):
    """A method or width asks for what hardware or the network's file cannot hold."""


class NetworkError(HwgenError):
    """The float network holds something that cannot be quantized; names it."""
