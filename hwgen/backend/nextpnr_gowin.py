"""Gowin: Yosys, nextpnr-himbaechel-gowin, gowin_pack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hwgen.backend.implement import Family, Pin
from hwgen.boards import Board, Resources


def constraints(board: Board, pins: Sequence[Pin]) -> str:
    """Return the ``.cst``."""
    lines: list[str] = []
    for pin in pins:
        lines.append(f'IO_LOC "{pin.port}" {pin.site};')
        lines.append(f'IO_PORT "{pin.port}" IO_TYPE={board.io_standard};')
    return "\n".join(lines) + "\n"


def arguments(board: Board, constraints: str, output: str) -> list[str]:
    """Return nextpnr's own arguments."""
    device = board.device
    options = ["--vopt", f"family={device.die}", "--vopt", f"cst={constraints}"]
    return ["--device", device.part, *options, "--write", output]


def cells(used: Mapping[str, int]) -> Resources:
    """Return what is used; an adder bit takes the place of a LUT."""

    def total(*kinds: str) -> int:
        return sum(used.get(kind, 0) for kind in kinds)

    return Resources(
        lut=total("LUT1", "LUT2", "LUT3", "LUT4", "ALU"),
        ff=total("DFF"),
        bram36=total("BSRAM", "BSRAM_DP", "BSRAM_SDP", "BSRAM_SP", "BSRAM_ROM") / 2,
        dsp=total("MULT18X18", "DSP"),
    )


FAMILY = Family(
    lambda _, top, netlist: [f"synth_gowin -top {top} -json {netlist}"],
    ("pins.cst", constraints),
    ("nextpnr-himbaechel-gowin", arguments),
    "routed.json",
    (
        "gowin_pack",
        lambda board, routed, bitstream: ["-d", board.device.die, "-o", bitstream, routed],
    ),
    ".fs",
    cells,
)
