"""The one way in: a float network, a method's configuration and data give a QONNX file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from hwgen.frontend import lower
from hwgen.ptq.coded import Coder, QMSECoder
from hwgen.ptq.config import Config, GPFQConfig, QMSEConfig, TSQConfig
from hwgen.ptq.data import Data, check_data
from hwgen.ptq.engine import LayerRow, Told, quantize_network
from hwgen.ptq.finetune import finetune
from hwgen.ptq.finish import finished
from hwgen.ptq.gpfq import GPFQCoder
from hwgen.ptq.places import prepare
from hwgen.ptq.trace import trace
from hwgen.ptq.tsq import TSQCoder
from hwgen.train.data import Samples
from hwgen.train.export import finalize_export

EXPORT_SAMPLES = 8
REFERENCE_CHUNK = 500


@dataclass(frozen=True, eq=False)
class Quantized:
    """A network quantized without training.

    network : of ``brevitas.nn`` layers, ready for ``finalize_export``
    rows : what became of each layer
    error : relative square error of the network's output on the calibration data
    before : share of the test samples that the float network classifies rightly, 0..1; None
        without labels
    """

    network: nn.Module
    rows: tuple[LayerRow, ...]
    error: float
    before: float | None
    data: Data

    def export(self, path: Path | str) -> None:
        """Write the network as QONNX, proven equal to torch on calibration samples."""
        samples = self.data.taken(self.data.x[:EXPORT_SAMPLES])
        finalize_export(self.network, path, samples, convention=self.data.convention)


def quantize(
    model: nn.Module, config: Config, data: Data, told: Told = lambda row: None
) -> Quantized:
    """Quantize a float network; ``model`` itself stays as it is.

    Parameters
    ----------
    model : torch's own layers, called in a fixed order
    config : of the method: ``QMSEConfig``, ``GPFQConfig`` or ``TSQConfig``
    told : called after each layer

    Raises
    ------
    NetworkError, CalibrationError, QuantizeError
        the network, the data or the widths do not do; names layer and way out
    """
    traced = trace(model)
    check_data(data, traced)
    before = None if data.test is None else share_right(traced, data, data.test)
    coder = coder_of(config)
    prepared, batches = prepare(traced), data.batches()
    outcome = quantize_network(prepared, config, batches, coder, told)
    network, error = finished(outcome), outcome.error
    if isinstance(config, TSQConfig) and config.finetune:
        error = finetune(network, prepared.traced, batches, config.finetune, config.seed)
    return Quantized(network, outcome.rows, error, before, data)


def check_exportable(config: Config) -> None:
    """Raise ``QuantizeError`` where no file can hold what ``config`` asks for."""
    coder_of(config)


CODERS: dict[type[Config], Callable[..., Coder]] = {
    QMSEConfig: QMSECoder,
    GPFQConfig: GPFQCoder,
    TSQConfig: TSQCoder,
}


def coder_of(config: Config) -> Coder:
    """Return what turns weights into codes as ``config`` asks."""
    return CODERS[type(config)](config)


def share_right(network: nn.Module, data: Data, test: Samples) -> float:
    """Return the share of ``test`` that a torch network classifies rightly, 0..1."""
    hits = 0
    with torch.no_grad():
        for x, y in zip(test.x.split(500), test.y.split(500), strict=True):
            hits += int((network(data.taken(x)).flatten(1).argmax(1) == y).sum())
    return hits / len(test)


def reference_accuracy(path: Path | str, data: Data, test: Samples) -> float:
    """Return the share of ``test`` that the exported file's integers classify rightly, 0..1."""
    network = lower(Path(path))
    hits = 0
    for x, y in zip(test.x.split(REFERENCE_CHUNK), test.y.split(REFERENCE_CHUNK), strict=True):
        fed = x if data.convention is not None else data.taken(x)
        codes = network.graph.run(network.input.encode(fed.numpy()))
        scores = np.asarray(network.output.decode(codes)).reshape(len(y), -1)
        hits += int((scores.argmax(1) == y.numpy()).sum())
    return hits / len(test)
