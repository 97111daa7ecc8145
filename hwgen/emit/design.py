"""A dataflow as RTLIL: each distinct component once, instances of them in the top."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from amaranth.lib import wiring

from hwgen.dataflow import Dataflow
from hwgen.dataflow.units import Unit
from hwgen.emit.components import component
from hwgen.emit.names import Names, identifier
from hwgen.emit.rtlil import RtlilModule, convert
from hwgen.emit.sources import Sources
from hwgen.emit.top import Blackbox, Top


@dataclass(frozen=True, eq=False)
class Parts:
    """The distinct components of a dataflow, converted when they are first asked for.

    top : name of the module that will hold their instances
    make : gives the component of a unit
    """

    top: str
    dataflow: Dataflow
    make: Callable[[Unit], wiring.Component]

    @cached_property
    def modules(self) -> Mapping[Hashable, tuple[wiring.Component, RtlilModule]]:
        """Component and module of each distinct unit, by its key, in order."""
        names = Names()
        names.take(self.top)
        found: dict[Hashable, tuple[wiring.Component, RtlilModule]] = {}
        for unit in self.dataflow.units:
            if unit.key not in found:
                built = self.make(unit)
                module = convert(built, names.take(f"{self.top}_{unit.name}"))
                found[unit.key] = built, module
        return found

    def instance(self, unit: Unit) -> Blackbox:
        """Return an instance of a unit's module."""
        built, module = self.modules[unit.key]
        return Blackbox(built, module.name)


@dataclass(frozen=True, eq=False)
class Design(Sources):
    """A core ready to be simulated or written as Verilog.

    name : of the top module
    dataflow : what it implements
    taps : streams watched by the port ``taps``; none in what is built for a board
    parts : its components; Amaranth's own simulator needs none of them converted
    """

    name: str
    dataflow: Dataflow
    taps: tuple[str, ...]
    parts: Parts

    @cached_property
    def modules(self) -> tuple[RtlilModule, ...]:
        """RTLIL, the top last.

        An instance carries its layer's name, a module the name of the first layer that uses it.
        """
        stitched = convert(Top(self.dataflow, self.parts.instance, self.taps), self.name, top=True)
        return (*(module for _, module in self.parts.modules.values()), stitched)

    def watched(self, taps: Sequence[str]) -> Design:
        """Return the design, of the very same components, with these streams on port ``taps``."""
        return Design(self.name, self.dataflow, tuple(taps), self.parts)

    def hierarchy(self) -> Top:
        """Return the design as one Amaranth hierarchy, for Amaranth's own simulator."""
        return Top(self.dataflow, self.parts.make, self.taps)


def emit(
    dataflow: Dataflow,
    name: str = "core",
    *,
    taps: Sequence[str] = (),
    make: Callable[[Unit], wiring.Component] = component,
) -> Design:
    """Return ``dataflow`` as RTLIL with top module ``name``; same input, same bytes.

    taps : names of streams whose transfers the top shows on its port ``taps``
    make : gives the component of a unit
    """
    top = identifier(name)
    return Design(top, dataflow, tuple(taps), Parts(top, dataflow, make))
