"""Place and route with open tools: what all families share."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hwgen import tools
from hwgen.backend.contents import bring
from hwgen.boards import Board, Resources
from hwgen.errors import ToolError


@dataclass(frozen=True)
class Routed:
    """What place and route gave.

    fmax_mhz : highest clock at which all paths hold
    critical : cells along the path that limits it
    resources : what the whole chip's design takes
    bitstream : file that a board loads
    seed : of the placement
    """

    tool: str
    fmax_mhz: float
    critical: tuple[str, ...]
    resources: Resources
    bitstream: Path
    seconds: float
    seed: int = 1


@dataclass(frozen=True)
class Pin:
    """A pin of the chip: the port's name and the site."""

    port: str
    site: str


@dataclass(frozen=True)
class Family:
    """How one family is implemented.

    synth : Yosys commands, from board, top module and netlist file
    constraints : file name, and its content from board and pins
    nextpnr : program, and its arguments from board, constraints file and output file
    routed : name of what nextpnr writes
    pack : program, and its arguments from board, routed file and bitstream
    suffix : of the bitstream
    cells : utilisation by nextpnr's names to resources
    """

    synth: Callable[[Board, str, str], list[str]]
    constraints: tuple[str, Callable[[Board, Sequence[Pin]], str]]
    nextpnr: tuple[str, Callable[[Board, str, str], list[str]]]
    routed: str
    pack: tuple[str, Callable[[Board, str, str], list[str]]]
    suffix: str
    cells: Callable[[Mapping[str, int]], Resources]


def implement(
    family: Family,
    board: Board,
    sources: Sequence[Path],
    top: str,
    *,
    folder: Path,
    clock_mhz: float,
    seeds: int = 1,
    notice: tools.Notice | None = None,
) -> Routed:
    """Make a bitstream of Verilog ``sources``; of several seeds the fastest counts.

    folder : working folder, exists; all files stay there
    seeds : tried one after another until the clock is met
    Raises ``ToolError`` where a tool is missing or fails. Missed timing is no error here.
    """
    files = " ".join(bring(sources, folder))
    name, constraints = family.constraints
    (folder / name).write_text(constraints(board, pins_of(board)), encoding="utf-8")
    script = "\n".join([f"read_verilog {files}", *family.synth(board, top, f"{top}.json"), ""])
    (folder / "synth.ys").write_text(script, encoding="utf-8")
    arguments = ["-q", "-l", "synth.log", "-s", "synth.ys"]
    spent = tools.run(tools.require("yosys"), arguments, folder=folder, notice=notice).seconds
    best: Routed | None = None
    for seed in range(1, seeds + 1):
        found = _route(family, board, top, folder, clock_mhz, seed, notice)
        spent += found.seconds
        if best is None or found.fmax_mhz > best.fmax_mhz:
            best = found
            _pack(family, board, folder, found.bitstream.name, notice)
        if best.fmax_mhz >= clock_mhz:
            break
    assert best is not None, "there is at least one seed"
    return Routed(
        best.tool,
        best.fmax_mhz,
        best.critical,
        best.resources,
        best.bitstream,
        round(spent, 1),
        best.seed,
    )


def pins_of(board: Board) -> tuple[Pin, ...]:
    """Return the pins of a chip with the serial shell."""
    assert board.uart is not None, "the board has a serial link"
    plain = Pin("clk", board.clock.pin), Pin("rx", board.uart.rx), Pin("tx", board.uart.tx)
    return (*plain, *(Pin(f"high_{number}", site) for number, site in enumerate(board.high)))


def _route(
    family: Family,
    board: Board,
    top: str,
    folder: Path,
    clock_mhz: float,
    seed: int,
    notice: tools.Notice | None,
) -> Routed:
    program, arguments = family.nextpnr
    tool = tools.require(program)
    common = ["--json", f"{top}.json", "--freq", f"{clock_mhz:g}", "--seed", str(seed)]
    common += ["--timing-allow-fail", "--report", "route.json", "--log", "route.log", "-q"]
    own = arguments(board, family.constraints[0], family.routed)
    done = tools.run(tool, [*common, *own], folder=folder, notice=notice)
    report = _report(folder / "route.json")
    fmax, critical = read_timing(report)
    used = {kind: int(row["used"]) for kind, row in report["utilization"].items()}
    return Routed(
        f"{program} {tool.version}",
        fmax,
        critical,
        family.cells(used),
        folder / f"{top.removesuffix('_top')}{family.suffix}",
        done.seconds,
        seed,
    )


def _pack(
    family: Family, board: Board, folder: Path, bitstream: str, notice: tools.Notice | None
) -> None:
    program, arguments = family.pack
    tools.run(
        tools.require(program),
        arguments(board, family.routed, bitstream),
        folder=folder,
        notice=notice,
    )


def _report(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise ToolError(f"nextpnr left no readable {path.name}: {error}") from None


def read_timing(report: Mapping[str, Any]) -> tuple[float, tuple[str, ...]]:
    """Return the slowest clock in MHz and the cells along its critical path."""
    clocks = report.get("fmax", {})
    if not clocks:
        raise ToolError("nextpnr reports no clock; the design has no registers")
    name = min(clocks, key=lambda clock: clocks[clock]["achieved"])
    cells: list[str] = []
    for path in report.get("critical_paths", []):
        if path["from"].endswith(name) and path["to"].endswith(name):
            for step in path["path"]:
                cells += [step["from"].get("cell", ""), step["to"].get("cell", "")]
    return float(clocks[name]["achieved"]), tuple(dict.fromkeys(cell for cell in cells if cell))


def instances_on(cells: Sequence[str]) -> tuple[str, ...]:
    """Return the instances of the core, or ``shell``, that cells of a flat netlist belong to."""
    found: list[str] = []
    for cell in cells:
        match = re.search(r"(?:^|\.)(?:core\.([A-Za-z0-9_]+)|(shell))\b", cell)
        if match:
            found.append(match[1] or match[2])
    return tuple(dict.fromkeys(found))
