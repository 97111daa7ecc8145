"""What the cells of a netlist take from a device, by family."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from hwgen.boards import Family, Resources

# Cell name pattern -> its count of (LUT, FF, BRAM36, DSP), family by family; first match wins.
# Multiplexers and carry chains beside the LUTs (MUXF7, CARRY4, PFUMX, SB_CARRY) take none.
_Row = tuple[str, float, float, float, float]

_XILINX: tuple[_Row, ...] = (
    (r"LUT[1-6]|INV|CFGLUT5", 1, 0, 0, 0),
    (r"LUT6_2", 1, 0, 0, 0),
    (r"SRL16E|SRLC16E|SRLC32E|RAM32X1S|RAM64X1S", 1, 0, 0, 0),
    (r"RAM32X1D|RAM64X1D|RAM128X1S", 2, 0, 0, 0),
    (r"RAM32M|RAM64M|RAM128X1D|RAM256X1S", 4, 0, 0, 0),
    (r"RAM32M16|RAM64M8|RAM256X1D|RAM512X1S", 8, 0, 0, 0),
    (r"FD[RSCP]E|LD[CP]E", 0, 1, 0, 0),
    (r"RAMB18E[12]|FIFO18E[12]", 0, 0, 0.5, 0),
    (r"RAMB36E[12]|FIFO36E[12]", 0, 0, 1, 0),
    (r"URAM288.*", 0, 0, 8, 0),
    (r"DSP48E[12]", 0, 0, 0, 1),
)
_ECP5: tuple[_Row, ...] = (
    (r"LUT4", 1, 0, 0, 0),
    (r"CCU2C", 2, 0, 0, 0),
    # Four LUTs hold the bits; the write port blocks two more of its slice.
    (r"TRELLIS_DPR16X4", 6, 0, 0, 0),
    (r"TRELLIS_FF", 0, 1, 0, 0),
    (r"DP16KD|PDPW16KD", 0, 0, 0.5, 0),
    (r"MULT18X18D|ALU54B", 0, 0, 0, 1),
)
_ICE40: tuple[_Row, ...] = (
    (r"SB_LUT4", 1, 0, 0, 0),
    (r"SB_DFF\w*", 0, 1, 0, 0),
    (r"SB_RAM40_4K\w*", 0, 0, 1 / 9, 0),
    (r"SB_MAC16", 0, 0, 0, 1),
)
_GOWIN: tuple[_Row, ...] = (
    (r"LUT[1-4]|ALU|INV", 1, 0, 0, 0),
    (r"RAM16S1|RAM16SDP1", 2, 0, 0, 0),
    (r"RAM16S2|RAM16SDP2", 4, 0, 0, 0),
    (r"RAM16S4|RAM16SDP4", 6, 0, 0, 0),
    (r"DFF\w*|DL\w*", 0, 1, 0, 0),
    (r"(SP|SPX9|SDPB|SDPX9B|DPB|DPX9B|pROM|pROMX9)", 0, 0, 0.5, 0),
    (r"MULT18X18|MULTALU18X18|MULTADDALU18X18|MULT36X36", 0, 0, 0, 1),
    (r"MULT9X9", 0, 0, 0, 0.5),
)
_FAMILIES: dict[Family, tuple[_Row, ...]] = {
    "xc7": _XILINX,
    "xcup": _XILINX,
    "ecp5": _ECP5,
    "ice40": _ICE40,
    "gowin": _GOWIN,
}


def resources_of(cells: Mapping[str, int], family: Family) -> Resources:
    """Return what cells take, from their counts by type; LUT memories count as LUTs."""
    total = Resources()
    for name, count in cells.items():
        for pattern, *each in _FAMILIES[family]:
            if re.fullmatch(pattern, name):
                total = total + Resources(*each) * count
                break
    return total


def deep_cells(modules: Mapping[str, Any], name: str) -> Counter[str]:
    """Return the cells of a module with those of the modules inside it.

    modules : the part ``modules`` of Yosys's ``stat -json``, names without their backslash
    """
    total: Counter[str] = Counter()
    for kind, count in modules[name].get("num_cells_by_type", {}).items():
        inner = deep_cells(modules, kind) if kind in modules else {kind: 1}
        for cell, number in inner.items():
            total[cell] += number * count
    return total
