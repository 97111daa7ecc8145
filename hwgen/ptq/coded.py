"""Integer weights of a layer and the coders that the methods provide."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from torch import Tensor

from hwgen.ptq.config import QMSEConfig
from hwgen.ptq.lockstep import Meeting
from hwgen.ptq.scale import max_abs_scale, qmse_scale


class Coded(NamedTuple):
    """Weights as ``codes * scale``.

    codes : integers in float64, shaped as the layer's weight
    scale : float64, broadcasts against the codes; one number or one per filter
    bits : width of a signed code without its lowest value, as it is exported
    """

    codes: Tensor
    scale: Tensor
    bits: int

    @property
    def weights(self) -> Tensor:
        """The quantized weights, float32, as the exported file computes them."""
        return self.codes.float() * self.scale.float()


class Coder(Protocol):
    """Turns the weights of a layer into integers."""

    def __call__(self, meeting: Meeting, bits: int) -> Coded:
        """Return the codes for weights of ``bits`` bit."""
        ...


def per_filter(scale: Tensor, weights: Tensor) -> Tensor:
    """Return scales, one per filter or one in all, so shaped that they broadcast."""
    return scale.float().double().reshape(-1, *[1] * (weights.dim() - 1))


class QMSECoder:
    """Rounds to the nearest, with the scale of least mean square error or of the largest weight."""

    def __init__(self, config: QMSEConfig) -> None:
        self.config = config

    def __call__(self, meeting: Meeting, bits: int) -> Coded:
        weights = meeting.layer.weight.detach().double()
        filters = len(weights) if self.config.granularity == "channel" else 1
        rows, top = weights.reshape(filters, -1), 2 ** (bits - 1) - 1
        if self.config.scale == "max":
            scale = max_abs_scale(rows, -top, top)
        else:
            scale = qmse_scale(rows, -top, top, power_of_two=self.config.power_of_two)
        scale = per_filter(scale, weights)
        return Coded((weights / scale).round().clamp(-top, top), scale, bits)
