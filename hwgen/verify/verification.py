"""Simulation against the integer reference and the token model, integer for integer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwgen import timing
from hwgen.dataflow import Words, pack, unpack
from hwgen.emit import Design
from hwgen.errors import InputError, VerificationError
from hwgen.ir import Graph
from hwgen.ir.ops import IntArray
from hwgen.tools import Notice
from hwgen.verify.engine import Engine, Model, Run, Stalls
from hwgen.verify.locate import Divergence, Progress, blame, first_difference, locate

STALLED = (0.0, 0.3)


@dataclass(frozen=True)
class TimingDifference:
    """The first transfer that the token model predicts for another cycle.

    side : ``input`` or ``output``
    """

    side: str
    transfer: int
    predicted: int
    simulated: int


@dataclass(frozen=True)
class Verification:
    """What a comparison of simulation, reference and token model found.

    frames : simulated, over all runs
    values : output integers compared
    mismatches : those that differ, or never came
    cycles_predicted, cycles_simulated : up to the last output transfer, summed over the runs
    divergence : first difference, in the first layer that differs
    late : first transfer in another cycle than predicted
    hung : how far each layer came in a run that stopped before its last output
    seconds : simulation alone
    """

    engine: str
    frames: int
    values: int
    mismatches: int
    cycles_predicted: int
    cycles_simulated: int
    divergence: Divergence | None
    late: TimingDifference | None
    hung: tuple[Progress, ...]
    seconds: float

    @property
    def good(self) -> bool:
        """Whether every integer and every cycle is as it should be."""
        return not self.mismatches and self.late is None and not self.hung

    def require(self) -> None:
        """Raise ``VerificationError`` that names the first difference unless all is good."""
        if self.hung:
            raise VerificationError(
                f"the design hangs on {self.engine} (no transfer for too many cycles): "
                f"{blame(self.hung)}"
            )
        if self.mismatches:
            where = f"; first: {self.divergence}" if self.divergence else ""
            raise VerificationError(
                f"{self.mismatches} of {self.values} values differ between the reference and "
                f"{self.engine}{where}"
            )
        if self.late is not None:
            raise VerificationError(
                f"{self.late.side} transfer {self.late.transfer} happens in cycle "
                f"{self.late.simulated} on {self.engine}, predicted was {self.late.predicted}"
            )


@dataclass(frozen=True, eq=False)
class _Pass:
    """One run and what it should have been."""

    stalls: Stalls | None
    run: Run
    times: timing.Times
    got: IntArray
    hung: bool


def verify(
    design: Design,
    graph: Graph,
    codes: IntArray,
    *,
    engine: Engine,
    folder: Path,
    stalls: Sequence[float] = STALLED,
    seed: int = 0,
    notice: Notice | None = None,
) -> Verification:
    """Send frames back to back through ``design`` and compare everything.

    codes : int64 (frames, *input shape)
    folder : for what the engine builds
    stalls : one run for each, with this share of stalled cycles on either side
    Padding lanes carry random bits. Raises nothing for a wrong design: see ``Verification``.
    """
    if len(codes) == 0:
        raise InputError("verification needs at least one frame, none was given")
    flow = design.dataflow
    rng = np.random.default_rng(seed)
    words = pack(codes, flow.streams[flow.input], rng)
    expected = graph.run_all(codes)
    plans = [_predict(design, len(codes), share, rng) for share in stalls]
    total = sum(times.last_output(len(codes) - 1) for _, times in plans)
    model = engine.build(design, folder, cycles=total, notice=notice)
    passes = [_run(model, design, words, stall, times) for stall, times in plans]
    output = flow.streams[flow.output]
    wanted = expected[graph.outputs[0]].reshape(len(codes), *output.type.shape)
    missing = [wanted.size - int((one.got == wanted[: len(one.got)]).sum()) for one in passes]
    divergence, hung = None, ()
    for one, wrong in zip(passes, missing, strict=True):
        if wrong:
            divergence, hung = _explain(design, graph, codes, words, engine, folder, one)
            break
    return Verification(
        engine.name,
        len(codes) * len(passes),
        wanted.size * len(passes),
        sum(missing),
        sum(one.times.last_output(len(codes) - 1) + 1 for one in passes),
        sum(one.run.cycles for one in passes),
        divergence,
        next((late for one in passes if (late := _late(one)) is not None), None),
        hung,
        sum(one.run.seconds for one in passes),
    )


def _predict(
    design: Design, frames: int, share: float, rng: np.random.Generator
) -> tuple[Stalls | None, timing.Times]:
    network = design.dataflow.network
    times = timing.solve(network, frames)
    assert times.complete, "a planned design does not deadlock"
    if not share:
        return None, times
    cycles = int((times.last_output(frames - 1) + 1) / (1 - share) * 2)
    stalls = Stalls.random(rng, cycles, share)
    return stalls, timing.solve(network, frames, [stalls.source], [stalls.sink])


def _run(
    model: Model, design: Design, words: Words, stalls: Stalls | None, times: timing.Times
) -> _Pass:
    flow = design.dataflow
    output = flow.streams[flow.output]
    asked = times.frames * output.transfers
    last = times.last_output(times.frames - 1)
    run = model.run(words, asked, stalls=stalls, patience=last + 1000, limit=2 * last + 1000)
    frames = len(run.output) // output.transfers
    got = unpack(run.output[: frames * output.transfers], output)
    return _Pass(stalls, run, times, got, len(run.output) < asked)


def _explain(
    design: Design,
    graph: Graph,
    codes: IntArray,
    words: Words,
    engine: Engine,
    folder: Path,
    one: _Pass,
) -> tuple[Divergence | None, tuple[Progress, ...]]:
    """Return the first divergence of a wrong run, and its progress if it hung."""
    flow = design.dataflow
    output = flow.streams[flow.output]
    seen = first_difference(graph, flow, output, graph.run(codes), one.got)
    frames = len(codes) if one.hung else seen.frame + 1 if seen else len(codes)
    cycles = one.run.cycles
    if not one.hung:
        cycles = int(one.run.output_cycles[frames * output.transfers - 1]) + 1
    found, progress = locate(
        design,
        graph,
        codes[:frames],
        words[: frames * flow.streams[flow.input].transfers],
        engine=engine,
        folder=folder,
        stalls=one.stalls,
        cycles=cycles,
    )
    return found or seen, progress if one.hung else ()


def _late(one: _Pass) -> TimingDifference | None:
    """Return the first transfer whose cycle differs from the prediction."""
    network = one.times.network
    sides = (
        ("input", network.inputs[0], one.run.input_cycles),
        ("output", network.outputs[0], one.run.output_cycles),
    )
    for side, edge, simulated in sides:
        predicted = one.times.cycles[edge][: len(simulated)]
        # Inputs behind the last output are accepted after the simulation has ended.
        different = np.flatnonzero(predicted != simulated)
        if len(different):
            at = int(different[0])
            return TimingDifference(side, at, int(predicted[at]), int(simulated[at]))
    return None
