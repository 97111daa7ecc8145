"""A port shape that every simulator's driver knows, around any component."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Value, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen.emit.rtlil import flat_ports
from hwgen.emit.top import Blackbox


class Harness(wiring.Component):
    """All inputs of a component on one port, all outputs on another, as a core's streams.

    Something that steps a core's simulation can so step anything.

    Parameters
    ----------
    component, module : what is inside, and its RTLIL module

    Members
    -------
    i_payload, o_payload : inputs and outputs, the first in the lowest bits
    i_valid, i_ready, o_valid, o_ready : always ready, always valid
    taken, given : names and widths of inputs and outputs, in order
    """

    def __init__(self, component, module):
        self.box = Blackbox(component, module)
        ports = flat_ports(component)
        self.taken = {name: len(value) for name, (value, flow) in ports.items() if flow == In}
        self.given = {name: len(value) for name, (value, flow) in ports.items() if flow != In}
        super().__init__(
            {
                "i_payload": In(unsigned(sum(self.taken.values()))),
                "i_valid": In(1),
                "i_ready": Out(1),
                "o_payload": Out(unsigned(sum(self.given.values()))),
                "o_valid": Out(1),
                "o_ready": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.dut = self.box
        ports = self.box.ports
        given = Cat(ports[name] for name in self.given)
        m.d.comb += [
            Cat(ports[name] for name in self.taken).eq(Value.cast(self.i_payload)),
            Value.cast(self.o_payload).eq(given),
            self.i_ready.eq(1),
            self.o_valid.eq(1),
        ]
        return m
