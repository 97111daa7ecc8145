"""What a unit is made of, as the calibration sees it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Terms:
    """Counts of a component's parts; fitted prices turn them into LUTs and flip-flops.

    kind : the calibrated component, such as ``mvu.lut``
    lut, ff : counts, in the order of the kind's prices
    bram36, dsp : exact, without a price
    """

    kind: str
    lut: tuple[float, ...]
    ff: tuple[float, ...]
    bram36: float = 0.0
    dsp: float = 0.0
