"""ECP5: Yosys, nextpnr-ecp5, ecppack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hwgen.backend.implement import Family, Pin
from hwgen.boards import Board, Resources

_SIZES = {"12F": "12k", "25F": "25k", "45F": "45k", "85F": "85k"}


def constraints(board: Board, pins: Sequence[Pin]) -> str:
    """Return the ``.lpf``."""
    lines: list[str] = [f'FREQUENCY PORT "clk" {board.clock.hz / 1e6:g} MHZ;']
    for pin in pins:
        lines.append(f'LOCATE COMP "{pin.port}" SITE "{pin.site}";')
        lines.append(f'IOBUF PORT "{pin.port}" IO_TYPE={board.io_standard};')
    return "\n".join(lines) + "\n"


def arguments(board: Board, constraints: str, output: str) -> list[str]:
    """Return nextpnr's own arguments; parts are named ``LFE5U-85F``."""
    device = board.device
    kind, _, size = device.part.partition("-")
    prefix = {"LFE5UM": "um-", "LFE5UM5G": "um5g-"}.get(kind, "")
    chip = [f"--{prefix}{_SIZES[size]}", "--package", device.package, "--speed", device.speed]
    return [*chip, "--lpf", constraints, "--textcfg", output]


def cells(used: Mapping[str, int]) -> Resources:
    """Return what is used."""
    return Resources(
        lut=used.get("TRELLIS_COMB", 0),
        ff=used.get("TRELLIS_FF", 0),
        bram36=used.get("DP16KD", 0) / 2,
        dsp=used.get("MULT18X18D", 0),
    )


FAMILY = Family(
    lambda _, top, netlist: [f"synth_ecp5 -top {top} -json {netlist}"],
    ("pins.lpf", constraints),
    ("nextpnr-ecp5", arguments),
    "routed.config",
    ("ecppack", lambda _, routed, bitstream: ["--compress", routed, bitstream]),
    ".bit",
    cells,
)
