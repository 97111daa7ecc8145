"""What each layer does while one frame passes: filling, working, stalled or draining."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from math import ceil
from typing import Literal

import numpy as np

from hwgen import timing
from hwgen.dataflow.dataflow import Dataflow
from hwgen.dataflow.speed import timing_cycles
from hwgen.dataflow.units import FifoUnit, Unit
from hwgen.timing import IntArray, Times

State = Literal["filling", "working", "stalled", "draining"]

_BINS = 240
_BUSY = 0.5  # share of a bin's cycles from which on a layer counts as working


@dataclass(frozen=True)
class Span:
    """A stretch of time in one state; cycles from ``start`` on and before ``stop``.

    busy : share of these cycles in which the layer's slowest unit moves
    """

    start: int
    stop: int
    state: State
    busy: float


@dataclass(frozen=True)
class LayerTime:
    """One layer during a frame, in cycles since the frame's first input transfer.

    spans : from the layer's first input to its last output without gaps
    """

    layer: str
    first_input: int
    last_input: int
    first_output: int
    last_output: int
    spans: tuple[Span, ...]


@dataclass(frozen=True)
class Timeline:
    """A frame on its way.

    frame : which one of frames that are offered without a pause, from 0
    cycles : first input to last output of the network
    """

    frame: int
    cycles: int
    layers: tuple[LayerTime, ...]


def timeline(dataflow: Dataflow, frame: int) -> Timeline:
    """Return what every layer does during ``frame`` of a burst, in the order of the units.

    A layer is filling before its first output and draining behind its last input. Between them it
    is working where its slowest unit moves in at least half of the cycles, and stalled elsewhere:
    it waits for input, or for room behind it.
    """
    times = timing.solve(dataflow.network, frame + 1)
    assert times.complete, "a sized design does not deadlock"
    begin, end = times.first_input(frame), times.last_output(frame)
    width = max(1, ceil((end + 1 - begin) / _BINS))
    known = _Frame(dataflow, times, frame, begin)
    layers = tuple(
        known.layer(node, [unit for unit in units if not isinstance(unit, FifoUnit)], width)
        for node, units in dataflow.layers().items()
        if not all(isinstance(unit, FifoUnit) for unit in units)
    )
    return Timeline(frame, end - begin, layers)


@dataclass(frozen=True, eq=False)
class _Frame:
    """The transfers of one frame on every stream."""

    dataflow: Dataflow
    times: Times
    frame: int
    begin: int

    def transfers(self, stream: str) -> IntArray:
        """Return the cycles of a stream's transfers since the frame's begin."""
        edge = self.dataflow.stream_order.index(stream)
        count = self.times.network.edge_transfers[edge]
        return self.times.cycles[edge][self.frame * count :][:count] - self.begin

    def layer(self, node: str, units: Sequence[Unit], width: int) -> LayerTime:
        inside = {name for unit in units for name in unit.outputs}
        taken = {name for unit in units for name in unit.inputs}
        into = [self.transfers(name) for name in taken - inside]
        out = [self.transfers(name) for name in inside - taken]
        first_in, last_in = min(int(t[0]) for t in into), max(int(t[-1]) for t in into)
        first_out, last_out = min(int(t[0]) for t in out), max(int(t[-1]) for t in out)
        moves = self._moves(units)
        spans: list[Span] = []
        for start, stop in _bins(first_in, last_out + 1, width, (first_out, last_in + 1)):
            busy = int(np.searchsorted(moves, stop) - np.searchsorted(moves, start))
            share = min(1.0, busy / (stop - start))
            spans.append(Span(start, stop, _state(start, first_out, last_in, share), share))
        return LayerTime(node, first_in, last_in, first_out, last_out, _merged(spans))

    def _moves(self, units: Sequence[Unit]) -> IntArray:
        """Return the cycles in which the slowest unit of a layer moves."""
        periods = dict(
            zip(
                (unit.name for unit in self.dataflow.units),
                self.times.network.periods,
                strict=True,
            )
        )
        slowest = max(units, key=lambda unit: timing_cycles(unit.schedule) * periods[unit.name])
        schedule = slowest.schedule
        if isinstance(schedule, timing.Pipe):
            taken = [self.transfers(name) for name in slowest.inputs]
            return _fired(schedule, taken, periods[slowest.name])
        streams = [self.transfers(name) for name in (*slowest.inputs, *slowest.outputs)]
        return max(streams, key=len)


def _fired(pipe: timing.Pipe, taken: Sequence[IntArray], periods: int) -> IntArray:
    """Return when the steps of a frame fired; those that take nothing as early as they could."""
    takes = np.tile(pipe.takes, (periods, 1))
    takers = np.flatnonzero(takes.any(axis=1))
    if not len(takers):
        return np.zeros(0, np.int64)
    known = np.zeros(len(takes), np.int64)
    for port, cycles in enumerate(taken):
        known[takes[:, port]] = cycles
    steps = np.arange(len(takes))
    before = takers[np.maximum(np.searchsorted(takers, steps, side="right") - 1, 0)]
    return known[before] + steps - before


def _bins(start: int, stop: int, width: int, turns: tuple[int, ...]) -> list[tuple[int, int]]:
    """Cut a stretch at ``turns`` and at multiples of ``width``, the same ones for all layers."""
    inner = {*range((start // width + 1) * width, stop, width), *turns}
    return list(pairwise([start, *sorted(cut for cut in inner if start < cut < stop), stop]))


def _state(start: int, first_out: int, last_in: int, busy: float) -> State:
    if start < first_out:
        return "filling"
    if start > last_in:
        return "draining"
    return "working" if busy >= _BUSY else "stalled"


def _merged(spans: Sequence[Span]) -> tuple[Span, ...]:
    merged: list[Span] = []
    for _, group in groupby(spans, key=lambda span: span.state):
        run = list(group)
        state = run[0].state
        start, stop = run[0].start, run[-1].stop
        busy = sum(span.busy * (span.stop - span.start) for span in run) / (stop - start)
        merged.append(Span(start, stop, state, round(busy, 4)))
    return tuple(merged)
