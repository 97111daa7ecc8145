"""What a model sees of a simulated design."""

from __future__ import annotations

from typing import Protocol


class Pins(Protocol):
    """Ports of the design by flat name, such as ``hp_ar_valid``."""

    def get(self, name: str) -> int:
        """Return an output, or an input as it was set."""
        ...

    def set(self, name: str, value: int) -> None:
        """Set an input for this cycle."""
        ...


class Agent(Protocol):
    """Something outside the design; both methods run once per cycle, ``drive`` first."""

    def drive(self, pins: Pins) -> None:
        """Set inputs of the design, from what earlier cycles showed."""
        ...

    def sample(self, pins: Pins) -> None:
        """See all ports as they are just before the clock edge."""
        ...


def moves(pins: Pins, channel: str) -> bool:
    """Return whether a transfer happens on a channel in this cycle."""
    return bool(pins.get(f"{channel}_valid") and pins.get(f"{channel}_ready"))
