"""CXXRTL: designs compiled to C++ by Yosys, where Verilator is missing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hwgen import tools
from hwgen.emit.design import Design
from hwgen.verify.compiled import CompiledModel, compile_objects, link, make_folder, shim
from hwgen.verify.engine import Shape


@dataclass(frozen=True)
class Cxxrtl:
    """Runs a design as a shared library made by Yosys and a C++ compiler."""

    name: str = "cxxrtl"

    def build(
        self,
        design: Design,
        folder: Path,
        *,
        cycles: int = 0,
        trace: bool = False,
        notice: tools.Notice | None = None,
    ) -> CompiledModel:
        """Return a model of ``design``, see ``Engine.build``; every model can write VCD files."""
        yosys = tools.require("yosys-emit")
        tools.require("c++")
        place = folder / f"cxxrtl-{design.digest}"
        library = place / "model.so"
        if not library.exists():
            make_folder(place)
            (place / "model.il").write_text(design.rtlil)
            script = f"read_rtlil model.il; hierarchy -top {design.name}; write_cxxrtl model.cc"
            tools.run(yosys, ["-q", "-p", script], folder=place, notice=notice)
            (place / "shim.cpp").write_text(shim())
            flags = [
                *("-std=c++17", "-w", "-ftemplate-depth=4096", "-I."),
                f"-I{tools.cxxrtl_include(yosys)}",
                *("-DHWGEN_CXXRTL", f"-DHWGEN_TOP=p_{design.name.replace('_', '__')}"),
                *(["-DHWGEN_TAPS"] if design.taps else []),
            ]
            # CXXRTL's templates are ten times slower without full optimisation.
            compile_objects(place, [("shim.cpp", "shim.o", [*flags, "-O3"])])
            link(place, ["shim.o"], library)
        return CompiledModel(library, Shape.of(design))
