"""Quantize trained float networks without training them, or nearly so; needs the extra ``train``.

``quantize(model, config, data)`` returns a network whose ``export`` writes QONNX for ``hwgen
build``. A configuration class names the method.
"""

from hwgen.ptq.config import GPFQConfig, QMSEConfig, TSQConfig
from hwgen.ptq.data import Data
from hwgen.ptq.quantize import Quantized, quantize, reference_accuracy

__all__ = [
    "Data",
    "GPFQConfig",
    "QMSEConfig",
    "Quantized",
    "TSQConfig",
    "quantize",
    "reference_accuracy",
]
