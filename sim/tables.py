"""``python -m sim.tables``: matrix units and unrolled networks counted by Yosys, peers beside."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from hwgen.backend.batch import count_modules
from hwgen.boards import Resources
from hwgen.cli import console
from hwgen.dataflow import Element
from hwgen.dataflow import units as u
from hwgen.emit.components import component
from hwgen.emit.rtlil import convert
from hwgen.ir import TensorType, ops
from hwgen.ir.ops import IntArray
from hwgen.tools import require

DATA = Path(__file__).parent / "tables"
_PLACE = ("", "", (), ())
_BIPOLAR = Element(-1, 1, bipolar=True)

# LUTs of peers: da4ml 0.6.0 with the same Yosys; FINN's matrix units by Vivado, which packs two
# small LUTs in one, and without the memory of their weights.
PEERS = {
    "64-64 W2A2, matrix": {"da4ml": 5052},
    "16-64-32-32-5 W2A2": {"da4ml": 6003},
    "16-64-32-32-5 W4A4": {"da4ml": 23517},
    "784-64-64-64-10 W2A2": {"da4ml": 78465},
    "PE 16 SIMD 16 W1A1 lut": {"FINN (Vivado)": 993},
    "PE 32 SIMD 32 W1A1 lut": {"FINN (Vivado)": 2142},
    "PE 8 SIMD 8 W4A4 lut": {"FINN (Vivado)": 1868},
}


@dataclass(frozen=True)
class Row:
    """What is counted as one line: units, and the file's name for them."""

    name: str
    units: tuple[u.Unit, ...]


def _weights(rng: np.random.Generator, shape: tuple[int, int], bits: int) -> IntArray:
    if bits == 1:
        return rng.choice(np.array([-1, 1], np.int64), shape)
    limit = (1 << bits - 1) - 1
    return rng.integers(-limit, limit + 1, shape)


def _layer(
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


def _levels(rng: np.random.Generator, layer: u.MvuUnit, bits: int) -> u.ThresholdUnit:
    """Return thresholds that spread the sums of a layer over all codes."""
    rows, columns = layer.weights.shape
    sums = rng.integers(layer.x.low, layer.x.high + 1, (256, columns)) @ layer.weights.T
    shares = np.arange(1, 1 << bits) / (1 << bits)
    levels = np.ceil(np.quantile(sums, shares, axis=0).T).astype(np.int64)
    y = Element(0, (1 << bits) - 1)
    return u.ThresholdUnit(*_PLACE, levels, 0, layer.acc, y, rows)


def unrolled(sizes: tuple[int, ...], bits: int) -> Row:
    """Return a network whose every layer is used whole in every cycle, thresholds between."""
    rng = np.random.default_rng(0)
    units: list[u.Unit] = []
    for number, shape in enumerate(zip(sizes[1:], sizes, strict=False), 1):
        layer = _layer(rng, shape, (bits, bits), shape, "const")
        units.append(layer)
        if number < len(sizes) - 1:
            units.append(_levels(rng, layer, bits))
    alone = ", matrix" if len(sizes) == 2 else ""
    return Row(f"{'-'.join(map(str, sizes))} W{bits}A{bits}{alone}", tuple(units))


def folded(lanes: int, w_bits: int, x_bits: int, style: str) -> Row:
    """Return a 64 x 64 matrix at ``lanes`` rows by ``lanes`` columns, its memory included."""
    rng = np.random.default_rng(0)
    layer = _layer(rng, (64, 64), (w_bits, x_bits), (lanes, lanes), style)
    return Row(f"PE {lanes} SIMD {lanes} W{w_bits}A{x_bits} {style}", (layer,))


def rows() -> Iterator[Row]:
    """Yield all rows, small ones first."""
    for lanes in (8, 16, 32):
        for w_bits, x_bits in ((1, 1), (1, 2), (2, 2), (1, 4), (4, 4), (8, 8)):
            yield folded(lanes, w_bits, x_bits, "lut")
            if w_bits > 2 and lanes < 32:
                yield folded(lanes, w_bits, x_bits, "dsp")
    for bits in (1, 2, 3, 4, 6):
        yield unrolled((16, 64, 32, 32, 5), bits)
    for bits in (1, 2, 3, 4, 6):
        yield unrolled((64, 64), bits)
    yield unrolled((784, 64, 64, 64, 10), 2)


def count(row: Row, folder: Path) -> dict[str, Any]:
    """Return one line of a table: resources, seconds to write the hardware, peers."""
    started = time.perf_counter()
    parts = {f"u{n}": convert(component(unit), f"u{n}").text for n, unit in enumerate(row.units)}
    seconds = time.perf_counter() - started
    counts = count_modules(parts, "xc7", folder=folder)
    total = sum(counts.values(), Resources())
    stages = sum(unit.schedule.latency for unit in row.units)
    line: dict[str, Any] = {"name": row.name, "stages": stages, "seconds": round(seconds, 1)}
    return line | asdict(total) | {"peers_lut": PEERS.get(row.name, {})}


def main(
    only: Annotated[str, typer.Option(help="Rows whose name holds this text.")] = "",
) -> None:
    """Count rows and save them beside those that were counted before."""
    path = DATA / "xc7.json"
    known = json.loads(path.read_text()) if path.exists() else {"rows": []}
    lines = {line["name"]: line for line in known["rows"]}
    for row in rows():
        if only not in row.name:
            continue
        with tempfile.TemporaryDirectory() as folder:
            line = count(row, Path(folder))
        lines[row.name] = line
        console.line(json.dumps(line))
        DATA.mkdir(exist_ok=True)
        saved = {"tool": f"Yosys {require('yosys').version}", "rows": list(lines.values())}
        path.write_text(json.dumps(saved, indent=1) + "\n")


if __name__ == "__main__":
    typer.run(main)
