"""``hwgen sim``: a built design, run again on any inputs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwgen.dataflow import pack
from hwgen.emit import Design
from hwgen.errors import OutputError, VerificationError
from hwgen.flow.decide import Decision
from hwgen.flow.inputs import stimulus
from hwgen.flow.progress import Progress
from hwgen.flow.prove import fault_of, simulate
from hwgen.flow.reopen import reopen
from hwgen.flow.request import Trial
from hwgen.ir.ops import IntArray
from hwgen.verify import Stalls, Verification, choose
from hwgen.verify.views import write_views


@dataclass(frozen=True)
class Simulation:
    """What one run of a built design gave.

    latency_cycles, ii_cycles : as predicted; the run took exactly the predicted cycles
    outputs : file that holds the network's outputs, None where none was asked for
    cycles_per_second : speed of the simulation
    """

    folder: str
    engine: str
    stall: float
    frames: int
    values: int
    mismatches: int
    cycles_predicted: int
    cycles_simulated: int
    cycles_per_second: float
    outputs: str | None
    vcd: str | None


def rerun(
    folder: Path,
    trial: Trial,
    *,
    outputs: Path | None = None,
    vcd: Path | None = None,
    progress: Progress,
) -> Simulation:
    """Simulate a build, compare it with the reference and write what was asked for.

    outputs : gets the network's outputs as ``.npy``, as the model file gives them
    vcd : gets the waveform; ``.gtkw`` and ``.sucl`` beside it open it in GTKWave and Surfer
    Raises ``VerificationError`` that names the first difference.
    """
    decision, design = reopen(folder, progress)
    codes = stimulus(trial, decision.network).codes
    with progress.step(f"simulating {len(codes)} frames"):
        found = run_once(decision, design, codes, trial, folder, progress)
    if vcd is not None:
        with progress.step("writing the waveform"):
            write_waveform(decision, design, codes[: found.frames], trial, folder, vcd, progress)
    fault = fault_of(found)
    if fault is not None:
        raise VerificationError(fault)
    if outputs is not None:
        write_outputs(decision, codes[: found.frames], outputs)
    return Simulation(
        str(folder),
        found.engine,
        trial.stall,
        found.frames,
        found.values,
        found.mismatches,
        found.cycles_predicted,
        found.cycles_simulated,
        round(found.cycles_simulated / max(found.seconds, 1e-9)),
        None if outputs is None else str(outputs),
        None if vcd is None else str(vcd),
    )


def run_once(
    decision: Decision,
    design: Design,
    codes: IntArray,
    trial: Trial,
    folder: Path,
    progress: Progress,
) -> Verification:
    """Simulate all frames once, with the stalls asked for."""
    (run,) = simulate(
        design,
        decision.graph,
        codes,
        engine=trial.engine,
        stalls=(trial.stall,),
        layers=False,
        folder=folder / "sim",
        ii_cycles=decision.performance.ii_cycles,
        progress=progress,
    )
    return run.found


def write_outputs(decision: Decision, codes: IntArray, path: Path) -> None:
    """Write the outputs of frames whose simulation equals the reference."""
    values = decision.network.output.decode(decision.graph.run(codes))
    try:
        with path.open("wb") as file:
            np.save(file, values)
    except OSError as error:
        raise OutputError(f"outputs {path} cannot be written: {error.strerror}") from None


def write_waveform(
    decision: Decision,
    design: Design,
    codes: IntArray,
    trial: Trial,
    folder: Path,
    path: Path,
    progress: Progress,
) -> None:
    """Run the frames once more and record every signal; view files go beside the waveform."""
    if not path.parent.is_dir():
        raise OutputError(f"waveform {path} cannot be written: its folder does not exist")
    engine, _ = choose(trial.engine)
    flow = design.dataflow
    count = len(codes) * flow.streams[flow.output].transfers
    cycles = int((len(codes) + 2) * decision.performance.ii_cycles * 4 / (1 - trial.stall)) + 1000
    rng = np.random.default_rng(0)
    stalls = Stalls.random(rng, cycles, trial.stall) if trial.stall else None
    model = engine.build(design, folder / "sim", trace=True, notice=progress.note)
    words = pack(codes, flow.streams[flow.input], rng)
    model.run(words, count, stalls=stalls, patience=cycles, trace=path)
    write_views(path, [unit.name for unit in flow.units])
