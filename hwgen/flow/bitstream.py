"""``--bitstream``: place and route by the board's toolchain, and what that says of the timing."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from hwgen import tools
from hwgen.backend import nextpnr_ecp5, nextpnr_gowin, nextpnr_ice40, vivado
from hwgen.backend.implement import Family, Routed, implement, instances_on
from hwgen.boards import Toolchain
from hwgen.dataflow import Dataflow
from hwgen.emit.names import Names
from hwgen.errors import BoardError
from hwgen.flow.decide import Decision
from hwgen.flow.progress import Progress
from hwgen.flow.shells import DRIVER, PROJECT, Shell
from hwgen.report import schema as s

_FAMILIES: Mapping[Toolchain, Family] = {
    "nextpnr-ice40": nextpnr_ice40.FAMILY,
    "nextpnr-ecp5": nextpnr_ecp5.FAMILY,
    "nextpnr-gowin": nextpnr_gowin.FAMILY,
}


def check_bitstream(decision: Decision) -> None:
    """Raise where no bitstream can come of a decision: before anything is built."""
    if decision.shell not in ("zynq", "uart"):
        raise BoardError(
            f"--bitstream needs a whole chip, the shell {decision.shell} is part of a user's own; "
            f"leave --bitstream out or choose another --shell"
        )
    toolchain = decision.board.toolchain
    if toolchain == "vivado":
        tools.require("vivado")
    elif toolchain in _FAMILIES:
        family = _FAMILIES[toolchain]
        for name in ("yosys", family.nextpnr[0], family.pack[0]):
            tools.require(name)
    else:
        raise BoardError(f"{decision.board.name} is for counts only and has no bitstream")


def make_bitstream(
    decision: Decision, shell: Shell, folder: Path, seeds: int, progress: Progress
) -> s.Routed:
    """Place and route; put the bitstream beside the driver."""
    assert shell.system is not None, "the shell makes a whole chip"
    name = shell.system.name
    if decision.board.toolchain == "vivado":
        target = folder / DRIVER / f"{name.removesuffix('_top')}.bit"
        found = vivado.implement(folder / PROJECT, target, shell.clock_mhz)
    else:
        work = folder / PROJECT / "route"
        work.mkdir()
        found = implement(
            _FAMILIES[decision.board.toolchain],
            decision.board,
            shell.sources,
            name,
            folder=work,
            clock_mhz=shell.clock_mhz,
            seeds=seeds,
            notice=progress.note,
        )
        shutil.copyfile(found.bitstream, folder / DRIVER / found.bitstream.name)
    return _section(decision, shell, found)


def _section(decision: Decision, shell: Shell, found: Routed) -> s.Routed:
    layers = _layers(decision.dataflow)
    names = instances_on(found.critical)
    return s.Routed(
        tool=found.tool,
        clock_mhz=shell.clock_mhz,
        fmax_mhz=round(found.fmax_mhz, 2),
        critical=tuple(dict.fromkeys(layers.get(name, name) for name in names)),
        resources=s.Counts.model_validate(found.resources.as_dict()),
        seed=found.seed,
        bitstream=f"{DRIVER}/{found.bitstream.name}",
        seconds=found.seconds,
    )


def _layers(flow: Dataflow) -> dict[str, str]:
    """Return the layer of each instance in the core, which are named as ``Names`` does."""
    names = Names()
    return {names.take(unit.name): unit.node for unit in flow.units}


def timing_fault(routed: s.Routed | None) -> tuple[str, ...]:
    """Return a sentence where the clock is missed."""
    if routed is None or routed.fmax_mhz >= routed.clock_mhz:
        return ()
    where = f" (slowest path: {', '.join(routed.critical)})" if routed.critical else ""
    return (
        f"place and route reaches {routed.fmax_mhz:g} MHz, the clock is {routed.clock_mhz:g} MHz"
        f"{where}; lower --clock-mhz, fold more, or try more --seeds",
    )
