"""One design at one folding: decided, emitted, simulated, compared."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from hwgen.errors import InputError, suggest
from hwgen.flow.decide import Decision, decide
from hwgen.flow.design import emit_design
from hwgen.flow.inputs import random_codes
from hwgen.flow.progress import Progress
from hwgen.flow.prove import fault_of, simulate
from hwgen.flow.request import Request
from hwgen.frontend import Network
from hwgen.host import arrange
from hwgen.ir.ops import IntArray
from hwgen.verify import Verification

FoldingName = Literal["smallest", "slow", "fastest", "file"]
FOLDINGS: tuple[FoldingName, ...] = ("smallest", "slow", "fastest", "file")
CRAWL_FPS = 1e-3
SLOW_FPS = 2000.0
# What each folding that is searched for must reach; without a target the fastest.
TARGETS: dict[FoldingName, float | None] = {
    "smallest": CRAWL_FPS,
    "slow": SLOW_FPS,
    "fastest": None,
}


@dataclass(frozen=True)
class Bench:
    """What to run: a design's folder at one kind of folding.

    folding : ``smallest`` of all, ``slow`` (2,000 fps), ``fastest`` within 70 % of the board, or
        the ``file`` folding.toml beside the network
    """

    folder: Path
    folding: FoldingName

    def request(self, board: str) -> Request:
        """Return what asks for this design."""
        model = self.folder / "model.onnx"
        if self.folding == "file":
            return Request(model, board, folding=self.folder / "folding.toml")
        target = TARGETS[self.folding]
        return Request(model, board, target_fps=target, maximize=None if target else "fps")


@dataclass(frozen=True)
class Outcome:
    """What a bench gave; ``values`` and ``mismatches`` over the runs with and without stalls.

    cycles_predicted, cycles_simulated : of the run without stalls
    ii_cycles, latency_cycles : of the core; equal to what was simulated unless there is a fault
    latency_us, fps : the same at ``clock_mhz``
    lut, bram36, dsp : estimate
    fault : what is wrong, None where nothing is
    seconds : from reading the network to the last comparison
    """

    design: str
    folding: str
    frames: int
    values: int
    mismatches: int
    cycles_predicted: int
    cycles_simulated: int
    cycles_per_second: float
    ii_cycles: float
    latency_cycles: int
    clock_mhz: float
    latency_us: float
    fps: float
    lut: int
    bram36: float
    dsp: int
    engine: str
    seconds: float
    fault: str | None


def benches(root: Path, designs: list[str], foldings: list[str]) -> list[Bench]:
    """Return the benches of ``root``; raise ``InputError`` for an unknown design or folding."""
    known = sorted(path.parent.name for path in root.glob("*/model.onnx"))
    for name in designs:
        if name not in known:
            raise InputError(f"design {name!r} is unknown{suggest(name, known)}")
    for name in foldings:
        if name not in FOLDINGS:
            raise InputError(f"folding {name!r} is unknown{suggest(name, FOLDINGS)}")
    return [
        Bench(root / design, folding)
        for design in designs or known
        for folding in FOLDINGS
        if folding in (foldings or FOLDINGS)
        and (folding != "file" or (root / design / "folding.toml").exists())
    ]


def run(
    bench: Bench, *, board: str, frames: int, engine: str, stall: float, progress: Progress
) -> Outcome:
    """Run one bench: real samples of the design first, random codes for the rest."""
    started = time.perf_counter()
    decision = decide(bench.request(board), progress)
    design = emit_design(decision, bench.folder.name)
    codes = real_then_random(bench.folder, decision.network, frames)
    with tempfile.TemporaryDirectory() as folder, progress.step("simulating"):
        runs = simulate(
            design,
            decision.graph,
            codes,
            engine=engine,
            stalls=(0.0, stall) if stall else (0.0,),
            layers=True,
            folder=Path(folder),
            ii_cycles=decision.performance.ii_cycles,
            progress=progress,
        )
    return _outcome(bench, decision, [run.found for run in runs], time.perf_counter() - started)


def real_then_random(folder: Path, network: Network, frames: int) -> IntArray:
    """Return input codes: of the design's samples for half of the frames, then random ones."""
    source = network.input
    codes = random_codes(source.type, frames)
    samples = folder / "samples.npz"
    if not samples.exists():
        return codes
    with np.load(samples) as archive:
        real = source.encode(arrange(archive["x"], source.shape))[: max(1, frames // 2)]
    return np.concatenate([real, codes[: frames - len(real)]])


def _outcome(bench: Bench, decision: Decision, runs: list[Verification], seconds: float) -> Outcome:
    free = runs[0]
    cycles = sum(run.cycles_simulated for run in runs)
    faults = [fault for run in runs if (fault := fault_of(run)) is not None]
    return Outcome(
        design=bench.folder.name,
        folding=bench.folding,
        frames=sum(run.frames for run in runs),
        values=sum(run.values for run in runs),
        mismatches=sum(run.mismatches for run in runs),
        cycles_predicted=free.cycles_predicted,
        cycles_simulated=free.cycles_simulated,
        cycles_per_second=round(cycles / max(sum(run.seconds for run in runs), 1e-9)),
        ii_cycles=decision.performance.ii_cycles,
        latency_cycles=decision.performance.latency_cycles,
        clock_mhz=decision.clock_mhz,
        latency_us=decision.performance.latency_cycles / decision.clock_mhz,
        fps=decision.fps,
        lut=round(decision.estimate.total.lut),
        bram36=decision.estimate.total.bram36,
        dsp=round(decision.estimate.total.dsp),
        engine=free.engine,
        seconds=round(seconds, 2),
        fault=faults[0] if faults else None,
    )
