"""What a user asks of each method; one class per method, all checked when they are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from hwgen.ptq.alphabet import Levels
from hwgen.ptq.errors import QuantizeError

Granularity = Literal["channel", "tensor"]
ActScale = Literal["mse", "max", "normal"]
Statistics = Literal["matched", "anew"]
Variant = Literal["nearest", "stochastic", "soft", "hard"]

BITS = range(2, 9)


def check_bits(what: str, bits: int) -> None:
    """Raise ``QuantizeError`` unless hardware takes ``bits``."""
    if bits not in BITS:
        raise QuantizeError(
            f"{what} of {bits} bit: quantization without training takes {BITS[0]}..{BITS[-1]}; "
            f"choose a width within, or train a one-bit network with `hwgen train`"
        )


@dataclass(frozen=True)
class Config:
    """What all methods share.

    weight_bits, act_bits : widths of weights and activations, 2..8
    input_bits : width of the network's input codes
    sum_bits : width of the signed codes that meet at a sum; the default is one more than
        activations have, at most 8, since a sign takes one
    edge_bits : weights of the first and the last layer; None is ``weight_bits``
    layer_bits : weights of single layers by name, before all others
    power_of_two : scales of activations and of QMSE weights are powers of two
    act_scale : ``mse`` takes the step of least mean square error on the calibration data, ``max``
        the one that clips nothing, ``normal`` the one of least error for a rectified normal of the
        same mean square (TSQ's derived constants; signed activations then take ``mse``)
    usp : take BatchNorm statistics anew on the quantized network
    statistics : ``matched`` moves the stored ones by what quantization did to the moments of the
        calibration data; ``anew`` takes the moments themselves, as published, which also undoes
        what stored statistics and calibration data differ by
    bias_correction : shift each layer's bias by what quantization did to its mean output; not where
        USP takes statistics ``anew``
    seed : of everything random
    """

    weight_bits: int = 4
    act_bits: int = 8
    input_bits: int = 8
    sum_bits: int | None = None
    edge_bits: int | None = None
    layer_bits: Mapping[str, int] = field(default_factory=dict[str, int])
    power_of_two: bool = False
    act_scale: ActScale = "mse"
    usp: bool = True
    statistics: Statistics = "matched"
    bias_correction: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        check_bits("weights", self.weight_bits)
        check_bits("activations", self.act_bits)
        check_bits("input codes", self.input_bits)
        if self.sum_bits is not None:
            check_bits("summands", self.sum_bits)
        if self.edge_bits is not None:
            check_bits("weights of the first and last layer", self.edge_bits)
        for name, bits in self.layer_bits.items():
            check_bits(f"{name}: weights", bits)

    def exported_bits(self, bits: int) -> int:
        """Return the width of the weights in the file where ``bits`` are asked for."""
        return bits

    def bits_of(self, layers: list[str]) -> dict[str, int]:
        """Return the weight bits of each of ``layers``, which are in order.

        Raises ``QuantizeError`` where ``layer_bits`` names another layer.
        """
        from hwgen.errors import suggest

        for name in self.layer_bits:
            if name not in layers:
                raise QuantizeError(f"no layer is called {name}{suggest(name, layers)}")
        found = dict.fromkeys(layers, self.weight_bits)
        if self.edge_bits is not None:
            found[layers[0]] = found[layers[-1]] = self.edge_bits
        return {**found, **self.layer_bits}


@dataclass(frozen=True)
class QMSEConfig(Config):
    """Weights rounded to the nearest, scales of least mean square error.

    granularity : a scale for each filter or one for the layer
    scale : ``mse`` or, to compare with, ``max`` that clips nothing
    """

    granularity: Granularity = "channel"
    scale: Literal["mse", "max"] = "mse"


@dataclass(frozen=True)
class GPFQConfig(Config):
    """The greedy walk.

    levels : ``hardware`` has ``2^(b-1) - 1`` levels on either side, ``published`` one more, which
        is exported at one bit more
    step : ``filter`` takes for each filter ``constant`` times its scale of least mean square error;
        ``quantile`` one step per layer, ``constant * mean quantile of |w| / levels``
    constant : of that step; None tries several and keeps what has the least output error, for each
        filter or for the layer
    percentile : which quantile of absolute weights, 0..1
    variant : rule of rounding; ``hard`` fits no integer grid and is for study only
    threshold : of the sparse variants, as a share of the step
    share, apart : which patches of a convolution take part
    corrected : inputs of the quantized network correct earlier errors; False walks on float inputs
    """

    levels: Levels = "hardware"
    step: Literal["filter", "quantile"] = "filter"
    constant: float | None = None
    percentile: float = 1.0
    variant: Variant = "nearest"
    threshold: float = 0.25
    share: float = 1.0
    apart: bool = False
    corrected: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.percentile <= 1:
            raise QuantizeError(f"percentile={self.percentile:g} must be above 0 and at most 1")
        if not 0 < self.share <= 1:
            raise QuantizeError(f"share={self.share:g} of the patches must be above 0, at most 1")
        if self.threshold < 0:
            raise QuantizeError(f"threshold={self.threshold:g} must not be negative")
        if self.constant is not None and self.constant <= 0:
            raise QuantizeError(f"constant={self.constant:g} must be positive")

    def exported_bits(self, bits: int) -> int:
        """Return the width that holds the alphabet: one more where it is the published one."""
        return bits + (self.levels == "published")


@dataclass(frozen=True)
class TSQConfig(Config):
    """Sparse activation codes, then weights by least squares on those of the quantized prefix.

    sweeps : of coordinate descent, at most
    restarts : further beginnings of each filter, the best is kept
    corrected : weights are fitted on the inputs that the quantized network gives; False takes the
        float network's
    rounds : times the auxiliary variable and the weights take turns; 0 fits the float outputs
    finetune : passes over the calibration data in which all weights together learn to give the
        float network's outputs; needs no labels
    """

    weight_bits: int = 2
    act_bits: int = 2
    edge_bits: int | None = 8
    sweeps: int = 20
    restarts: int = 2
    rounds: int = 0
    corrected: bool = True
    finetune: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("restarts", "rounds", "finetune"):
            if getattr(self, name) < 0:
                raise QuantizeError(f"{name}={getattr(self, name)} must not be negative")
        if self.sweeps < 1:
            raise QuantizeError(f"sweeps={self.sweeps} must be 1 or more")
