"""What a component promises about time: three kinds of schedule, each one period long.

A schedule repeats for ever; a period is the smallest unit a component counts (a vector, a pixel, a
frame). ``docs/decisions/0001-streams-and-time.md`` gives the rules that each kind obeys.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Pipe:
    """Steps that flow through ``latency`` register stages, each elastic on its own.

    A step takes one transfer from each input it names, all in the cycle in which it fires, and
    offers one transfer on each output it names ``latency`` cycles later. A step without inputs
    replays, one without outputs accumulates.

    takes : (steps, inputs), whether a step takes a transfer from that input
    emits : (steps, outputs), whether a step emits a transfer on that output
    latency : register stages, at least 1
    absorb : the stage (1..latency) that swallows steps without outputs: they wait until the last
        emitting step has left it, and occupy no stage from there on
    """

    takes: BoolArray
    emits: BoolArray
    latency: int
    absorb: int

    def __post_init__(self) -> None:
        assert self.takes.ndim == 2, "takes has shape (steps, inputs)"
        assert self.emits.ndim == 2, "emits has shape (steps, outputs)"
        assert len(self.takes) == len(self.emits) > 0, "takes and emits have equally many steps"
        assert (self.takes.any(axis=1) | self.emits.any(axis=1)).all(), "every step does something"
        assert self.emits.any(axis=0).all(), "every output is used"
        assert 1 <= self.absorb <= self.latency, "absorb is one of the stages"

    @property
    def transfers_in(self) -> tuple[int, ...]:
        """Transfers taken from each input in one period."""
        return tuple(int(count) for count in self.takes.sum(axis=0))

    @property
    def transfers_out(self) -> tuple[int, ...]:
        """Transfers emitted on each output in one period."""
        return tuple(int(count) for count in self.emits.sum(axis=0))


@dataclass(frozen=True, eq=False)
class Buffer:
    """Inputs are written into memory, steps read it; every step emits ``latency`` cycles later.

    needs : (steps,), the last input of the period that a step reads; non-decreasing
    frees : (inputs,), the step that must have fired before an input may be written over older
        data, counted from the period's first step; negative numbers are steps of earlier periods.
        Non-decreasing
    latency : register stages behind the memory, at least 1
    """

    needs: IntArray
    frees: IntArray
    latency: int

    def __post_init__(self) -> None:
        assert self.needs.ndim == 1, "needs has shape (steps,)"
        assert self.frees.ndim == 1, "frees has shape (inputs,)"
        assert len(self.needs) > 0, "a period has a step"
        assert len(self.frees) > 0, "a period has an input"
        assert (np.diff(self.needs) >= 0).all(), "needs does not decrease"
        assert (np.diff(self.frees) >= 0).all(), "frees does not decrease"
        assert self.needs[0] >= 0, "a step reads inputs of its own period"
        assert self.needs[-1] < len(self.frees), "a step reads inputs of its own period"
        assert self.latency >= 1, "at least one stage"

    @property
    def transfers_in(self) -> tuple[int, ...]:
        """Transfers written in one period."""
        return (len(self.frees),)

    @property
    def transfers_out(self) -> tuple[int, ...]:
        """Transfers emitted in one period."""
        return (len(self.needs),)


@dataclass(frozen=True)
class Queue:
    """First in, first out.

    depth : transfers it holds at most; None for no bound, which only the model can build
    latency : cycles from a write to the first cycle in which it can be read, at least 1
    """

    depth: int | None
    latency: int = 1

    def __post_init__(self) -> None:
        assert self.depth is None or self.depth >= 1, "a queue holds something"
        assert self.latency >= 1, "a queue takes a cycle"

    @property
    def transfers_in(self) -> tuple[int, ...]:
        """Transfers written in one period."""
        return (1,)

    @property
    def transfers_out(self) -> tuple[int, ...]:
        """Transfers read in one period."""
        return (1,)


Schedule = Pipe | Buffer | Queue
