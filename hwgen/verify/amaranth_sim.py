"""Amaranth's own simulator: needs no compiler, some thousand cycles per second."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from amaranth.sim import Simulator

from hwgen.dataflow import Words
from hwgen.emit.design import Design
from hwgen.tools import Notice
from hwgen.verify.engine import Run, Shape, Stalls


@dataclass(frozen=True)
class AmaranthModel:
    """A design as one Amaranth hierarchy, elaborated anew for each run."""

    design: Design

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
        shape = Shape.of(self.design)
        top = self.design.hierarchy()
        driver = _Driver(top, _numbers(words), outputs, stalls or Stalls(), patience, limit, taps)
        simulator = Simulator(top)
        simulator.add_clock(1e-8)
        simulator.add_testbench(driver.process)
        started = time.perf_counter()
        if trace is None:
            simulator.run()
        else:
            with simulator.write_vcd(str(trace)):
                simulator.run()
        seconds = time.perf_counter() - started
        return Run(
            _words(driver.output, shape.output),
            np.array(driver.input_cycles, np.int64),
            np.array(driver.output_cycles, np.int64),
            driver.cycle,
            seconds,
            _words(driver.taps, shape.taps),
        )


class _Driver:
    """Source and sink of one run; the same rules as ``shim.cpp``."""

    def __init__(
        self,
        top: Any,
        numbers: list[int],
        outputs: int,
        stalls: Stalls,
        patience: int,
        limit: int | None,
        taps: bool,
    ) -> None:
        self.top = top
        self.numbers = numbers
        self.outputs = outputs
        self.stalls = stalls
        self.patience = patience
        self.limit = limit
        self.tapped = taps
        self.cycle = 0
        self.output: list[int] = []
        self.input_cycles: list[int] = []
        self.output_cycles: list[int] = []
        self.taps: list[int] = []

    async def process(self, ctx: Any) -> None:
        """Drive every cycle until all outputs came, or patience or limit ends."""
        top = self.top
        offering = False
        moved = 0
        while self._more(moved):
            sent = len(self.input_cycles)
            if not offering and sent < len(self.numbers):
                offering = not _at(self.stalls.source, self.cycle)
                if offering:
                    ctx.set(top.i_payload, self.numbers[sent])
            ready = not _at(self.stalls.sink, self.cycle)
            ctx.set(top.i_valid, offering)
            ctx.set(top.o_ready, ready)
            if offering and ctx.get(top.i_ready):
                self.input_cycles.append(self.cycle)
                offering = False
                moved = self.cycle
            if ready and ctx.get(top.o_valid):
                self.output.append(ctx.get(top.o_payload))
                self.output_cycles.append(self.cycle)
                moved = self.cycle
            if self.tapped:
                self.taps.append(ctx.get(top.taps))
            await ctx.tick()
            self.cycle += 1

    def _more(self, moved: int) -> bool:
        return (
            len(self.output) < self.outputs
            and self.cycle - moved <= self.patience
            and (self.limit is None or self.cycle < self.limit)
        )


@dataclass(frozen=True)
class Amaranth:
    """Runs a design on Amaranth's simulator."""

    name: str = "amaranth"

    def build(
        self,
        design: Design,
        folder: Path,
        *,
        cycles: int = 0,
        trace: bool = False,
        notice: Notice | None = None,
    ) -> AmaranthModel:
        """Return a model of ``design``; nothing is written to ``folder``."""
        return AmaranthModel(design)


def _at(flags: np.ndarray, cycle: int) -> bool:
    return cycle < len(flags) and bool(flags[cycle])


def _numbers(words: Words) -> list[int]:
    rows = np.ascontiguousarray(words, "<u4")
    return [int.from_bytes(row.tobytes(), "little") for row in rows]


def _words(numbers: list[int], length: int) -> Words:
    text = b"".join(number.to_bytes(length * 4, "little") for number in numbers)
    return np.frombuffer(text, "<u4").reshape(len(numbers), length).astype(np.uint32)
