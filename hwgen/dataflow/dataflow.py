"""A planned design: units and the streams between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from hwgen import timing
from hwgen.dataflow.streams import Stream
from hwgen.dataflow.units import MvuUnit, Unit


@dataclass(frozen=True, eq=False)
class Dataflow:
    """Units in topological order and streams by name; every stream has one source and one sink.

    input, output : the streams that the core takes from and gives to the world
    """

    units: tuple[Unit, ...]
    streams: Mapping[str, Stream]
    input: str
    output: str

    def __post_init__(self) -> None:
        given = [self.input, *(name for unit in self.units for name in unit.outputs)]
        taken = [self.output, *(name for unit in self.units for name in unit.inputs)]
        assert sorted(given) == sorted(self.streams), "every stream has one source"
        assert sorted(taken) == sorted(self.streams), "every stream has one sink"
        names = [unit.name for unit in self.units]
        assert len(set(names)) == len(names), "unit names are unique"

    def __getitem__(self, name: str) -> Unit:
        return self._units[name]

    @cached_property
    def _units(self) -> dict[str, Unit]:
        return {unit.name: unit for unit in self.units}

    @cached_property
    def source(self) -> dict[str, Unit]:
        """The unit that gives each stream; the core's input has none."""
        return {name: unit for unit in self.units for name in unit.outputs}

    @cached_property
    def sink(self) -> dict[str, Unit]:
        """The unit that takes each stream; the core's output has none."""
        return {name: unit for unit in self.units for name in unit.inputs}

    def with_units(self, units: Iterable[Unit]) -> Dataflow:
        """Return the dataflow with units exchanged for others with the same streams."""
        return replace(self, units=tuple(units))

    @cached_property
    def stream_order(self) -> tuple[str, ...]:
        """Names of the streams in the order of ``network.edges``."""
        return tuple(self.streams)

    @cached_property
    def network(self) -> timing.Network:
        """The schedules, wired as the streams are; node ``i`` is unit ``i``."""
        index = {unit.name: number for number, unit in enumerate(self.units)}
        edges: list[timing.Edge] = []
        for name in self.stream_order:
            source, sink = self.source.get(name), self.sink.get(name)
            edges.append(
                timing.Edge(
                    index[source.name] if source else -1,
                    index[sink.name] if sink else -1,
                    source.outputs.index(name) if source else 0,
                    sink.inputs.index(name) if sink else 0,
                )
            )
        network = timing.Network(
            tuple(unit.schedule for unit in self.units),
            tuple(edges),
            (self.streams[self.input].transfers,),
        )
        planned = tuple(self.streams[name].transfers for name in self.stream_order)
        assert network.edge_transfers == planned, "schedules move what the streams carry"
        return network

    def layers(self) -> dict[str, tuple[Unit, ...]]:
        """Return the units of each graph node, in order."""
        found: dict[str, list[Unit]] = {}
        for unit in self.units:
            found.setdefault(unit.node, []).append(unit)
        return {node: tuple(units) for node, units in found.items()}

    def observable(self) -> tuple[str, ...]:
        """Return the streams that carry each pixel of a tensor once, in topological order.

        These can be compared with the reference; of the streams of one tensor the first counts.
        """
        first: dict[str, str] = {}
        for unit in self.units:
            for name in unit.outputs:
                stream = self.streams[name]
                if stream.times == 1 and not stream.permuted:
                    first.setdefault(stream.tensor, name)
        first.pop(self.streams[self.input].tensor, None)
        return tuple(first.values())


def writable_units(flow: Dataflow) -> tuple[MvuUnit, ...]:
    """Return the units whose weights can be exchanged at run time, in order: their numbers."""
    return tuple(u for u in flow.units if isinstance(u, MvuUnit) and u.memory == "writable")
