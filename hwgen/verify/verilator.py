"""Verilator: designs compiled to C++, the fastest simulation."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hwgen import tools
from hwgen.emit.design import Design
from hwgen.emit.sources import Sources
from hwgen.verify.compiled import (
    CompiledModel,
    compile_objects,
    link,
    make_folder,
    shim,
)
from hwgen.verify.engine import Shape
from hwgen.verify.verilog import write_verilog

# Quick code pays for its slower compilation from so many cycles on.
_LEVELS = ((2_000_000, "-O3"), (10_000, "-O1"), (0, "-O0"))
# Generated code is compiled in lumps: reading Verilator's headers takes a second each time.
_LEAST_LUMP, _MOST_LUMP = 500_000, 2_000_000
_RUNTIME = ("verilated", "verilated_threads", "verilated_vcd_c")


@dataclass(frozen=True)
class Verilator:
    """Runs a design as a shared library made by Verilator and a C++ compiler."""

    name: str = "verilator"

    def build(
        self,
        design: Design,
        folder: Path,
        *,
        cycles: int = 0,
        trace: bool = False,
        notice: tools.Notice | None = None,
    ) -> CompiledModel:
        """Return a model of ``design``, see ``Engine.build``."""
        library = self.library(design, folder, cycles=cycles, trace=trace, notice=notice)
        return CompiledModel(library, Shape.of(design))

    def library(
        self,
        design: Sources,
        folder: Path,
        *,
        cycles: int = 0,
        trace: bool = False,
        notice: tools.Notice | None = None,
    ) -> Path:
        """Return the shared library of anything with a core's ports, compiled if need be."""
        verilator = tools.require("verilator")
        compiler = tools.require("c++")
        level = next(name for least, name in _LEVELS if cycles >= least)
        place = folder / f"verilator-{design.digest}{level}{'-trace' if trace else ''}"
        library = place / "model.so"
        if library.exists():
            return library
        make_folder(place)
        files = write_verilog(design, place, notice=notice)
        _verilate(verilator, place, design.name, files, trace=trace)
        include = tools.verilator_include(verilator)
        flags = [
            *("-std=c++20", "-w", "-I.", f"-I{include}", f"-I{include / 'vltstd'}"),
            *("-DVERILATOR=1", "-DVL_TIME_CONTEXT", "-DVM_COVERAGE=0", "-DVM_SC=0"),
            *("-DVM_TRACE=1", "-DVM_TRACE_VCD=1", "-DVM_TRACE_FST=0", "-DVM_TRACE_SAIF=0"),
        ]
        objects = _compile(place, design, flags, level=level, trace=trace)
        gcc = f"{Path(compiler.command[0]).name}-{compiler.version}"
        objects += _runtime(place, f"verilator-{verilator.version}-{gcc}", include, flags)
        link(place, objects, library)
        return library


def _verilate(
    verilator: tools.Tool, place: Path, top: str, files: Sequence[Path], *, trace: bool
) -> None:
    tools.run(
        verilator,
        [
            *("--cc", "--prefix", "Vmodel", "--top-module", top, "--Mdir", "."),
            *("-Wno-fatal", "-Wno-lint", "--no-timing", "-O3", "--output-split", "10000"),
            # Yosys writes wide concatenations on one line.
            *("--preproc-token-limit", "1000000000"),
            *("--x-assign", "fast", "--x-initial", "fast"),
            *(["--trace-vcd"] if trace else []),
            *(path.name for path in files),
        ],
        folder=place,
    )


def _compile(
    place: Path, design: Sources, flags: Sequence[str], *, level: str, trace: bool
) -> list[str]:
    """Compile the generated code, setup code quickly and hot code well; return the objects."""
    (place / "shim.cpp").write_text(shim())
    own = [*(["-DHWGEN_TRACE"] if trace else []), *(["-DHWGEN_TAPS"] if design.taps else [])]
    hot, rare = ["shim.cpp"], []
    for path in sorted(place.glob("Vmodel*.cpp")):
        slow = "__Slow" in path.name or "__Syms" in path.name
        (rare if slow else hot).append(path.name)
    jobs: list[tuple[str, str, Sequence[str]]] = []
    for kind, names, effort in (("hot", hot, level), ("rare", rare, "-O0")):
        for number, lump in enumerate(_lumps(place, names)):
            source = place / f"{kind}{number}.cpp"
            source.write_text("".join(f'#include "{name}"\n' for name in lump))
            jobs.append((source.name, f"{kind}{number}.o", [*flags, *own, effort]))
    compile_objects(place, jobs)
    return [target for _, target, _ in jobs]


def _lumps(place: Path, names: Sequence[str]) -> list[list[str]]:
    """Group files: each group is compiled at once, a group for each processor."""
    total = sum((place / name).stat().st_size for name in names)
    lump = min(max(total // (os.cpu_count() or 1), _LEAST_LUMP), _MOST_LUMP)
    lumps: list[list[str]] = []
    room = 0
    for name in names:
        size = (place / name).stat().st_size
        if size > room:
            lumps.append([])
            room = lump
        lumps[-1].append(name)
        room -= size
    return lumps


def _runtime(place: Path, version: str, include: Path, flags: Sequence[str]) -> list[str]:
    """Return Verilator's own objects, compiled once per user and compiler if possible."""
    shared = tools.cache_folder() / version
    found = [shared / f"{name}.o" for name in _RUNTIME]
    if not all(path.exists() for path in found):
        try:
            shared.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=shared) as fresh:
                _compile_runtime(Path(fresh), include, flags)
                for path in found:
                    os.replace(Path(fresh) / path.name, path)
        except OSError:  # no cache: compile beside the model
            _compile_runtime(place, include, flags)
            return [path.name for path in found]
    return [str(path) for path in found]


def _compile_runtime(folder: Path, include: Path, flags: Sequence[str]) -> None:
    sources = ((str(include / f"{name}.cpp"), f"{name}.o") for name in _RUNTIME)
    compile_objects(folder, [(source, target, [*flags, "-O1"]) for source, target in sources])
