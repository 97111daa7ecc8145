"""``python -m sim.tables``: matrix units and unrolled networks counted by Yosys, peers beside.

Counts are kept with a digest of the RTLIL they are of, so that only what changed is counted anew.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from hwgen import timing, tools
from hwgen.arith.mvu import Lane
from hwgen.arith.stream import StreamPlan
from hwgen.backend.cells import resources_of
from hwgen.backend.implement import read_timing
from hwgen.backend.yosys import mapping
from hwgen.cli import console
from hwgen.dataflow import Element
from hwgen.dataflow import units as u
from hwgen.emit.rtlil import convert
from hwgen.errors import HwgenError
from hwgen.ir import TensorType, ops
from hwgen.ir.ops import IntArray
from sim.calibrate import digest
from sim.stitch import stitch

DATA = Path(__file__).parent / "tables" / "xc7.json"
_PLACE = ("", "", (), ())
_BIPOLAR = Element(-1, 1, bipolar=True)
_SIZE = 64
_TOP = "dut"
# Inputs and outputs of an ECP5-85 in a CABGA381 package, a few less.
_PINS = 190

# LUTs of peers. da4ml 0.6.0, FINN's RTL and plain Amaranth were counted by the same Yosys; figures
# marked Vivado are FINN's own, by a tool that packs two small LUTs in one.
PEERS: Mapping[str, Mapping[str, int]] = {
    "layer PE 16 SIMD 16 W2A2": {"FINN RTL (and 32 DSP)": 6383, "plain Amaranth": 4096},
    "stream PE 16 SIMD 16 W1A1": {"FINN RTL, Vivado": 993},
    "stream PE 32 SIMD 32 W1A1": {"FINN RTL, Vivado": 2142},
    "stream PE 8 SIMD 8 W4A4": {"FINN RTL, Vivado": 1868},
    "stream PE 32 SIMD 32 W4A4": {"FINN RTL, Vivado": 28115},
    "stream PE 16 SIMD 16 W2A2": {"FINN RTL (and 32 DSP)": 3935},
    "64-64 W2A2, matrix": {"da4ml": 5052},
    "16-64-32-32-5 W2A2": {"da4ml": 6003},
    "16-64-32-32-5 W4A4": {"da4ml": 23517},
    "784-64-64-64-10 W2A2": {"da4ml": 78465},
}

# What is stitched together and counted: units of a dataflow, or a unit with streamed weights.
Part = u.Unit | StreamPlan


@dataclass(frozen=True)
class Row:
    """What is counted as one line.

    lanes : products of a weight and a code in one step
    interval : cycles between two vectors
    """

    name: str
    parts: tuple[Part, ...]
    lanes: int
    interval: int


def _weights(rng: np.random.Generator, shape: tuple[int, int], bits: int) -> IntArray:
    if bits == 1:
        return rng.choice(np.array([-1, 1], np.int64), shape)
    limit = (1 << bits - 1) - 1
    return rng.integers(-limit, limit + 1, shape)


def _matrix(
    rng: np.random.Generator,
    shape: tuple[int, int],
    bits: tuple[int, int],
    fold: tuple[int, int],
    style: str,
) -> u.MvuUnit:
    """Return a matrix of random weights; ``bits`` of weights and inputs."""
    weights = _weights(rng, shape, bits[0])
    x = Element(0, (1 << bits[1]) - 1) if bits[1] > 1 or bits[0] > 1 else _BIPOLAR
    kind = ops.Mvu(weights).infer(TensorType((shape[1],), x.low, x.high, x.bipolar))
    return u.MvuUnit(*_PLACE, weights, x, Element(kind.low, kind.high), *fold, style, "const")


def _levels(rng: np.random.Generator, matrix: u.MvuUnit, bits: int) -> u.ThresholdUnit:
    """Return thresholds that spread the sums of a matrix over all codes."""
    columns = matrix.weights.shape[1]
    sums = rng.integers(matrix.x.low, matrix.x.high + 1, (256, columns)) @ matrix.weights.T
    shares = np.arange(1, 1 << bits) / (1 << bits)
    levels = np.ceil(np.quantile(sums, shares, axis=0).T).astype(np.int64)
    y = Element(0, (1 << bits) - 1)
    return u.ThresholdUnit(*_PLACE, levels, 0, matrix.acc, y, matrix.pe)


def unrolled(sizes: tuple[int, ...], bits: int) -> Row:
    """Return a network whose every layer is used whole in every cycle, thresholds between."""
    rng = np.random.default_rng(0)
    units: list[u.Unit] = []
    lanes = 0
    for number, shape in enumerate(zip(sizes[1:], sizes, strict=False), 1):
        matrix = _matrix(rng, shape, (bits, bits), shape, "const")
        units.append(matrix)
        lanes += matrix.weights.size
        if number < len(sizes) - 1:
            units.append(_levels(rng, matrix, bits))
    alone = ", matrix" if len(sizes) == 2 else ""
    return Row(f"{'-'.join(map(str, sizes))} W{bits}A{bits}{alone}", tuple(units), lanes, 1)


def folded(lanes: int, w_bits: int, x_bits: int, style: str) -> Row:
    """Return a 64 x 64 matrix at ``lanes`` rows by ``lanes`` columns, its memory included."""
    rng = np.random.default_rng(0)
    matrix = _matrix(rng, (_SIZE, _SIZE), (w_bits, x_bits), (lanes, lanes), style)
    name = f"{style} PE {lanes} SIMD {lanes} W{w_bits}A{x_bits}"
    return Row(name, (matrix,), lanes * lanes, (_SIZE // lanes) ** 2)


def layer(lanes: int, w_bits: int, x_bits: int) -> Row:
    """Return a whole layer: vectors stored and replayed, weights, sums, thresholds."""
    rng = np.random.default_rng(0)
    matrix = _matrix(rng, (_SIZE, _SIZE), (w_bits, x_bits), (lanes, lanes), "lut")
    words = _SIZE // lanes
    vectors = u.ReplayUnit(*_PLACE, matrix.x, lanes, words, words, 2 * words)
    parts = vectors, matrix, _levels(rng, matrix, x_bits)
    return Row(f"layer PE {lanes} SIMD {lanes} W{w_bits}A{x_bits}", parts, lanes**2, words**2)


def streamed(lanes: int, w_bits: int, x_bits: int) -> Row:
    """Return a 64 x 64 matrix whose weights arrive on a stream beside the vectors."""
    x = Lane(x_bits, bipolar=w_bits == x_bits == 1)
    plan = StreamPlan(_SIZE // lanes, x, Lane(w_bits, w_bits > 1, w_bits == 1), lanes, lanes)
    name = f"stream PE {lanes} SIMD {lanes} W{w_bits}A{x_bits}"
    return Row(name, (plan,), lanes * lanes, (_SIZE // lanes) ** 2)


def rows() -> Iterator[Row]:
    """Yield all rows, small ones first."""
    kinds = (1, 1), (1, 2), (2, 2), (1, 4), (4, 4), (8, 8)
    yield layer(16, 2, 2)
    for lanes in (8, 16, 32):
        for kind in kinds:
            yield streamed(lanes, *kind)
            yield folded(lanes, *kind, "lut")
            if kind[0] > 2 and lanes < 32:
                yield folded(lanes, *kind, "dsp")
    for kind in kinds[:3]:
        yield streamed(_SIZE, *kind)
    for bits in (1, 2, 3, 4, 6):
        yield unrolled((16, 64, 32, 32, 5), bits)
    for bits in (1, 2, 3, 4, 6):
        yield unrolled((64, 64), bits)
    for bits in (1, 2):
        yield unrolled((784, 64), bits)
    yield unrolled((784, 64, 64, 64, 10), 2)


def latency(row: Row) -> int:
    """Return the cycles from a word's way in to its way out: register stages and memories."""
    cycles = 0
    for part in row.parts:
        if isinstance(part, StreamPlan):
            cycles += part.latency
        else:
            cycles += part.schedule.latency + isinstance(part.schedule, timing.Buffer)
    return cycles


def count(row: Row, folder: Path, before: Mapping[str, Any]) -> dict[str, Any]:
    """Return one line of a table: resources, delay, seconds to write the hardware, peers.

    folder : gets the RTLIL, ``dut.il``
    before : what was counted last time by the same Yosys, or empty; where the hardware is still the
        same, its counts are taken over

    ``places`` are those of all carry chains: where a carry only runs through, there is no LUT that
    ``lut`` counts, but on the chip its place is taken. ``delay_ns`` is that of the logic alone.
    """
    started = time.process_time()
    text = convert(stitch(row.parts), _TOP, top=True).text
    seconds = time.process_time() - started
    told = {
        "name": row.name,
        "digest": digest(text),
        "interval": row.interval,
        "latency": latency(row),
    }
    peers = {"peers_lut": dict(PEERS.get(row.name, {}))}
    (folder / "dut.il").write_text(text)
    if told.items() <= before.items():
        return {**before, **peers}
    script = [
        "read_rtlil dut.il",
        f"hierarchy -check -top {_TOP}",
        *mapping("xc7", _TOP),
        "tee -q -o counts.json stat -json",
        "write_verilog -noattr net.v",
        "design -reset",
        "read_verilog -specify -lib +/xilinx/cells_sim.v",
        "read_verilog net.v",
        f"hierarchy -top {_TOP}",
        "tee -q -o delay.txt sta",
    ]
    _yosys(script, folder)
    counts = json.loads((folder / "counts.json").read_text())
    cells = counts["modules"][f"\\{_TOP}"]["num_cells_by_type"]
    found = resources_of(cells, "xc7")
    return {
        **told,
        **asdict(found),
        "places": 4 * cells.get("CARRY4", 0),
        "lut_per_lane": round(found.lut / row.lanes, 2),
        "delay_ns": delay(folder / "delay.txt"),
        "seconds": round(seconds, 1),
        **peers,
    }


def delay(report: Path) -> float:
    """Return the nanoseconds of the longest path that Yosys's ``sta`` found."""
    times = re.findall(r"Latest arrival time in '.*?' is (\d+)", report.read_text())
    return max(map(int, times)) / 1000


def route(folder: Path, seeds: int) -> dict[str, Any]:
    """Return what a row takes on an ECP5-85 and its clocks after place and route, by seed.

    folder : where ``count`` left the RTLIL

    ``pins`` tells whether its streams are at pins of the chip; more than there are lie open.
    """
    _yosys(["read_rtlil dut.il", f"synth_ecp5 -top {_TOP} -json dut.json"], folder)
    ports = json.loads((folder / "dut.json").read_text())["modules"][_TOP]["ports"].values()
    pins = sum(len(port["bits"]) for port in ports) <= _PINS
    clocks: list[float] = []
    used: dict[str, Any] = {}
    tool = tools.require("nextpnr-ecp5")
    for seed in range(1, seeds + 1):
        chip = ["--85k", "--package", "CABGA381", "--speed", "6", "--lpf-allow-unconstrained"]
        chip += [] if pins else ["--out-of-context"]
        how = ["--freq", "150", "--timing-allow-fail", "--seed", str(seed), "-q"]
        files = ["--json", "dut.json", "--report", "route.json", "--log", "route.log"]
        tools.run(tool, [*chip, *how, *files], folder=folder)
        report = json.loads((folder / "route.json").read_text())
        clocks.append(round(read_timing(report)[0], 1))
        used = {kind: entry["used"] for kind, entry in report["utilization"].items()}
    return {
        "lut": used["TRELLIS_COMB"],
        "ff": used["TRELLIS_FF"],
        "fmax_mhz": clocks,
        "pins": pins,
        "tool": f"nextpnr-ecp5 {tool.version}",
    }


def _yosys(script: Sequence[str], folder: Path) -> None:
    (folder / "count.ys").write_text("\n".join(script) + "\n")
    tools.run(tools.require("yosys"), ["-q", "-l", "yosys.log", "-s", "count.ys"], folder=folder)


def main(
    only: Annotated[str, typer.Option(help="Rows whose name holds this text.")] = "",
    seeds: Annotated[
        int, typer.Option("--route", help="Also place and route on ECP5-85, so many seeds.")
    ] = 0,
    save: Annotated[Path, typer.Option("--json", help="File of the rows.")] = DATA,
    again: Annotated[bool, typer.Option("--all", help="Count what has not changed, too.")] = False,
) -> None:
    """Count rows and save them beside those that were counted before."""
    known = json.loads(save.read_text()) if save.exists() else {"rows": []}
    lines: dict[str, Any] = {line["name"]: line for line in known["rows"]}
    tool = f"Yosys {tools.require('yosys').version}"
    keeps = not again and known.get("tool") == tool
    chosen = [row for row in rows() if only in row.name]
    if not chosen:
        console.line(f"no row has {only!r} in its name")
        raise typer.Exit(2)
    try:
        for row in chosen:
            before = lines.get(row.name, {})
            lines[row.name] = _line(row, seeds, before, keeps=keeps)
            console.line(json.dumps(lines[row.name]))
            save.parent.mkdir(parents=True, exist_ok=True)
            saved = {"tool": tool, "rows": _sorted(lines)}
            save.write_text(json.dumps(saved, indent=1) + "\n")
    except HwgenError as error:
        console.line(str(error))
        sys.exit(error.exit_code)


def _line(row: Row, seeds: int, before: Mapping[str, Any], *, keeps: bool) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        line = count(row, Path(folder), before if keeps else {})
        if seeds:
            return line | {"ecp5": route(Path(folder), seeds)}
    return line


def _sorted(lines: Mapping[str, Any]) -> list[Any]:
    """Return the lines in the order of ``rows``; others are gone."""
    return [lines[row.name] for row in rows() if row.name in lines]


if __name__ == "__main__":
    typer.run(main)
