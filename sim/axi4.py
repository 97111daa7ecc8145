"""AXI3 ports under the names and widths that models of AXI4 expect."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from hwgen.emit.rtlil import flat_ports
from hwgen.emit.top import Blackbox

_CHANNELS = ("aw", "w", "b", "ar", "r")
_WIDER = {"len": 8}
_ABSENT = ("lock",)  # two bits in AXI3, one in AXI4; neither end uses it


class Axi4Names(wiring.Component):
    """A component whose AXI ports are called ``PREFIX_awaddr`` and so on.

    ``len`` grows to 8 bits, of which AXI3 has 4; ``WID``, which AXI4 lacks, is 0. Other ports keep
    name and width.

    component, module : what is inside, and its RTLIL module
    prefixes : of its AXI ports
    """

    def __init__(  # pyright: ignore[reportInconsistentConstructor]
        self, component: Any, module: str, prefixes: tuple[str, ...]
    ) -> None:
        self.box = Blackbox(component, module)
        self.outer: dict[str, str | None] = {}
        members: dict[str, Any] = {}
        for name, (value, flow) in flat_ports(component).items():
            outer, bits = name, len(value)
            prefix, _, rest = name.partition("_")
            channel, _, member = rest.partition("_")
            if prefix in prefixes and channel in _CHANNELS and member:
                if member in _ABSENT or (channel, member) == ("w", "id"):
                    self.outer[name] = None
                    continue
                outer, bits = f"{prefix}_{channel}{member}", _WIDER.get(member, bits)
            self.outer[name] = outer
            members[outer] = flow(unsigned(bits))
        self._inward = {name for name, (_, flow) in flat_ports(component).items() if flow == In}
        super().__init__(members)

    def elaborate(self, platform: Any) -> Module:
        m: Any = Module()
        m.submodules.dut = self.box
        for name, outer in self.outer.items():
            inner = self.box.ports[name]
            if outer is None:
                continue
            there = getattr(self, outer)
            if name in self._inward:
                m.d.comb += inner.eq(there[: len(inner)])
            else:
                m.d.comb += there.eq(inner)
        return m
