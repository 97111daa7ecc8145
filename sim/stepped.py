"""A whole system on Verilator, cycle by cycle, with models written in Python around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hwgen.emit.harness import Harness
from hwgen.emit.rtlil import RtlilModule, convert
from hwgen.emit.sources import Sources
from hwgen.verify.compiled import Session
from hwgen.verify.verilator import Verilator
from sim.axi import Agent


@dataclass(frozen=True, eq=False)
class _Harnessed(Sources):
    """A harness with all that is inside it."""

    name: str
    modules: tuple[RtlilModule, ...]
    taps: tuple[str, ...] = ()


class Stepped:
    """A running simulation; its ports are the ``Pins`` of the agents around it.

    modules : RTLIL, ``component``'s own last
    """

    def __init__(
        self,
        component: Any,
        modules: Sequence[RtlilModule],
        agents: Sequence[Agent],
        folder: Path,
    ) -> None:
        harness = Harness(component, modules[-1].name)
        top = convert(harness, "harness", top=True)
        library = Verilator().library(_Harnessed("harness", (*modules, top)), folder)
        self._taken = _places(harness.taken)
        self._given = _places(harness.given)
        sizes = (-(-sum(sizes.values()) // 8) for sizes in (harness.taken, harness.given))
        self._session = Session(library, *sizes)
        self._inputs: dict[str, int] = dict.fromkeys(self._taken, 0)
        self._output = 0
        self.agents = list(agents)
        self.cycle = 0

    def get(self, name: str) -> int:
        """Return a port's value in this cycle, just before the clock edge."""
        if name in self._inputs:
            return self._inputs[name]
        at, bits = self._given[name]
        return self._output >> at & ((1 << bits) - 1)

    def set(self, name: str, value: int) -> None:
        """Set an input."""
        assert name in self._inputs, f"no input {name}"
        self._inputs[name] = int(value)

    def step(self, cycles: int = 1) -> None:
        """Go on."""
        for _ in range(cycles):
            for agent in self.agents:
                agent.drive(self)
            number = 0
            for name, value in self._inputs.items():
                number |= value << self._taken[name][0]
            self._output = self._session.step(number)
            for agent in self.agents:
                agent.sample(self)
            self.cycle += 1

    def close(self) -> None:
        """End the simulation."""
        self._session.close()


def _places(sizes: dict[str, int]) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    at = 0
    for name, bits in sizes.items():
        found[name] = at, bits
        at += bits
    return found
