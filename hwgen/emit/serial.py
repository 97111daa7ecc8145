"""A core with the serial shell, and the whole chip of a board without a processor."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from amaranth.hdl import (
    ClockDomain,
    ClockSignal,
    Elaboratable,
    Instance,
    Module,
    ResetSignal,
    Signal,
)
from amaranth.hdl._ir import PortDirection
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen.boards import Family

_HOLD = 15  # cycles of reset behind configuration, in which block memories come up


class SerialSystem(wiring.Component):
    """Shell and core, joined.

    Parameters
    ----------
    shell : gives a ``rtl.uart.shell.UartShell`` and its flat ports
    core : gives the core and its flat ports

    Members
    -------
    rx, tx : serial lines
    """

    def __init__(
        self,
        shell: Callable[[], tuple[Elaboratable, dict]],
        core: Callable[[], tuple[Elaboratable, dict]],
    ) -> None:
        self.shell, self.core = shell, core
        super().__init__({"rx": In(1), "tx": Out(1, init=1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.shell, shell = self.shell()
        m.submodules.core, core = self.core()
        m.d.comb += [shell["rx"].eq(self.rx), self.tx.eq(shell["tx"])]
        for stream, end in (("core_i", "i"), ("core_o", "o")):
            for part in ("payload", "valid", "ready"):
                ours, theirs = shell[f"{stream}_{part}"], core[f"{end}_{part}"]
                inward = (stream == "core_i") != (part == "ready")
                m.d.comb += theirs.eq(ours) if inward else ours.eq(theirs)
        return m


class SerialChip(Elaboratable):
    """Oscillator, clock, reset and a ``SerialSystem``.

    Parameters
    ----------
    system : instance of the system
    ports : its flat ports
    family : of the chip
    pll : parameters of the family's clock multiplier, None to run on the oscillator
    high : pins to drive high, ``high_0`` and so on
    """

    def __init__(self, system, ports, family: Family, pll: Mapping | None, high: int) -> None:
        self.system, self.family, self.pll = system, family, pll
        self.clk, self.rx, self.tx = Signal(name="clk"), Signal(name="rx"), Signal(name="tx")
        self.high = [Signal(name=f"high_{number}") for number in range(high)]
        self.inside = ports

    @property
    def pins(self):
        """The chip's pins and their directions."""
        inputs = [(pin, PortDirection.Input) for pin in (self.clk, self.rx)]
        outputs = [(pin, PortDirection.Output) for pin in (self.tx, *self.high)]
        return {pin.name: (pin, way) for pin, way in (*inputs, *outputs)}

    def elaborate(self, platform):
        m = Module()
        m.domains.sync = ClockDomain()
        m.domains.boot = ClockDomain(reset_less=True)
        locked = Signal()
        self._clock(m, locked)
        m.d.comb += ClockSignal("boot").eq(ClockSignal("sync"))
        left = Signal(range(_HOLD + 1), init=_HOLD)
        with m.If(~locked):
            m.d.boot += left.eq(_HOLD)
        with m.Elif(left != 0):
            m.d.boot += left.eq(left - 1)
        m.d.comb += [
            ResetSignal("sync").eq(left != 0),
            self.inside["rx"].eq(self.rx),
            self.tx.eq(self.inside["tx"]),
            *(pin.eq(1) for pin in self.high),
        ]
        m.submodules.system = self.system
        return m

    def _clock(self, m, locked):
        clock = Signal()
        if self.pll is None:
            m.d.comb += [clock.eq(self.clk), locked.eq(1)]
        else:
            m.submodules.pll = _PLLS[self.family](self.pll, self.clk, clock, locked)
        m.d.comb += ClockSignal("sync").eq(clock)


def _ice40(pll, clk, clock, locked):
    """Return ``SB_PLL40_PAD``: iCE40 sysCLOCK PLL guide, FPGA-TN-02052."""
    return Instance(
        "SB_PLL40_PAD",
        p_FEEDBACK_PATH="SIMPLE",
        **{f"p_{name}": value for name, value in pll.items()},
        i_PACKAGEPIN=clk,
        o_PLLOUTGLOBAL=clock,
        o_LOCK=locked,
        i_RESETB=1,
        i_BYPASS=0,
    )


def _ecp5(pll, clk, clock, locked):
    """Return ``EHXPLLL``: ECP5 sysCLOCK guide, FPGA-TN-02200."""
    return Instance(
        "EHXPLLL",
        p_FEEDBK_PATH="CLKOP",
        p_CLKOP_ENABLE="ENABLED",
        p_PLLRST_ENA="DISABLED",
        p_INTFB_WAKE="DISABLED",
        p_STDBY_ENABLE="DISABLED",
        p_DPHASE_SOURCE="DISABLED",
        p_OUTDIVIDER_MUXA="DIVA",
        **{f"p_{name}": value for name, value in pll.items()},
        i_CLKI=clk,
        i_CLKFB=clock,
        o_CLKOP=clock,
        o_LOCK=locked,
        i_RST=0,
        i_STDBY=0,
        i_PHASESEL0=0,
        i_PHASESEL1=0,
        i_PHASEDIR=0,
        i_PHASESTEP=0,
        i_PHASELOADREG=0,
        i_PLLWAKESYNC=0,
        i_ENCLKOP=0,
    )


def _gowin(pll, clk, clock, locked):
    """Return ``rPLL``: Gowin clock guide, UG286."""
    return Instance(
        "rPLL",
        **{f"p_{name}": value for name, value in pll.items()},
        i_CLKIN=clk,
        o_CLKOUT=clock,
        o_LOCK=locked,
        i_CLKFB=0,
        i_RESET=0,
        i_RESET_P=0,
        i_FBDSEL=0,
        i_IDSEL=0,
        i_ODSEL=0,
        i_PSDA=0,
        i_DUTYDA=0,
        i_FDLY=0,
    )


_PLLS = {"ice40": _ice40, "ecp5": _ecp5, "gowin": _gowin}
