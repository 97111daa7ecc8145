"""Calibration data: samples as the network takes them, checked before anything is computed."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hwgen.ptq.errors import CalibrationError
from hwgen.train.data import Samples, to_network
from hwgen.train.export import InputConvention

BATCH = 128


@dataclass(frozen=True, eq=False)
class Data:
    """What quantization looks at.

    x : samples, first axis the samples; raw numbers where ``convention`` says what they mean,
        otherwise as the network takes them
    convention : how raw numbers become the network's input; written into the exported file
    test : labelled samples of the same form, on which accuracy is measured before and after
    """

    x: Tensor
    convention: InputConvention | None = None
    test: Samples | None = None

    def batches(self) -> list[Tensor]:
        """Return the calibration samples as the network takes them, batch by batch."""
        return [self.taken(part) for part in self.x.split(BATCH)]

    def taken(self, x: Tensor) -> Tensor:
        """Return samples as the network takes them."""
        return x.float() if self.convention is None else to_network(x, self.convention)


def check_data(data: Data, model: nn.Module) -> None:
    """Raise ``CalibrationError`` where calibration on ``data`` cannot mean anything."""
    x = data.x
    if x.dim() < 2 or not len(x):
        raise CalibrationError(
            f"the calibration set has shape {tuple(x.shape)} and holds no samples; give at least "
            f"one, some hundred are usual"
        )
    if x.is_floating_point() and not bool(torch.isfinite(x).all()):
        bad = (~torch.isfinite(x)).flatten(1).any(1).nonzero().flatten()
        raise CalibrationError(
            f"{len(bad)} calibration samples hold NaN or infinity, sample {int(bad[0])} first; "
            f"remove them"
        )
    if len(x.unique()) == 1:
        raise CalibrationError(
            f"every value of the calibration set is {float(x.flatten()[0]):g}; no scale follows "
            f"from that, give real samples"
        )
    try:
        with torch.no_grad():
            model(data.taken(x[:2]))
    except (RuntimeError, ValueError, IndexError) as error:
        reason = str(error).splitlines()[0]
        raise CalibrationError(
            f"the network does not take calibration samples of shape {tuple(x.shape[1:])}: {reason}"
        ) from None
