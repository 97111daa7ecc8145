"""A core with the processor shell, and the whole chip of a Zynq-7000."""

from __future__ import annotations

from collections.abc import Callable

from amaranth.hdl import (
    ClockDomain,
    ClockSignal,
    Const,
    Elaboratable,
    Instance,
    Module,
    ResetSignal,
    Signal,
)
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen.emit.ps7 import inputs
from hwgen.emit.rtlil import flat_ports
from hwgen.rtl.axi.ports import axi3


class ZynqSystem(wiring.Component):
    """Shell and core, joined; the processor and its memory are outside.

    Parameters
    ----------
    shell : gives a ``rtl.axi.shell.ZynqShell`` and its flat ports
    core : takes a reset signal, gives the core that it resets too, and its flat ports

    Members
    -------
    gp, hp : as the shell's
    """

    def __init__(
        self,
        shell: Callable[[], tuple[Elaboratable, dict]],
        core: Callable[[Signal], tuple[Elaboratable, dict]],
    ) -> None:
        self.shell, self.core = shell, core
        super().__init__(
            {
                "gp": In(axi3(data_bits=32, id_bits=12)),
                "hp": Out(axi3(data_bits=64, id_bits=6)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.shell, shell = self.shell()
        m.submodules.core, core = self.core(shell["core_rst"])
        for name, (value, flow) in flat_ports(self).items():
            m.d.comb += shell[name].eq(value) if flow == In else value.eq(shell[name])
        for name in core:
            if name.startswith("write_"):
                m.d.comb += core[name].eq(shell[name])
        for stream, end in (("core_i", "i"), ("core_o", "o")):
            for part in ("payload", "valid", "ready"):
                ours, theirs = shell[f"{stream}_{part}"], core[f"{end}_{part}"]
                inward = (stream == "core_i") != (part == "ready")
                m.d.comb += theirs.eq(ours) if inward else ours.eq(theirs)
        return m


class ZynqChip(Elaboratable):
    """Processor, clock, reset and a ``ZynqSystem``: all there is in the chip; it has no ports.

    The processor's memory and its own pins are dedicated and need no connection here. Every input
    of it is driven, those of unused ports with 0.

    Parameters
    ----------
    system : instance of the system
    ports : its flat ports
    """

    def __init__(self, system: Elaboratable, ports: dict) -> None:
        self.system, self.ports = system, ports

    def elaborate(self, platform):
        m = Module()
        clocks, resets_n = Signal(4), Signal(4)
        m.domains.sync = ClockDomain()
        m.domains.boot = ClockDomain(reset_less=True)
        m.submodules.system = self.system
        m.submodules.fclk0 = Instance("BUFG", i_I=clocks[0], o_O=ClockSignal("sync"))
        m.d.comb += ClockSignal("boot").eq(ClockSignal("sync"))
        held = Signal(2, init=3)
        m.d.boot += held.eq((held << 1) | ~resets_n[0])
        m.d.comb += ResetSignal("sync").eq(held[1])
        wires = {f"i_{name}": Const(0, bits) for name, bits in inputs().items()}
        for port, prefix in (("MAXIGP0", "gp"), ("SAXIHP0", "hp")):
            wires |= self._port(port, prefix)
            wires[f"i_{port}ACLK"] = ClockSignal("sync")
        wires |= {"o_FCLKCLK": clocks, "o_FCLKRESETN": resets_n}
        m.submodules.ps7 = Instance("PS7", **wires)
        return m

    def _port(self, port, prefix):
        """Wire one AXI port; ``size`` has two bits at the processor."""
        taken = inputs()
        wires = {}
        for name, value in self.ports.items():
            group, _, member = name.partition("_")
            if group != prefix:
                continue
            there = port + member.replace("_", "").upper()
            if there in taken:
                wires[f"i_{there}"] = value[: taken[there]]
            elif name.endswith("_size"):
                wires[f"o_{there}"] = value[:2]
            else:
                wires[f"o_{there}"] = value
        return wires
