"""Amaranth components to RTLIL modules with plain ports."""

from __future__ import annotations

import re
from dataclasses import dataclass

from amaranth.back import rtlil
from amaranth.hdl import ClockDomain, Fragment, Value
from amaranth.hdl._ir import PortDirection
from amaranth.lib import wiring

# Amaranth names the fields of a payload `\o_payload[3]`, beside the wire `\o_payload` itself. Yosys
# takes such names for bits of that wire in several passes (abc9 aborts), so they become private.
_FIELD_NAME = re.compile(r"\\(?=\S*\[)")
_TOP = re.compile(r"^attribute \\top 1\n", re.MULTILINE)


@dataclass(frozen=True)
class RtlilModule:
    """One converted component; ``text`` may hold submodules, named ``name.submodule``."""

    name: str
    text: str


def flat_ports(component: wiring.Component) -> dict[str, tuple[Value, wiring.Flow]]:
    """Return a component's members by flat name: ``o.payload`` is ``o_payload``."""
    return {
        "_".join(map(str, path)): (Value.cast(value), member.flow)
        for path, member, value in component.signature.flatten(component)
    }


def convert(component: wiring.Component, name: str, *, top: bool = False) -> RtlilModule:
    """Return ``component`` as RTLIL module ``name`` with ports ``clk``, ``rst`` and flat members.

    The same component gives the same text: no source positions, no counters of this process.
    """
    sync = ClockDomain("sync")
    ports = {"clk": (sync.clk, PortDirection.Input), "rst": (sync.rst, PortDirection.Input)}
    for port, (value, flow) in flat_ports(component).items():
        direction = PortDirection.Input if flow == wiring.In else PortDirection.Output
        ports[port] = (value, direction)
    fragment = Fragment.get(component, None)
    fragment.add_domains(sync)
    text, _names = rtlil.convert_fragment(fragment, ports, name, emit_src=False)
    text = _FIELD_NAME.sub("$", text)
    return RtlilModule(name, text if top else _TOP.sub("", text))


def convert_chip(chip, name: str, ports: dict[str, tuple[Value, PortDirection]]) -> RtlilModule:
    """Return an elaboratable that makes its own clocks as RTLIL module ``name``.

    ports : pins of the chip and their directions
    """
    fragment = Fragment.get(chip, None)
    text, _names = rtlil.convert_fragment(fragment, ports, name, emit_src=False)
    return RtlilModule(name, _FIELD_NAME.sub("$", text))
