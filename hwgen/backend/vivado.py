"""Vivado in batch mode, without a project and without its IP catalogue."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from hwgen import tools
from hwgen.backend.implement import Routed, pins_of
from hwgen.boards import Board, Resources
from hwgen.errors import ToolError

SCRIPT = "build.tcl"
_TIMING, _USE = "timing.rpt", "utilization.rpt"


_ASYNCHRONOUS = (("-from", "rx"), ("-to", "tx"))


def script(sources: Sequence[str], top: str, part: str, constraints: str, bitstream: str) -> str:
    """Return the Tcl that turns Verilog into a bitstream; names are relative to its folder."""
    lines = [
        *(f"read_verilog {{{name}}}" for name in sources),
        f"read_xdc {{{constraints}}}",
        f"synth_design -top {top} -part {part}",
        "opt_design",
        "place_design",
        "phys_opt_design",
        "route_design",
        f"report_utilization -file {_USE}",
        f"report_timing_summary -max_paths 1 -file {_TIMING}",
        "write_checkpoint -force routed.dcp",
        "set_property BITSTREAM.GENERAL.COMPRESS TRUE [current_design]",
        f"write_bitstream -force {{{bitstream}}}",
    ]
    return "\n".join(lines) + "\n"


def fclk_constraints(clock_mhz: float) -> str:
    """Return the XDC of a design whose only clock is the processor's FCLK0."""
    lines = [
        f"create_clock -name fclk0 -period {1000 / clock_mhz:.3f} [get_pins ps7/FCLKCLK[0]]",
        "# the reset is synchronised in two registers",
        "set_false_path -through [get_pins ps7/FCLKRESETN[0]]",
    ]
    return "\n".join(lines) + "\n"


def pin_constraints(board: Board) -> str:
    """Return the XDC of a chip with the serial shell."""
    lines = [f"create_clock -name clk -period {1e9 / board.clock.hz:.3f} [get_ports clk]"]
    for pin in pins_of(board):
        place = f"PACKAGE_PIN {pin.site} IOSTANDARD {board.io_standard}"
        lines.append(f"set_property -dict {{{place}}} [get_ports {pin.port}]")
    lines += [f"set_false_path {way} [get_ports {port}]" for way, port in _ASYNCHRONOUS]
    return "\n".join(lines) + "\n"


def implement(folder: Path, bitstream: Path, clock_mhz: float) -> Routed:
    """Run the script in ``folder``; raise ``ToolError`` where Vivado is missing or fails."""
    tool = tools.require("vivado")
    arguments = ["-mode", "batch", "-nojournal", "-log", "vivado.log", "-source", SCRIPT]
    done = tools.run(tool, arguments, folder=folder)
    slack, critical = read_timing((folder / _TIMING).read_text(encoding="utf-8"))
    return Routed(
        f"Vivado {tool.version}",
        1000 / (1000 / clock_mhz - slack),
        critical,
        read_use((folder / _USE).read_text(encoding="utf-8")),
        bitstream,
        done.seconds,
    )


def read_timing(text: str) -> tuple[float, tuple[str, ...]]:
    """Return the worst setup slack in ns and the ends of its path out of a timing summary."""
    found = re.search(r"^\s*WNS\(ns\).*\n[\s-]*\n\s*(-?[\d.]+)", text, re.MULTILINE)
    if found is None:
        raise ToolError("Vivado's timing summary shows no worst slack; see timing.rpt")
    source = re.search(r"^\s*Source:\s+(\S+)", text, re.MULTILINE)
    target = re.search(r"^\s*Destination:\s+(\S+)", text, re.MULTILINE)
    ends = tuple(end[1].replace("/", ".") for end in (source, target) if end)
    return float(found[1]), ends


def read_use(text: str) -> Resources:
    """Return the counts out of a utilisation report."""

    def row(*names: str) -> float:
        for name in names:
            found = re.search(rf"^\|\s*{re.escape(name)}\*?\s*\|\s*([\d.]+)", text, re.MULTILINE)
            if found:
                return float(found[1])
        raise ToolError(f"Vivado's utilisation report has no row {names[0]}; see utilization.rpt")

    return Resources(
        lut=row("Slice LUTs", "CLB LUTs"),
        ff=row("Slice Registers", "CLB Registers"),
        bram36=row("Block RAM Tile"),
        dsp=row("DSPs"),
    )
