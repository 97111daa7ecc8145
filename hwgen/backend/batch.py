"""Count many small modules in one run of Yosys, whose start costs more than they do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from hwgen import tools
from hwgen.backend.cells import deep_cells, resources_of
from hwgen.backend.yosys import mapping
from hwgen.boards import Family, Resources

_TOP = "all_modules"


def count_modules(
    rtlil: Mapping[str, str], family: Family, *, folder: Path
) -> dict[str, Resources]:
    """Return what each RTLIL module takes by itself, by name.

    rtlil : text by module name; submodules are named ``NAME.submodule``
    folder : working folder; sources, script and counts stay there
    Raises ``ToolError`` where Yosys is missing or fails.
    """
    tool = tools.require("yosys")
    folder.mkdir(parents=True, exist_ok=True)
    lines: list[str] = []
    for name, text in rtlil.items():
        (folder / f"{name}.il").write_text(text, encoding="utf-8")
        lines.append(f"read_rtlil {name}.il")
    kept = "\n".join(f"(* keep *) {name} part_{name}();" for name in rtlil)
    (folder / "top.v").write_text(f"module {_TOP}();\n{kept}\nendmodule\n", encoding="utf-8")
    lines += [
        "read_verilog top.v",
        f"hierarchy -top {_TOP}",
        f"setattr -mod -set keep_hierarchy 1 {' '.join(rtlil)}",
        *mapping(family, _TOP),
        "tee -q -o counts.json stat -json",
    ]
    (folder / "batch.ys").write_text("\n".join(lines) + "\n", encoding="utf-8")
    tools.run(tool, ["-q", "-l", "batch.log", "-s", "batch.ys"], folder=folder)
    counts = json.loads((folder / "counts.json").read_text(encoding="utf-8"))
    modules = {name.removeprefix("\\"): value for name, value in counts["modules"].items()}
    return {name: resources_of(deep_cells(modules, name), family) for name in rtlil}
