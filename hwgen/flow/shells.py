"""What stands around a core for its board: Verilog, constraints, scripts and the driver."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from hwgen import host
from hwgen.backend import vivado
from hwgen.emit import Design
from hwgen.emit.system import System, frames, zynq_system
from hwgen.flow.decide import Decision
from hwgen.flow.progress import Progress
from hwgen.host.meta import zynq_meta
from hwgen.verify import write_verilog

PROJECT, DRIVER = "project", "driver"
DRIVER_FILE = "hwgen_driver.py"


@dataclass(frozen=True)
class Shell:
    """A written shell.

    system : what was written, None for a bare core
    sources : Verilog files of the whole chip, top last
    """

    system: System | None
    sources: tuple[Path, ...]


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
    if decision.shell == "zynq":
        return _zynq(decision, design, core, folder, progress)
    return Shell(None, core)


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
    meta = zynq_meta(decision.network.name, design.digest, clock_mhz, ends, formats)
    write_driver(meta, folder / DRIVER, progress)
    return Shell(system, sources)


def write_driver(meta: dict[str, object], folder: Path, progress: Progress) -> None:
    """Write what a host needs of a build; tell what it cannot do."""
    folder.mkdir()
    (folder / "meta.json").write_text(json.dumps(meta, indent=1) + "\n", encoding="utf-8")
    shutil.copyfile(Path(host.__file__).with_name(DRIVER_FILE), folder / DRIVER_FILE)
    for end in ("input", "output"):
        part = meta[end]
        assert isinstance(part, dict), "the ends of meta.json are objects"
        if part["note"]:
            progress.note(str(part["note"]))
