"""Designs compiled to a shared library around ``shim.cpp``, for Verilator and CXXRTL."""

from __future__ import annotations

import ctypes
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path

import numpy as np

from hwgen import tools
from hwgen.dataflow import Words
from hwgen.errors import OutputError
from hwgen.verify.engine import Run, Shape, Stalls


class _Stretch(ctypes.Structure):
    """Mirrors ``Stretch`` of ``shim.cpp``, field by field."""

    _fields_ = [
        ("input", ctypes.c_void_p),
        ("output", ctypes.c_void_p),
        ("input_cycles", ctypes.c_void_p),
        ("output_cycles", ctypes.c_void_p),
        ("in_stall", ctypes.c_void_p),
        ("out_stall", ctypes.c_void_p),
        ("taps", ctypes.c_void_p),
        ("inputs", ctypes.c_int64),
        ("outputs", ctypes.c_int64),
        ("input_words", ctypes.c_int64),
        ("output_words", ctypes.c_int64),
        ("in_stalls", ctypes.c_int64),
        ("out_stalls", ctypes.c_int64),
        ("cycles", ctypes.c_int64),
        ("patience", ctypes.c_int64),
        ("accepted", ctypes.c_int64),
        ("taken", ctypes.c_int64),
    ]


class CompiledModel:
    """A shared library that holds one design."""

    def __init__(self, library: Path, shape: Shape) -> None:
        self._shape = shape
        self._library = open_library(library)

    def run(
        self,
        words: Words,
        outputs: int,
        *,
        stalls: Stalls | None = None,
        patience: int = 1_000_000,
        limit: int | None = None,
        taps: bool = False,
        trace: Path | None = None,
    ) -> Run:
        """Run from reset, see ``Model.run``."""
        assert words.shape[1] == self._shape.input, "payloads have the width of the input"
        assert not taps or (limit is not None and self._shape.taps), "taps need a port and a limit"
        given = np.ascontiguousarray(words, np.uint32)
        output = np.zeros((outputs, self._shape.output), np.uint32)
        input_cycles, output_cycles = np.zeros(len(given), np.int64), np.zeros(outputs, np.int64)
        tapped = np.zeros((limit or 0 if taps else 0, self._shape.taps), np.uint32)
        source = np.ascontiguousarray(stalls.source if stalls else [], np.uint8)
        sink = np.ascontiguousarray(stalls.sink if stalls else [], np.uint8)
        stretch = _Stretch(
            input=given.ctypes.data,
            output=output.ctypes.data,
            input_cycles=input_cycles.ctypes.data,
            output_cycles=output_cycles.ctypes.data,
            in_stall=source.ctypes.data,
            out_stall=sink.ctypes.data,
            taps=tapped.ctypes.data if taps else None,
            inputs=len(given),
            outputs=outputs,
            input_words=self._shape.input,
            output_words=self._shape.output,
            in_stalls=len(source),
            out_stalls=len(sink),
            cycles=limit if limit is not None else 2**62,
            patience=patience,
        )
        started = time.perf_counter()
        handle = self._library.hwgen_open(str(trace).encode() if trace else None)
        cycles = int(self._library.hwgen_run(handle, ctypes.byref(stretch)))
        self._library.hwgen_close(handle)
        seconds = time.perf_counter() - started
        accepted, taken = int(stretch.accepted), int(stretch.taken)
        return Run(
            output[:taken],
            input_cycles[:accepted],
            output_cycles[:taken],
            cycles,
            seconds,
            tapped[:cycles] if taps else tapped,
        )

    def spin(self, words: Words, cycles: int) -> float:
        """Clock a fresh model that takes ``words`` in turn; return the seconds of the bare loop."""
        given = np.ascontiguousarray(words, np.uint32)
        handle = self._library.hwgen_open(None)
        started = time.perf_counter()
        self._library.hwgen_spin(handle, given.ctypes.data, *given.shape, cycles)
        seconds = time.perf_counter() - started
        self._library.hwgen_close(handle)
        return seconds


class Session:
    """One simulation that goes on cycle by cycle, of a top whose ports are always ready and valid.

    What is put on the input in a cycle and what the output shows just before that cycle's edge.
    """

    def __init__(self, library: Path, input_bytes: int, output_bytes: int) -> None:
        self._library = open_library(library)
        self._input = ctypes.create_string_buffer(_whole(input_bytes))
        self._output = ctypes.create_string_buffer(_whole(output_bytes))
        self._cycles = (ctypes.c_int64 * 2)()
        self._stretch = _Stretch(
            input=ctypes.addressof(self._input),
            output=ctypes.addressof(self._output),
            input_cycles=ctypes.addressof(self._cycles),
            output_cycles=ctypes.addressof(self._cycles),
            inputs=1,
            outputs=1,
            input_words=_whole(input_bytes) // 4,
            output_words=_whole(output_bytes) // 4,
            cycles=1,
            patience=1,
        )
        self._handle = self._library.hwgen_open(None)

    def step(self, given: int) -> int:
        """Simulate one cycle; numbers hold all bits of input and output."""
        self._input[:] = given.to_bytes(len(self._input), "little")
        self._stretch.accepted = self._stretch.taken = 0
        self._library.hwgen_run(self._handle, ctypes.byref(self._stretch))
        return int.from_bytes(self._output.raw, "little")

    def close(self) -> None:
        """End the simulation."""
        self._library.hwgen_close(self._handle)


def _whole(count: int) -> int:
    """Return bytes in whole 64-bit words: ports of 33 to 64 bits are read and written so."""
    return -(-count // 8) * 8


def open_library(path: Path) -> ctypes.CDLL:
    """Load the shared library of a design."""
    library = ctypes.CDLL(str(path))
    library.hwgen_open.restype = ctypes.c_void_p
    library.hwgen_open.argtypes = [ctypes.c_char_p]
    library.hwgen_close.argtypes = [ctypes.c_void_p]
    library.hwgen_spin.argtypes = [ctypes.c_void_p] * 2 + [ctypes.c_int64] * 3
    library.hwgen_spin.restype = None
    library.hwgen_run.restype = ctypes.c_int64
    library.hwgen_run.argtypes = [ctypes.c_void_p, ctypes.POINTER(_Stretch)]
    return library


def shim() -> str:
    """Return the C++ source that drives a compiled design."""
    return resources.files("hwgen.verify").joinpath("shim.cpp").read_text()


def compile_objects(folder: Path, jobs: Sequence[tuple[str, str, Sequence[str]]]) -> None:
    """Compile C++ files, several at a time where there are processors.

    jobs : source, object file and flags, each; names relative to ``folder``
    """
    compiler = tools.require("c++")

    def one(job: tuple[str, str, Sequence[str]]) -> None:
        source, target, flags = job
        tools.run(compiler, ["-c", "-fPIC", *flags, source, "-o", target], folder=folder)

    with ThreadPoolExecutor(min(os.cpu_count() or 1, 8)) as pool:
        list(pool.map(one, jobs))


def link(folder: Path, objects: Sequence[str], library: Path) -> None:
    """Link object files into a shared library, which appears whole or not at all."""
    part = library.name + ".part"
    tools.run(tools.require("c++"), ["-shared", "-fPIC", *objects, "-o", part], folder=folder)
    (folder / part).replace(library)


def make_folder(path: Path) -> None:
    """Create a folder and its parents; raise ``OutputError`` if that cannot be done."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path} cannot be created for the simulation: {error}") from None
