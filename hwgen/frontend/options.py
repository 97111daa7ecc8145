"""What the user says about the numbers that enter a network."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from hwgen.errors import InputError

_TYPE = re.compile(r"(u?)int(\d{1,2})", re.IGNORECASE)


@dataclass(frozen=True)
class InputOptions:
    """The network is fed integers: the file sees ``(code * scale - mean) / std``.

    type : "uint8", "int8", "uint4", ...; up to 16 bits
    scale : exact; mean, std : () for none, one number, or one per channel
    """

    type: str
    scale: Fraction = Fraction(1)
    mean: tuple[Fraction, ...] = ()
    std: tuple[Fraction, ...] = ()

    def __post_init__(self) -> None:
        self.range()
        if self.scale == 0 or any(value == 0 for value in self.std):
            raise InputError("input scale and std must not be 0; leave them out to keep the codes")

    def range(self) -> tuple[int, int]:
        """Return the smallest and largest code."""
        match = _TYPE.fullmatch(self.type)
        if match is None or not 1 <= int(match[2]) <= 16:
            raise InputError(
                f"input type {self.type} is not an integer type of 1 to 16 bits; "
                f"use uint8, int8 or the like"
            )
        bits = int(match[2])
        return (0, (1 << bits) - 1) if match[1] else (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)

    @classmethod
    def parse(cls, kind: str, scale: str = "1", mean: str = "", std: str = "") -> InputOptions:
        """Return options from text such as ``"uint8", "1/255", "0.485,0.456,0.406"``."""
        return cls(kind, parse_number(scale), _numbers(mean), _numbers(std))

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> InputOptions | None:
        """Return the convention that a file's metadata name (``hwgen.input_type`` ...), if any."""
        kind = metadata.get("hwgen.input_type", "")
        if not kind:
            return None
        return cls.parse(
            kind,
            metadata.get("hwgen.input_scale", "1"),
            metadata.get("hwgen.input_mean", ""),
            metadata.get("hwgen.input_std", ""),
        )


def parse_number(text: str) -> Fraction:
    """Return ``"1/255"``, ``"0.5"`` or ``"2"`` exactly; ``InputError`` for anything else."""
    try:
        return Fraction(text.strip())
    except (ValueError, ZeroDivisionError):
        raise InputError(f"{text!r} is not a number; write 0.5, 2 or 1/255") from None


def _numbers(text: str) -> tuple[Fraction, ...]:
    return tuple(parse_number(part) for part in text.split(",") if part.strip())


def finn_range(name: str) -> tuple[int, int, bool] | None:
    """Return (low, high, bipolar) of a FINN integer type, None for any other."""
    known = {"BIPOLAR": (-1, 1, True), "TERNARY": (-1, 1, False), "BINARY": (0, 1, False)}
    if name in known:
        return known[name]
    match = re.fullmatch(r"(U?)INT(\d{1,2})", name)
    if match is None or not 1 <= int(match[2]) <= 16:
        return None
    bits = int(match[2])
    if match[1]:
        return 0, (1 << bits) - 1, False
    return -(1 << (bits - 1)), (1 << (bits - 1)) - 1, False
