"""What every simulator offers: a model of a design, run on batches of transfers."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from hwgen.dataflow import Words, words_of
from hwgen.emit.design import Design
from hwgen.emit.top import tap_bits
from hwgen.tools import Notice

Flags = npt.NDArray[np.bool_]
Cycles = npt.NDArray[np.int64]


def _never() -> Flags:
    return np.zeros(0, np.bool_)


@dataclass(frozen=True, eq=False)
class Stalls:
    """Stalled cycles, from cycle 0 on; none after the end.

    source : the source does not start to offer in these; what it offers it keeps offering
    sink : the sink is not ready in these
    """

    source: Flags = field(default_factory=_never)
    sink: Flags = field(default_factory=_never)

    @classmethod
    def random(cls, rng: np.random.Generator, cycles: int, probability: float) -> Stalls:
        """Return stalls of either side, this share of ``cycles``, singly and in bursts."""
        return cls(_bursts(rng, cycles, probability), _bursts(rng, cycles, probability))


def _bursts(rng: np.random.Generator, cycles: int, probability: float) -> Flags:
    """Return flags in stretches of 256 cycles, each with bursts of its own length."""
    stretches = -(-cycles // 256)
    flags = np.zeros((stretches, 256), np.bool_)
    for row, length in zip(flags, rng.choice([1, 1, 2, 8, 64], stretches), strict=True):
        row[:] = np.repeat(rng.random(256 // length) < probability, length)
    return flags.reshape(-1)[:cycles]


@dataclass(frozen=True)
class Shape:
    """Widths of a design's ports in 32-bit words; ``taps`` is 0 without that port."""

    input: int
    output: int
    taps: int

    @classmethod
    def of(cls, design: Design) -> Shape:
        """Return the port widths of ``design``."""
        flow = design.dataflow
        return cls(
            words_of(flow.streams[flow.input].bits),
            words_of(flow.streams[flow.output].bits),
            words_of(tap_bits(flow, design.taps)) if design.taps else 0,
        )


@dataclass(frozen=True, eq=False)
class Run:
    """What a simulation gave.

    output : uint32 (transfers, words); fewer than asked for if the design hung
    input_cycles, output_cycles : the cycle of each transfer, cycle 0 the first after reset
    cycles : how many were simulated
    seconds : wall time
    taps : uint32 (cycles, words), the port ``taps`` in every cycle; no rows if not asked for
    """

    output: Words
    input_cycles: Cycles
    output_cycles: Cycles
    cycles: int
    seconds: float
    taps: Words


class Model(Protocol):
    """A design that is ready to run, as often as wanted; every run starts from reset."""

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
        """Send ``words`` (transfers, words), wait for ``outputs`` transfers.

        patience : give up after so many cycles without a transfer on either side
        limit : give up after so many cycles in all; needed with ``taps``
        taps : record the port ``taps``
        trace : VCD file to write
        """
        ...


class Engine(Protocol):
    """A simulator."""

    @property
    def name(self) -> str:
        """What the command line calls it."""
        ...

    def build(
        self,
        design: Design,
        folder: Path,
        *,
        cycles: int = 0,
        trace: bool = False,
        notice: Notice | None = None,
    ) -> Model:
        """Return a model of ``design``.

        folder : for files the model is made of; a design that was built there is not built again
        cycles : how many will be run, roughly; long runs are worth a slower, better compilation
        trace : runs will write VCD files
        notice : told why something takes long
        """
        ...
