"""From a quantized ONNX file to a graph of integers."""

from hwgen.frontend.hostio import HostInput, HostOutput
from hwgen.frontend.lowering import Diagnosis, diagnose, lower
from hwgen.frontend.network import Network
from hwgen.frontend.options import InputOptions
from hwgen.frontend.walk import LayerReport

__all__ = ["Diagnosis", "HostInput", "HostOutput", "InputOptions", "LayerReport", "Network",
           "diagnose", "lower"]
