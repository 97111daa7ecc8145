"""RTLIL to Verilog, by one call of Yosys."""

from __future__ import annotations

from pathlib import Path

from hwgen import tools
from hwgen.emit.sources import Sources


def write_verilog(
    design: Sources, folder: Path, *, notice: tools.Notice | None = None
) -> tuple[Path, ...]:
    """Write one file per component module and one for the top, and return their paths, top last.

    folder : exists; gets ``<module>.v``
    notice : told if Yosys has to compile itself first
    """
    script = [f"read_rtlil {design.name}.il"]
    paths: list[Path] = []
    for module in design.modules:
        # The second pattern catches the submodules that a component is made of.
        script.append(f"select {module.name} {module.name}.*")
        script.append(f"write_verilog -selected {module.name}.v")
        paths.append(folder / f"{module.name}.v")
    source = folder / f"{design.name}.il"
    source.write_text(design.rtlil)
    try:
        tools.run(
            tools.require("yosys-emit"),
            ["-q", "-p", "; ".join(script)],
            folder=folder,
            notice=notice,
        )
    finally:
        source.unlink()
    return tuple(paths)
