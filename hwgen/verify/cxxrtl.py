"""CXXRTL: designs compiled to C++ by Yosys, where Verilator is missing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hwgen import tools
from hwgen.emit.design import Design
from hwgen.verify.compiled import CompiledModel, compile_objects, link, make_folder, shim
from hwgen.verify.engine import Shape

# CXXRTL's templates compile slowly and run ten times slower without optimisation.
_LEVELS = ((500_000, "-O3"), (5_000, "-O1"), (0, "-O0"))


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
        level = next(name for least, name in _LEVELS if cycles >= least)
        place = folder / f"cxxrtl-{design.digest}{level}"
        library = place / "model.so"
        if not library.exists():
            make_folder(place)
            (place / "model.il").write_text(design.rtlil)
            # One function per module: the compiler's time grows faster than a function's length.
            written = "write_cxxrtl -noflatten model.cc"
            script = f"read_rtlil model.il; hierarchy -top {design.name}; {written}"
            tools.run(yosys, ["-q", "-p", script], folder=place, notice=notice)
            (place / "shim.cpp").write_text(shim())
            flags = [
                *("-std=c++17", "-w", "-ftemplate-depth=4096", "-I."),
                f"-I{tools.cxxrtl_include(yosys)}",
                *("-DHWGEN_CXXRTL", f"-DHWGEN_TOP=p_{design.name.replace('_', '__')}"),
                *(["-DHWGEN_TAPS"] if design.taps else []),
            ]
            compile_objects(place, [("shim.cpp", "shim.o", [*flags, level])])
            link(place, ["shim.o"], library)
        return CompiledModel(library, Shape.of(design))
