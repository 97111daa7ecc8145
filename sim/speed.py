"""``python -m sim.speed``: cycles per second of a simulation beside a bare loop."""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import typer

from hwgen import dataflow
from hwgen.cli import console
from hwgen.dataflow import pack
from hwgen.emit import Design, emit
from hwgen.ir import Fold, Folding, Graph, Input, Node, TensorType, ops
from hwgen.verify import verify
from hwgen.verify.verilator import Verilator

SAVED = Path(__file__).parent / "tables" / "speed.json"
_NEVER_ZERO = 1e-9


@dataclass(frozen=True)
class Speed:
    """Cycles per second, each the best of some turns on one compiled model in one process.

    bare : two evaluations per cycle with a new input word each, nothing else
    run : as ``hwgen sim`` drives the model and as it reports its speed
    compared : the same with packing, reference, predicted cycles and comparison
    build_seconds : Verilator and the C++ compiler
    """

    layer: str
    frames: int
    cycles: int
    build_seconds: float
    bare: int
    run: int
    compared: int

    @property
    def share(self) -> float:
        """Part of the bare loop's speed that a simulation has."""
        return self.run / self.bare


def layer(pe: int = 16, simd: int = 16) -> tuple[Graph, Design]:
    """Return a 64 x 64 layer of 2-bit weights and codes with thresholds, folded."""
    rng = np.random.default_rng(0)
    weights = rng.integers(-1, 2, (64, 64))
    levels = np.sort(rng.integers(-20, 21, (64, 3)), axis=1)
    nodes = (Node("fc", ops.Mvu(weights), ("x",)), Node("act", ops.Threshold(levels), ("fc",)))
    graph = Graph((Input("x", TensorType((64,), 0, 3)),), nodes, ("act",))
    fold = Fold(pe=pe, simd=simd, style="lut", memory="const")
    planned = dataflow.size_fifos(dataflow.plan(graph, Folding({"fc": fold})))
    return graph, emit(planned, "layer")


def measure(folder: Path, *, frames: int = 40_000, turns: int = 3) -> Speed:
    """Compile the layer and time the bare loop, the driven run and the whole comparison."""
    graph, design = layer()
    engine = Verilator()
    codes = np.random.default_rng(1).integers(0, 4, (frames, 64))
    words = pack(codes, design.dataflow.streams[design.dataflow.input])
    # The speed asked for is that of long runs, so the model is compiled for such.
    cycles = 16 * frames
    started = time.perf_counter()
    model = engine.build(design, folder, cycles=cycles)
    built = time.perf_counter() - started
    bare, run, compared = [], [], []
    for _ in range(turns):
        bare.append(cycles / model.spin(words, cycles))
        started = time.perf_counter()
        found = verify(design, graph, codes, engine=engine, folder=folder, stalls=(0.0,))
        whole = time.perf_counter() - started
        found.require()
        run.append(found.cycles_simulated / max(found.seconds, _NEVER_ZERO))
        compared.append(found.cycles_simulated / whole)
    best = (round(max(speeds)) for speeds in (bare, run, compared))
    return Speed("64x64 W2A2, PE 16 SIMD 16", frames, cycles, round(built, 1), *best)


def main() -> None:
    """Measure, print and save."""
    with tempfile.TemporaryDirectory() as folder:
        speed = measure(Path(folder))
    console.line(
        f"{speed.layer}: bare loop {speed.bare:,} cycles/s, simulation {speed.run:,} "
        f"({speed.share:.0%}), with reference and comparison {speed.compared:,}"
    )
    SAVED.parent.mkdir(exist_ok=True)
    SAVED.write_text(json.dumps(asdict(speed) | {"share": round(speed.share, 3)}, indent=1) + "\n")


if __name__ == "__main__":
    typer.run(main)
