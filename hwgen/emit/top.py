"""Stitches components into one design with an input and an output stream."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from amaranth.hdl import (
    Cat,
    ClockSignal,
    Elaboratable,
    Instance,
    Module,
    ResetSignal,
    Signal,
    Value,
    unsigned,
)
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen.dataflow import Dataflow, writable_units
from hwgen.dataflow.units import Unit
from hwgen.emit.names import Names
from hwgen.emit.rtlil import flat_ports


class Port:
    """One stream of a component, by its flat signals."""

    def __init__(self, ports: dict[str, Value], name: str) -> None:
        self.payload = ports[f"{name}_payload"]
        self.valid = ports[f"{name}_valid"]
        self.ready = ports[f"{name}_ready"]


class Blackbox(Elaboratable):
    """An instance of an RTLIL module that ``rtlil.convert`` made of ``component``.

    component : or an interface object of its signature
    reset : resets it too, beside the reset of the domain
    """

    def __init__(
        self, component: wiring.Component, module: str, reset: Signal | None = None
    ) -> None:
        self.module = module
        self.reset = reset
        self._flows = {name: flow for name, (_, flow) in flat_ports(component).items()}
        self.ports = {
            name: Signal(len(value), name=name)
            for name, (value, _) in flat_ports(component).items()
        }

    def elaborate(self, platform):
        wires = {
            ("i_" if self._flows[name] == In else "o_") + name: signal
            for name, signal in self.ports.items()
        }
        reset = ResetSignal() if self.reset is None else ResetSignal() | self.reset
        return Instance(self.module, i_clk=ClockSignal(), i_rst=reset, **wires)


class Top(wiring.Component):
    """All units of a dataflow, wired stream by stream; it adds no logic and no cycle.

    Parameters
    ----------
    dataflow : what to build
    make : gives a unit's component, or a ``Blackbox`` of it
    taps : names of streams to watch

    Members
    -------
    i_payload, i_valid, i_ready : input stream, lane 0 in the lowest bits
    o_payload, o_valid, o_ready : output stream
    taps : per watched stream, from bit 0 on, its valid, its ready, its payload
    write_valid, write_layer, write_address, write_data : where layers have weights that can be
        exchanged, a piece of those of the layer with that number; see ``rtl.mvu``
    """

    def __init__(
        self, dataflow: Dataflow, make: Callable[[Unit], Elaboratable], taps: Sequence[str] = ()
    ) -> None:
        self.dataflow = dataflow
        self.make = make
        self.watched = tuple(taps)
        members = core_members(dataflow)
        if taps:
            members["taps"] = Out(unsigned(tap_bits(dataflow, taps)))
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        own = {name: value for name, (value, _) in flat_ports(self).items()}
        sources = {self.dataflow.input: Port(own, "i")}
        sinks = {self.dataflow.output: Port(own, "o")}
        names = Names()
        numbers = {unit.name: number for number, unit in enumerate(writable_units(self.dataflow))}
        for unit in self.dataflow.units:
            made = self.make(unit)
            m.submodules[names.take(unit.name)] = made
            ports = made.ports if isinstance(made, Blackbox) else _component_ports(made)
            if unit.name in numbers:
                chosen = own["write_layer"] == numbers[unit.name]
                m.d.comb += [
                    ports["write_valid"].eq(own["write_valid"] & chosen),
                    ports["write_address"].eq(own["write_address"]),
                    ports["write_data"].eq(own["write_data"]),
                ]
            sinks |= zip(unit.inputs, _streams(ports, "i"), strict=True)
            sources |= zip(unit.outputs, _streams(ports, "o"), strict=True)
        for name, stream in self.dataflow.streams.items():
            source, sink = sources[name], sinks[name]
            widths = len(source.payload), len(sink.payload), stream.bits
            assert len(set(widths)) == 1, f"stream {name}: source, sink, plan have {widths} bits"
            m.d.comb += [
                sink.payload.eq(source.payload),
                sink.valid.eq(source.valid),
                source.ready.eq(sink.ready),
            ]
        if self.watched:
            watched = [sources[name] for name in self.watched]
            m.d.comb += self.taps.eq(Cat((s.valid, s.ready, s.payload) for s in watched))
        return m


def core_members(dataflow: Dataflow) -> dict[str, wiring.Member]:
    """Return the members of ``Top`` without taps."""
    source, sink = dataflow.streams[dataflow.input], dataflow.streams[dataflow.output]
    writes = {"write_valid": 1, "write_layer": 16, "write_address": 32, "write_data": 32}
    return {
        "i_payload": In(unsigned(source.bits)),
        "i_valid": In(1),
        "i_ready": Out(1),
        "o_payload": Out(unsigned(sink.bits)),
        "o_valid": Out(1),
        "o_ready": In(1),
        **({name: In(bits) for name, bits in writes.items()} if writable_units(dataflow) else {}),
    }


def tap_bits(dataflow: Dataflow, taps: Sequence[str]) -> int:
    """Return the width of ``Top.taps`` for these streams."""
    return sum(dataflow.streams[name].bits + 2 for name in taps)


def _component_ports(component: wiring.Component) -> dict[str, Value]:
    return {name: value for name, (value, _) in flat_ports(component).items()}


def _streams(ports: dict[str, Value], letter: str) -> list[Port]:
    """Return the streams ``i``, or ``i0``, ``i_1`` and so on, in the component's order."""
    names = [name.removesuffix("_payload") for name in ports if name.endswith("_payload")]
    return [Port(ports, name) for name in names if name.startswith(letter)]
