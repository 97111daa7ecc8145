"""What a user asks of the folding search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from math import inf
from typing import Literal, get_args

from hwgen.errors import FoldingError, suggest
from hwgen.ir import Foldable
from hwgen.ir.folding import Fold, Memory, Style

_WORDS: dict[str, tuple[str, ...]] = {"style": get_args(Style), "memory": get_args(Memory)}


@dataclass(frozen=True)
class Pin:
    """Choices of one layer that the search must keep; None leaves a choice free."""

    pe: int | None = None
    simd: int | None = None
    m: int | None = None
    style: Style | None = None
    memory: Memory | None = None

    def allows(self, fold: Fold) -> bool:
        """Return whether ``fold`` keeps the pinned choices."""
        return all(
            wanted in (None, "auto", getattr(fold, name)) for name, wanted in vars(self).items()
        )

    def __str__(self) -> str:
        given = {name: value for name, value in vars(self).items() if value is not None}
        return ", ".join(f"{name}={value}" for name, value in given.items())


def parse_pin(text: str) -> tuple[str, Pin]:
    """Return layer and pin of ``"LAYER:pe=16,simd=8,style=lut,memory=bram"``.

    Raises ``FoldingError`` for anything else.
    """
    layer, colon, choices = text.rpartition(":")
    if not colon or not layer:
        raise FoldingError(f"pin {text!r} must be LAYER:KEY=VALUE,... such as fc1:pe=16,simd=8")
    found: dict[str, int | str] = {}
    known = [entry.name for entry in fields(Pin)]
    for choice in choices.split(","):
        key, _, value = (part.strip() for part in choice.partition("="))
        if key not in known:
            raise FoldingError(f"pin {text!r}: key {key!r} is unknown{suggest(key, known)}")
        if found.get(key, value) != value:
            raise FoldingError(f"pin {text!r}: {key} is {found[key]} and {value}; give it once")
        if key in _WORDS and value not in _WORDS[key]:
            allowed = ", ".join(_WORDS[key])
            raise FoldingError(f"pin {text!r}: {key}={value} is unknown; it is one of {allowed}")
        if key not in _WORDS and not (value.isdecimal() and int(value)):
            raise FoldingError(f"pin {text!r}: {key}={value} must be a whole number from 1 up")
        found[key] = value
    numbers = {key: value if key in _WORDS else int(value) for key, value in found.items()}
    return layer, Pin(**numbers)  # pyright: ignore[reportArgumentType]


def join_pins(pins: list[tuple[str, Pin]]) -> dict[str, Pin]:
    """Return the pins by layer; raise ``FoldingError`` where two of one layer contradict."""
    joined: dict[str, Pin] = {}
    for layer, pin in pins:
        have = vars(joined.get(layer, Pin()))
        for key, value in vars(pin).items():
            if None not in (value, have[key]) and value != have[key]:
                raise FoldingError(
                    f"pins of layer {layer} contradict each other: {key}={have[key]} and "
                    f"{key}={value}; keep one"
                )
        merged = {key: have[key] if value is None else value for key, value in vars(pin).items()}
        joined[layer] = Pin(**merged)
    return joined


def check_pins(pins: Mapping[str, Pin], layers: Mapping[str, Foldable]) -> None:
    """Raise ``FoldingError`` for a pin of an unknown layer or out of its bounds."""
    for name, pin in pins.items():
        if name not in layers:
            raise FoldingError(f"pin: layer {name!r} is unknown{suggest(name, layers)}")
        layers[name].check(f"pin: {name}", Fold(pe=pin.pe or 1, simd=pin.simd or 1, m=pin.m or 1))


@dataclass(frozen=True)
class Goal:
    """What to reach, and with how much of the board.

    clock_mhz : clock of the core
    maximize : frames per second, or the time of a single frame; of no effect with a target
    target_fps : reach this with the least resources instead
    budget : share of each of the board's resources, above 0 and at most 1
    io_bits_per_cycle : what the board's link moves each way in a cycle; without a target the search
        buys no speed beyond it. None where nothing limits
    pins : choices of single layers to keep
    """

    clock_mhz: float
    maximize: Literal["fps", "latency"] = "fps"
    target_fps: float | None = None
    budget: float = 0.7
    io_bits_per_cycle: float | None = None
    pins: Mapping[str, Pin] = field(default_factory=dict[str, Pin])

    def __post_init__(self) -> None:
        if not 0 < self.budget <= 1:
            raise FoldingError(
                f"budget {self.budget:.0%} must be above 0 % and at most 100 % of the board"
            )
        if self.target_fps is not None and not 0 < self.target_fps < inf:
            raise FoldingError(f"target fps {self.target_fps:g} must be a positive number")
        if not 0 < self.clock_mhz < inf:
            raise FoldingError(f"clock {self.clock_mhz:g} MHz must be a positive number")

    def fps(self, cycles: float) -> float:
        """Return the frames per second of an interval in cycles."""
        return self.clock_mhz * 1e6 / cycles
