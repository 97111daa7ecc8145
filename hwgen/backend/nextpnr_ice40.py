"""iCE40: Yosys, nextpnr-ice40, icepack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hwgen.backend.implement import Family, Pin
from hwgen.backend.yosys import LUTLESS
from hwgen.boards import Board, Resources


def synth(board: Board, top: str, netlist: str) -> list[str]:
    """Return the Yosys commands; the UltraPlus parts have multipliers."""
    ultra = board.device.part.startswith("up")
    command = f"synth_ice40 {'-dsp -device u ' if ultra else ''}-top {top}"
    return [
        f"{command} -run begin:map_ram",
        LUTLESS["ice40"],
        f"{command} -json {netlist} -run map_ram:",
    ]


def constraints(board: Board, pins: Sequence[Pin]) -> str:
    """Return the ``.pcf``."""
    del board
    return "".join(f"set_io {pin.port} {pin.site}\n" for pin in pins)


def arguments(board: Board, constraints: str, output: str) -> list[str]:
    """Return nextpnr's own arguments."""
    device = board.device
    return [f"--{device.part}", "--package", device.package, "--pcf", constraints, "--asc", output]


def cells(used: Mapping[str, int]) -> Resources:
    """Return what is used; a logic cell is a LUT with its flip-flop, so it counts as both."""
    logic = used.get("ICESTORM_LC", 0)
    ram, dsp = used.get("ICESTORM_RAM", 0), used.get("ICESTORM_DSP", 0)
    return Resources(lut=logic, ff=logic, bram36=round(ram / 9, 2), dsp=dsp)


FAMILY = Family(
    synth,
    ("pins.pcf", constraints),
    ("nextpnr-ice40", arguments),
    "routed.asc",
    ("icepack", lambda _, routed, bitstream: [routed, bitstream]),
    ".bin",
    cells,
)
