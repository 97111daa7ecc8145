"""Folding choices, keyed by node name: how many lanes each layer gets and how it is built."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

Style = Literal["auto", "lut", "dsp", "const"]
Memory = Literal["auto", "const", "lutram", "bram"]


@dataclass(frozen=True)
class Fold:
    """The lanes of one layer.

    pe : output channels computed at once (1..MH)
    simd : input channels read at once (1..MW); 1 for layers without a matrix
    m : output pixels computed at once
    style : how products are summed
    memory : where the weights lie
    """

    pe: int = 1
    simd: int = 1
    m: int = 1
    style: Style = "auto"
    memory: Memory = "auto"


@dataclass(frozen=True)
class Folding:
    """A fold for each layer that has one, by node name."""

    layers: Mapping[str, Fold]

    def __getitem__(self, name: str) -> Fold:
        return self.layers[name]

    def __contains__(self, name: str) -> bool:
        return name in self.layers

    def __iter__(self) -> Iterator[str]:
        return iter(self.layers)

    def get(self, name: str) -> Fold | None:
        """Return the fold of ``name``, or None where it has none of its own."""
        return self.layers.get(name)
