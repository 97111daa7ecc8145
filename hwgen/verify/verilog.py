"""RTLIL to Verilog, by one call of Yosys."""

from __future__ import annotations

from pathlib import Path

from hwgen import tools
from hwgen.emit.sources import Sources

# Of a memory's contents in one ``initial`` block. Yosys' time to read a block grows with the square
# of its length: 50,176 words in one take ten times as long as in blocks of this size.
INITIAL_LINES = 256
_BEGIN, _END = "  initial begin\n", "  end\n"


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
    for path in paths:
        path.write_text(shorten_initials(path.read_text(encoding="utf-8")), encoding="utf-8")
    return tuple(paths)


def shorten_initials(text: str) -> str:
    """Return Verilog whose ``initial`` blocks hold at most ``INITIAL_LINES`` assignments each."""
    lines: list[str] = []
    held = -1  # assignments of the block so far; below 0 outside
    for line in text.splitlines(keepends=True):
        if line == _BEGIN:
            held = 0
        elif line == _END:
            held = -1
        elif held == INITIAL_LINES:
            lines += [_END, _BEGIN]
            held = 1
        elif held >= 0:
            held += 1
        lines.append(line)
    return "".join(lines)
