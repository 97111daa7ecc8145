"""Yosys: synthesise out of context and count cells, of the whole and of each part."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hwgen import tools
from hwgen.backend.cells import deep_cells, resources_of
from hwgen.backend.contents import bring
from hwgen.boards import Family, Resources
from hwgen.errors import ToolError

# Out of context: no pads, no clock buffers, where a family's command would add them.
_COMMANDS: dict[Family, str] = {
    "xc7": "synth_xilinx -family xc7 -noiopad -noclkbuf -flatten",
    "xcup": "synth_xilinx -family xcup -noiopad -noclkbuf -flatten",
    "ecp5": "synth_ecp5",
    "ice40": "synth_ice40 -dsp -device u",
    "gowin": "synth_gowin -noiopads",
}
# Step of each command before memories become cells, and a command to run there: the contents of a
# block memory do not change what it takes, but mapping them costs Yosys a second per block.
_FORGET = "setparam -set INIT 1'x t:$mem_v2 a:ram_style=block a:rom_style=block %u %i"
# A family without memory in LUTs takes such memories as registers.
LUTLESS: dict[Family, str] = {
    "ice40": "setattr -unset ram_style -unset rom_style t:$mem_v2 "
    "a:ram_style=distributed a:rom_style=distributed %u %i",
}
_DROP_CONTENTS: dict[Family, tuple[str, str]] = {
    "xc7": ("map_memory", _FORGET),
    "xcup": ("map_memory", _FORGET),
    "ecp5": ("map_ram", _FORGET),
    "ice40": ("map_ram", _FORGET),
    "gowin": ("map_ram", _FORGET),
}


# Library of cells with their delays, for families where Yosys can add them up along paths. The
# 7-series delays are those of its slowest grade.
_DELAYS: dict[Family, str] = {"xc7": "+/xilinx/cells_sim.v"}


@dataclass(frozen=True)
class Synthesis:
    """Counts after technology mapping.

    cells : number of cells by type, whole design flattened
    resources : what they take from the device
    parts : what each instance in the top takes, by instance name, kept as a module of its own;
        their sum differs a little from ``resources``, as nothing is shared across their borders.
        The top's own glue is the entry ``""``
    tool : name and version of the program that counted
    seconds : its wall time
    logic_ns : longest path from register to register through cells alone, wires not counted;
        None for families whose cells' delays Yosys does not know
    """

    family: Family
    cells: Mapping[str, int]
    resources: Resources
    parts: Mapping[str, Resources]
    tool: str
    seconds: float
    logic_ns: float | None = None

    @property
    def carries(self) -> int:
        """Carry cells, which are free beside their LUTs."""
        return sum(self.cells.get(kind, 0) for kind in ("CARRY4", "CARRY8", "CCU2C", "SB_CARRY"))


def synthesise(
    files: Sequence[Path],
    top: str,
    family: Family,
    *,
    folder: Path,
    parts: bool = True,
    notice: tools.Notice | None = None,
) -> Synthesis:
    """Synthesise Verilog ``files`` with module ``top`` for a family and count its cells.

    folder : working folder, made if missing; the sources, script, log and counts stay there
    parts : also count each instance in the top, which takes a second run
    Raises ``ToolError`` where Yosys is missing or fails.
    """
    tool = tools.require("yosys")
    folder.mkdir(parents=True, exist_ok=True)
    names = bring(files, folder)
    (folder / "synth.ys").write_text(_script(names, top, family), encoding="utf-8")
    arguments = ["-q", "-l", "synth.log", "-s", "synth.ys"]
    done = tools.run(tool, arguments, folder=folder, notice=notice)
    cells = _cells(_read(folder / "flat.json"), top)
    seconds = done.seconds
    logic_ns = slowest_ns(folder / "delays.txt") if family in _DELAYS else None
    found: dict[str, Resources] = {}
    if parts:
        instances = _instances(_read(folder / "top.json"), top)
        script = _parts_script(names, top, family, sorted(set(instances.values())))
        (folder / "parts.ys").write_text(script, encoding="utf-8")
        arguments = ["-q", "-l", "parts.log", "-s", "parts.ys"]
        seconds += tools.run(tool, arguments, folder=folder, notice=notice).seconds
        found = _parts(_read(folder / "parts.json"), top, instances, family)
    return Synthesis(
        family,
        cells,
        resources_of(cells, family),
        found,
        f"Yosys {tool.version}",
        seconds,
        logic_ns,
    )


def _front(names: Sequence[str], top: str) -> list[str]:
    return [f"read_verilog {' '.join(names)}", f"hierarchy -check -top {top}"]


def mapping(family: Family, top: str) -> list[str]:
    """Return the commands that map what was read to the family's cells, contents forgotten."""
    command = f"{_COMMANDS[family]} -top {top}"
    step, forget = _DROP_CONTENTS[family]
    there = [LUTLESS[family]] if family in LUTLESS else []
    return [f"{command} -run begin:{step}", forget, *there, f"{command} -run {step}:"]


def _script(names: Sequence[str], top: str, family: Family) -> str:
    lines = [
        *_front(names, top),
        f"select {top}",
        "write_json -selected top.json",
        "select -clear",
        *mapping(family, top),
        "tee -q -o flat.json stat -json",
        "write_verilog -noattr netlist.v",
    ]
    if family in _DELAYS:
        lines += [
            "design -reset",
            f"read_verilog -specify -lib {_DELAYS[family]}",
            "read_verilog netlist.v",
            f"hierarchy -top {top}",
            "tee -q -o delays.txt sta",
        ]
    return "\n".join(lines) + "\n"


def _parts_script(names: Sequence[str], top: str, family: Family, modules: Sequence[str]) -> str:
    lines = _front(names, top)
    if modules:
        lines.append(f"setattr -mod -set keep_hierarchy 1 {' '.join(modules)}")
    lines += [*mapping(family, top), "tee -q -o parts.json stat -json"]
    return "\n".join(lines) + "\n"


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise ToolError(f"Yosys left no readable {path.name}: {error}") from None


def slowest_ns(path: Path) -> float:
    """Return the longest path in ns that ``sta`` found; its numbers are picoseconds."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    found = re.search(r"Latest arrival time in '.*' is (\d+)", text)
    if found is None:
        raise ToolError(f"Yosys left no readable {path.name}: it names no longest path")
    return int(found[1]) / 1000


def _cells(counts: Mapping[str, Any], module: str) -> dict[str, int]:
    return dict(counts["modules"][f"\\{module}"].get("num_cells_by_type", {}))


def _instances(netlist: Mapping[str, Any], top: str) -> dict[str, str]:
    """Return the module of each instance in the top, by instance name."""
    cells = netlist["modules"][top]["cells"]
    return {name: cell["type"] for name, cell in cells.items() if not cell["type"].startswith("$")}


def _parts(
    counts: Mapping[str, Any], top: str, instances: Mapping[str, str], family: Family
) -> dict[str, Resources]:
    modules = {name.removeprefix("\\"): value for name, value in counts["modules"].items()}
    names = set(instances.values())
    found: dict[str, Resources] = {}
    for instance, module in sorted(instances.items()):
        found[instance] = resources_of(deep_cells(modules, module), family)
    glue = {k: n for k, n in modules[top].get("num_cells_by_type", {}).items() if k not in names}
    found[""] = resources_of(glue, family)
    return found
