"""Which simulator a machine offers, and how much it can run."""

from __future__ import annotations

from collections.abc import Mapping

from hwgen import tools
from hwgen.errors import InputError, suggest
from hwgen.verify.amaranth_sim import Amaranth
from hwgen.verify.cxxrtl import Cxxrtl
from hwgen.verify.engine import Engine
from hwgen.verify.verilator import Verilator

# Amaranth's simulator runs some thousand cycles per second, fewer on wide designs.
INTERPRETED_CYCLES = 10_000


def engines() -> Mapping[str, Engine]:
    """Return the known engines by name, fastest first."""
    return {one.name: one for one in (Verilator(), Cxxrtl(), Amaranth())}


def choose(name: str = "auto") -> tuple[Engine, str]:
    """Return an engine and, where ``auto`` could not take the fastest, the reason.

    Raises ``InputError`` for an unknown name, ``ToolError`` where a named engine's tools miss.
    """
    known = engines()
    if name != "auto":
        if name not in known:
            raise InputError(f"no simulation engine {name!r}{suggest(name, [*known, 'auto'])}")
        if name != "amaranth":
            tools.require("verilator" if name == "verilator" else "yosys-emit")
            tools.require("c++")
        return known[name], ""
    if tools.find("c++") is None:
        return known["amaranth"], (
            f"no C++ compiler was found, so fewer frames run on Amaranth's simulator; "
            f"{tools.PROGRAMS['c++'].install}"
        )
    if tools.find("verilator") is None:
        return known["cxxrtl"], (
            f"Verilator was not found, so CXXRTL simulates; {tools.PROGRAMS['verilator'].install}"
        )
    return known["verilator"], ""


def affordable_frames(engine: Engine, ii_cycles: float, wanted: int) -> int:
    """Return how many of ``wanted`` frames an engine simulates in a few seconds, at least 1."""
    if engine.name != "amaranth":
        return wanted
    return max(1, min(wanted, int(INTERPRETED_CYCLES / ii_cycles)))
