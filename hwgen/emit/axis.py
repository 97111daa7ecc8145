"""A core with AXI4-Stream ports, for users' own designs."""

from __future__ import annotations

from collections.abc import Callable

from amaranth.hdl import (
    ClockDomain,
    ClockSignal,
    Elaboratable,
    Module,
    ResetSignal,
    Signal,
    Value,
)
from amaranth.hdl._ir import PortDirection
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen.rtl.elastic import Counter


def data_bits(bits: int) -> int:
    """Return the width of ``tdata`` that carries a transfer: whole bytes."""
    return -(-bits // 8) * 8


class AxisSystem(wiring.Component):
    """A core whose transfers are those of AXI4-Stream, widened to whole bytes. No cycle is added.

    Parameters
    ----------
    core : gives the core and its flat ports
    bits_in, bits_out : of the core's transfers; lane 0 lies in the lowest bits
    transfers : of an output frame

    Members
    -------
    s_axis_tdata, s_axis_tvalid, s_axis_tready : input; frames follow each other without a mark
    m_axis_tdata, m_axis_tvalid, m_axis_tready : output
    m_axis_tlast : last transfer of a frame
    """

    def __init__(
        self,
        core: Callable[[], tuple[Elaboratable, dict]],
        bits_in: int,
        bits_out: int,
        transfers: int,
    ) -> None:
        self.core, self.bits_in, self.transfers = core, bits_in, transfers
        super().__init__(
            {
                "s_axis_tdata": In(data_bits(bits_in)),
                "s_axis_tvalid": In(1),
                "s_axis_tready": Out(1),
                "m_axis_tdata": Out(data_bits(bits_out)),
                "m_axis_tvalid": Out(1),
                "m_axis_tready": In(1),
                "m_axis_tlast": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.core, core = self.core()
        place = Counter(m, self.transfers, self.m_axis_tvalid & self.m_axis_tready, "place")
        m.d.comb += [
            core["i_payload"].eq(self.s_axis_tdata[: self.bits_in]),
            core["i_valid"].eq(self.s_axis_tvalid),
            self.s_axis_tready.eq(core["i_ready"]),
            self.m_axis_tdata.eq(core["o_payload"]),
            self.m_axis_tvalid.eq(core["o_valid"]),
            core["o_ready"].eq(self.m_axis_tready),
            self.m_axis_tlast.eq(place.last),
        ]
        return m


class AxisChip(Elaboratable):
    """The system with the names that AXI uses for clock and reset: ``aclk``, ``aresetn``."""

    def __init__(self, system: Elaboratable, ports: dict[str, Value], flows: dict) -> None:
        self.system = system
        self.aclk, self.aresetn = Signal(name="aclk"), Signal(name="aresetn")
        self.pins = {"aclk": (self.aclk, PortDirection.Input)}
        self.pins["aresetn"] = (self.aresetn, PortDirection.Input)
        for name, value in ports.items():
            inward = flows[name] == In
            direction = PortDirection.Input if inward else PortDirection.Output
            self.pins[name] = (value, direction)

    def elaborate(self, platform):
        m = Module()
        m.domains.sync = ClockDomain()
        m.submodules.system = self.system
        m.d.comb += [ClockSignal().eq(self.aclk), ResetSignal().eq(~self.aresetn)]
        return m
