"""Quantize trained float networks without training them; needs the extra ``train``.

``quantize(model, config, data)`` returns a network whose ``export`` writes QONNX for ``hwgen
build``. A configuration class names the method.
"""

from hwgen.ptq.allocate import Allocation, Budget, allocated, allocation, choose, measured
from hwgen.ptq.config import GPFQConfig, QMSEConfig, TSQConfig
from hwgen.ptq.data import Data, read_data
from hwgen.ptq.engine import LayerRow
from hwgen.ptq.load import load_network
from hwgen.ptq.quantize import Quantized, check_exportable, quantize, reference_accuracy

__all__ = [
    "Allocation",
    "Budget",
    "Data",
    "GPFQConfig",
    "LayerRow",
    "QMSEConfig",
    "Quantized",
    "TSQConfig",
    "allocated",
    "allocation",
    "check_exportable",
    "choose",
    "load_network",
    "measured",
    "quantize",
    "read_data",
    "reference_accuracy",
]
