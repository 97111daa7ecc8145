"""From a quantized ONNX file to a graph of integers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy.typing as npt

from hwgen.frontend.hostio import HostInput, HostOutput
from hwgen.frontend.lowering import Diagnosis, diagnose, lower
from hwgen.frontend.network import Network
from hwgen.frontend.options import InputOptions
from hwgen.frontend.walk import LayerReport

if TYPE_CHECKING:
    from hwgen.frontend.certificate import Certificate

__all__ = [
    "Diagnosis",
    "HostInput",
    "HostOutput",
    "InputOptions",
    "LayerReport",
    "Network",
    "certify",
    "diagnose",
    "lower",
]


def certify(network: Network, x: npt.ArrayLike) -> Certificate:
    """Compare ``network`` with ONNX execution of its file on ``x``; see ``certificate``."""
    from hwgen.frontend import certificate  # loads onnxruntime and qonnx, which only this needs

    return certificate.certify(network, x)
