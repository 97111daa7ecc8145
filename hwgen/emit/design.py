"""A dataflow as RTLIL: each distinct component once, instances of them in the top."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

from amaranth.lib import wiring

from hwgen.dataflow import Dataflow
from hwgen.dataflow.units import Unit
from hwgen.emit.components import component
from hwgen.emit.names import Names, identifier
from hwgen.emit.rtlil import RtlilModule, convert
from hwgen.emit.sources import Sources
from hwgen.emit.top import Blackbox, Top


@dataclass(frozen=True, eq=False)
class Design(Sources):
    """A core ready to be simulated or written as Verilog.

    name : of the top module
    dataflow : what it implements
    taps : streams watched by the port ``taps``; none in what is built for a board
    modules : RTLIL, the top last; an instance carries its layer's name, a module the name of the
        first layer that uses it
    make : unit to component, as ``emit`` was given it
    built : component and module of each distinct unit, by its key
    """

    name: str
    dataflow: Dataflow
    taps: tuple[str, ...]
    modules: tuple[RtlilModule, ...]
    make: Callable[[Unit], wiring.Component]
    built: Mapping[Hashable, tuple[wiring.Component, str]]

    def watched(self, taps: Sequence[str]) -> Design:
        """Return the design, of the very same components, with these streams on port ``taps``."""
        top = Top(self.dataflow, lambda unit: Blackbox(*self.built[unit.key]), taps)
        modules = (*self.modules[:-1], convert(top, self.name, top=True))
        return replace(self, taps=tuple(taps), modules=modules)

    def hierarchy(self) -> Top:
        """Return the design as one Amaranth hierarchy, for Amaranth's own simulator."""
        return Top(self.dataflow, self.make, self.taps)


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
    names = Names()
    names.take(top)
    known: dict[Hashable, tuple[wiring.Component, str]] = {}
    modules: list[RtlilModule] = []

    def instance(unit: Unit) -> Blackbox:
        if unit.key not in known:
            built = make(unit)
            module = convert(built, names.take(f"{top}_{unit.name}"))
            modules.append(module)
            known[unit.key] = built, module.name
        return Blackbox(*known[unit.key])

    stitched = convert(Top(dataflow, instance, taps), top, top=True)
    return Design(top, dataflow, tuple(taps), (*modules, stitched), make, known)
