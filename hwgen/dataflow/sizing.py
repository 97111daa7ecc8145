"""Depths of FIFOs and replay memories that lose no speed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil

from hwgen import timing
from hwgen.dataflow.builder import LEAST_DEPTH
from hwgen.dataflow.dataflow import Dataflow
from hwgen.dataflow.speed import layer_cycles
from hwgen.dataflow.units import ConverterUnit, FifoUnit, ReplayUnit, Unit

# Transfers that trials of smaller depths may solve, and the frames that a trial solves.
_WORK = 15_000_000
_TRIAL_FRAMES = 13


def size_fifos(dataflow: Dataflow) -> Dataflow:
    """Return the dataflow with depths at which it is as fast as with unbounded FIFOs.

    First the largest occupancy with unbounded FIFOs, or, where that holds the interval, what waits
    at joins while all other FIFOs are as small as can be; then less wherever the interval holds.
    """
    unbounded = _with_depths(dataflow, dict.fromkeys(_fifos(dataflow)))
    interval, occupancy = _throttled(unbounded)
    depths: dict[str, int] = {
        unit.name: max(LEAST_DEPTH, most)
        for unit, most in zip(unbounded.units, occupancy, strict=True)
        if isinstance(unit, FifoUnit)
    }
    trials = _Trials(interval)
    depths = _pressed(dataflow, depths, interval) or depths
    sized = _single_replays(_with_depths(dataflow, depths), trials)
    sized = _shrunk(sized, depths, trials)
    assert timing.deadlock_free(sized.network), "depths that keep the interval cannot deadlock"
    return sized


@dataclass
class _Trials:
    """Asks whether a dataflow keeps the interval, until the work for that is spent."""

    interval: int
    work: int = _WORK

    def holds(self, trial: Dataflow) -> bool:
        """Return whether ``trial`` keeps the interval; False once the work is spent."""
        if self.work <= 0:
            return False
        network = trial.network
        self.work -= sum(network.edge_transfers)
        if not timing.deadlock_free(network):
            return False
        self.work -= (_TRIAL_FRAMES - 1) * sum(network.edge_transfers)
        found = timing.steady(network)
        return found is not None and found.ii_cycles <= self.interval


def _fifos(dataflow: Dataflow) -> list[str]:
    return [unit.name for unit in dataflow.units if isinstance(unit, FifoUnit)]


def _with_depths(dataflow: Dataflow, depths: Mapping[str, int | None]) -> Dataflow:
    def deep(unit: Unit) -> Unit:
        return replace(unit, depth=depths[unit.name]) if isinstance(unit, FifoUnit) else unit

    return dataflow.with_units(deep(unit) for unit in dataflow.units)


def _throttled(unbounded: Dataflow) -> tuple[int, tuple[int, ...]]:
    """Return the interval that unbounded FIFOs allow, and each unit's occupancy at it.

    No unit is faster than its own steps; where buffers make it slower still, the interval is
    measured behind a source that never waits.
    """
    network = unbounded.network
    interval = max(layer_cycles(unbounded).values())
    interval = max(interval, unbounded.streams[unbounded.input].transfers)
    interval = max(interval, unbounded.streams[unbounded.output].transfers)
    found = _at_interval(unbounded, interval)
    frames = 16
    while found is None:
        times = timing.solve(network, frames)
        half = frames // 2
        span = times.last_output(frames - 1) - times.last_output(half - 1)
        interval = max(interval + 1, ceil(span / (frames - half)))
        found = _at_interval(unbounded, interval)
        frames *= 2
    return interval, found.occupancy


def _at_interval(dataflow: Dataflow, interval: int) -> timing.Steady | None:
    found = timing.steady(dataflow.network, interval=interval, max_frames=32)
    return found if found is not None and found.ii_cycles <= interval else None


def _single_replays(dataflow: Dataflow, trials: _Trials) -> Dataflow:
    """Return the dataflow with one vector in each replay memory where that costs no speed."""
    replays = [unit for unit in dataflow.units if isinstance(unit, ReplayUnit)]
    for unit in sorted(replays, key=lambda unit: -unit.depth * unit.lanes):
        if unit.depth == unit.words or unit.words == 1:
            continue
        single = replace(unit, depth=unit.words)
        trial = dataflow.with_units(
            single if other.name == unit.name else other for other in dataflow.units
        )
        if trials.holds(trial):
            dataflow = trial
    return dataflow


def _pressed(dataflow: Dataflow, depths: Mapping[str, int], interval: int) -> dict[str, int] | None:
    """Return the depths needed where only joins have room, None if that costs speed.

    At each join all inputs but the emptiest get room; back pressure through that one keeps the
    others from filling for ever. What then waits in them is what the longer branch takes to come.
    """
    roomy: set[str] = set()
    for unit in dataflow.units:
        before = [_queue_before(dataflow, name) for name in unit.inputs]
        queues = [queue for queue in before if queue is not None]
        if len(unit.inputs) > 1 and queues:
            roomy.update(sorted(queues, key=lambda name: depths[name])[1:])
    trial = _with_depths(
        dataflow, {name: None if name in roomy else LEAST_DEPTH for name in depths}
    )
    if not timing.deadlock_free(trial.network):
        return None
    found = timing.steady(trial.network, max_frames=16)
    if found is None or found.ii_cycles > interval:
        return None
    most = dict(zip((unit.name for unit in trial.units), found.occupancy, strict=True))
    return {name: max(LEAST_DEPTH, most[name] if name in roomy else 0) for name in depths}


def _queue_before(dataflow: Dataflow, name: str) -> str | None:
    """Return the FIFO in front of a stream, converters between them left out."""
    source = dataflow.source.get(name)
    while isinstance(source, ConverterUnit):
        source = dataflow.source.get(source.inputs[0])
    return source.name if isinstance(source, FifoUnit) else None


def _shrunk(dataflow: Dataflow, depths: dict[str, int], trials: _Trials) -> Dataflow:
    """Return the dataflow with each depth, widest FIFO first, as small as the interval allows."""
    bits = {
        unit.name: unit.x.bits * unit.lanes for unit in dataflow.units if isinstance(unit, FifoUnit)
    }
    for name in sorted(depths, key=lambda name: -bits[name] * depths[name]):
        low, high = LEAST_DEPTH, depths[name]
        middle = low  # most can be the least
        while low < high and trials.work > 0:
            if trials.holds(_with_depths(dataflow, {**depths, name: middle})):
                high = middle
            else:
                low = middle + 1
            middle = (low + high) // 2
        depths[name] = high
    return _with_depths(dataflow, depths)
