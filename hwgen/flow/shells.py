"""What stands around a core for its board: Verilog, constraints, scripts and the driver."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hwgen import host
from hwgen.arith.pll import plan_pll
from hwgen.backend import ipxact, vivado
from hwgen.boards import Board
from hwgen.dataflow import writable_units
from hwgen.emit import Design
from hwgen.emit.system import System, axis_system, frames, serial_system, zynq_system
from hwgen.errors import BoardError, InputError
from hwgen.flow.decide import Decision
from hwgen.flow.progress import Progress
from hwgen.flow.weights import weights_meta
from hwgen.host.meta import uart_meta, zynq_meta
from hwgen.verify import write_verilog

PROJECT, DRIVER = "project", "driver"
DRIVER_FILE = "hwgen_driver.py"


@dataclass(frozen=True)
class Shell:
    """A written shell.

    system : what was written, None for a bare core
    sources : Verilog files of the whole chip, top last
    clock_mhz : what the core runs at, which a clock multiplier may meet only nearly
    """

    system: System | None
    sources: tuple[Path, ...]
    clock_mhz: float


def check_shell(decision: Decision) -> None:
    """Raise where the board cannot make the clock or the rate of its line, or write weights."""
    writable = writable_units(decision.dataflow)
    if writable and decision.shell in ("uart", "axi-stream"):
        raise InputError(
            f"folding: {writable[0].node}: memory='writable' needs a processor that writes the "
            f"weights, the shell {decision.shell} has none; use --shell stream on this board"
        )
    if decision.shell == "uart":
        line_rate(decision.board, chip_clock(decision.board, decision.clock_mhz)[0])


def write_shell(
    decision: Decision,
    design: Design,
    core: tuple[Path, ...],
    folder: Path,
    progress: Progress,
) -> Shell:
    """Write the shell of the decision's board into ``folder``.

    core : the core's Verilog files in ``folder``
    """
    match decision.shell:
        case "zynq":
            return _zynq(decision, design, core, folder, progress)
        case "uart":
            return _uart(decision, design, core, folder, progress)
        case "axi-stream":
            return _axis(decision, design, core, folder, progress)
        case "stream":
            return Shell(None, core, decision.clock_mhz)


def _zynq(
    decision: Decision,
    design: Design,
    core: tuple[Path, ...],
    folder: Path,
    progress: Progress,
) -> Shell:
    system = zynq_system(design)
    project = folder / PROJECT
    project.mkdir()
    own = write_verilog(system, project, notice=progress.note)
    sources = (*core, *own)
    name = system.name.removesuffix("_top")
    constraints = f"{name}.xdc"
    clock_mhz, part = decision.clock_mhz, decision.board.device.part
    (project / constraints).write_text(vivado.fclk_constraints(clock_mhz), encoding="utf-8")
    inside = [f"../{path.parent.name}/{path.name}" for path in core] + [path.name for path in own]
    text = vivado.script(inside, system.name, part, constraints, f"../{DRIVER}/{name}.bit")
    (project / vivado.SCRIPT).write_text(text, encoding="utf-8")
    ends = decision.network.input, decision.network.output
    formats = frames(design.dataflow, 8)
    weights = weights_meta(design.dataflow)
    meta = zynq_meta(decision.network.name, design.digest, clock_mhz, ends, formats, weights)
    write_driver(meta, folder / DRIVER, progress)
    return Shell(system, sources, clock_mhz)


def _uart(
    decision: Decision,
    design: Design,
    core: tuple[Path, ...],
    folder: Path,
    progress: Progress,
) -> Shell:
    board = decision.board
    clock_mhz, pll = chip_clock(board, decision.clock_mhz)
    divisor, baud = line_rate(board, clock_mhz)
    system = serial_system(design, board.family, divisor=divisor, pll=pll, high=len(board.high))
    project = folder / PROJECT
    project.mkdir()
    sources = (*core, *write_verilog(system, project, notice=progress.note))
    if board.toolchain == "vivado":
        name = system.name.removesuffix("_top")
        inside = [f"../{p.parent.name}/{p.name}" for p in core]
        inside += [path.name for path in sources[len(core) :]]
        text = vivado.pin_constraints(board)
        (project / f"{name}.xdc").write_text(text, encoding="utf-8")
        part = board.device.part
        text = vivado.script(inside, system.name, part, f"{name}.xdc", f"../{DRIVER}/{name}.bit")
        (project / vivado.SCRIPT).write_text(text, encoding="utf-8")
    ends = decision.network.input, decision.network.output
    formats = frames(design.dataflow, 1)
    meta = uart_meta(decision.network.name, design.digest, clock_mhz, baud, ends, formats)
    write_meta(meta, folder / DRIVER, progress)
    return Shell(system, sources, clock_mhz)


def _axis(
    decision: Decision,
    design: Design,
    core: tuple[Path, ...],
    folder: Path,
    progress: Progress,
) -> Shell:
    system = axis_system(design)
    project = folder / PROJECT
    project.mkdir()
    sources = (*core, *write_verilog(system, project, notice=progress.note))
    flow = design.dataflow
    ends = (flow.streams[flow.input].bits, flow.streams[flow.output].bits)
    files = [f"../{path.parent.name}/{path.name}" for path in core]
    files += [path.name for path in sources[len(core) :]]
    text = ipxact.component(system.name, ends, files)
    (project / "component.xml").write_text(text, encoding="utf-8")
    return Shell(system, sources, decision.clock_mhz)


def chip_clock(board: Board, wanted_mhz: float) -> tuple[float, Mapping[str, int | str] | None]:
    """Return the core's clock and the settings of the multiplier that makes it.

    Raises ``BoardError`` where the board cannot make one near to what is wanted.
    """
    source_mhz = board.clock.hz / 1e6
    if abs(wanted_mhz - source_mhz) < 1e-6:
        return source_mhz, None
    pll = plan_pll(board.family, source_mhz, wanted_mhz)
    if pll is None:
        raise BoardError(
            f"{board.name} cannot make {wanted_mhz:g} MHz from its {source_mhz:g} MHz; "
            f"try --clock-mhz {source_mhz:g}"
        )
    return pll.mhz, pll.parameters


def line_rate(board: Board, clock_mhz: float) -> tuple[int, int]:
    """Return the clock cycles of a bit on the serial line, and the rate that gives.

    Raises ``BoardError`` where that is further than 2 % from the board's.
    """
    assert board.uart is not None, "the shell was checked"
    divisor = max(4, round(clock_mhz * 1e6 / board.uart.baud))
    rate = clock_mhz * 1e6 / divisor
    if abs(rate / board.uart.baud - 1) > 0.02:
        raise BoardError(
            f"{board.name}: a clock of {clock_mhz:g} MHz cannot make {board.uart.baud} baud, the "
            f"nearest is {rate:.0f}; choose a clock that is a multiple, or write another baud into "
            f"a board file"
        )
    return divisor, round(rate)


def write_driver(meta: dict[str, object], folder: Path, progress: Progress) -> None:
    """Write what a board's own processor needs of a build."""
    write_meta(meta, folder, progress)
    shutil.copyfile(Path(host.__file__).with_name(DRIVER_FILE), folder / DRIVER_FILE)


def write_meta(meta: dict[str, object], folder: Path, progress: Progress) -> None:
    """Write what a host needs of a build; tell what it cannot do."""
    folder.mkdir()
    (folder / "meta.json").write_text(json.dumps(meta, indent=1) + "\n", encoding="utf-8")
    for end in ("input", "output"):
        part = meta[end]
        assert isinstance(part, dict), "the ends of meta.json are objects"
        if part["note"]:
            progress.note(str(part["note"]))
