"""``python -m sim.ptq``: post-training quantization compared, in accuracy, error and LUTs.

Every method quantizes every float network at every width with several calibration sets. Accuracy is
that of the exported file's integers; LUTs are the estimate of the whole design at one speed.
``results.json`` is written as it grows, and what it holds already is not done again: a study may be
interrupted, or made of several commands.
"""

from __future__ import annotations

import itertools
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from rich.table import Table
from torch import nn

from hwgen import flow
from hwgen.cli import console
from hwgen.errors import BudgetError
from hwgen.flow.progress import Progress
from hwgen.ptq import GPFQConfig, QMSEConfig, TSQConfig, quantize, reference_accuracy
from hwgen.ptq.config import Config
from hwgen.ptq.quantize import share_right
from sim import ptq_nets

_PLAIN = QMSEConfig(scale="max", act_scale="max", usp=False, bias_correction=False)
ARMS: dict[str, Config] = {
    "max-abs": _PLAIN,
    "QMSE": QMSEConfig(usp=False, bias_correction=False),
    "QMSE+USP": QMSEConfig(),
    "QMSE+USP, biases kept": QMSEConfig(bias_correction=False),
    "QMSE+USP, moments anew": QMSEConfig(statistics="anew"),
    "GPFQ": GPFQConfig(usp=False),
    "GPFQ+USP": GPFQConfig(),
    "GPFQ layer step": GPFQConfig(usp=False, step="quantile"),
    "SGPFQ": GPFQConfig(usp=False, variant="stochastic"),
    "GPFQ soft": GPFQConfig(usp=False, variant="soft"),
    "TSQ step 2": TSQConfig(usp=False, edge_bits=None, act_bits=8),
    "TSQ A4": TSQConfig(edge_bits=None, act_bits=4),
    "TSQ A4 finetuned": TSQConfig(edge_bits=None, act_bits=4, finetune=10),
}


@dataclass(frozen=True)
class Trial:
    """One quantization: shares of the test samples in 0..1, LUTs 0 where not estimated.

    error : relative square error of the network's output on the calibration samples
    layers : the same for each layer's output
    """

    network: str
    method: str
    bits: int
    seed: int
    float_accuracy: float
    accuracy: float
    error: float
    layers: dict[str, float]
    luts: float
    samples: int

    @property
    def key(self) -> tuple[str, str, int, int]:
        """What tells one trial from another."""
        return self.network, self.method, self.bits, self.seed


@dataclass(frozen=True)
class Row:
    """All seeds of a method at a width; accuracy and its deviation in percent.

    samples : test samples, the least of all seeds
    """

    network: str
    method: str
    bits: int
    seeds: int
    float_accuracy: float
    accuracy: float
    deviation: float
    error: float
    luts: float
    samples: int


def main(
    nets: Annotated[list[str] | None, typer.Option("--net", help="Repeatable.")] = None,
    arms: Annotated[list[str] | None, typer.Option("--method", help="Repeatable.")] = None,
    bits: Annotated[list[int] | None, typer.Option("--bits", help="Repeatable.")] = None,
    seeds: Annotated[int, typer.Option("--seeds", help="Calibration sets.", min=1)] = 3,
    calibration: Annotated[int, typer.Option("--calibration", min=2)] = 256,
    limit: Annotated[int | None, typer.Option("--limit", help="Test samples; default all.")] = None,
    fps: Annotated[float, typer.Option("--fps", help="At which LUTs are estimated; 0: not.")] = 1e3,
    train: Annotated[list[str] | None, typer.Option("--train", help="Train these first.")] = None,
    shared: Annotated[Path, typer.Option("--shared", help="Folder of models and data.")] = Path(
        "../shared"
    ),
    out: Annotated[Path, typer.Option("--out", help="Folder to write.")] = Path("ptq"),
    states: Annotated[Path, typer.Option("--states", help="Folder of trained weights.")] = Path(
        "sim/float"
    ),
) -> None:
    """Train what is asked for, compare; write ``results.json``, ``table.md``, ``plot.svg``."""
    torch.set_num_threads(1)  # two threads on busy cores wait for each other
    out.mkdir(parents=True, exist_ok=True)
    results = _read(out / "results.json")
    with console.running(quiet=False) as shown:
        for name in train or []:
            ptq_nets.train(
                name,
                shared,
                states,
                out,
                lambda epoch, loss: shown.step(f"epoch {epoch}: {loss:.4f}"),
            )
        for name in nets or list(ptq_nets.BENCHES):
            chosen = {arm: ARMS[arm] for arm in arms or ARMS}
            net = ptq_nets.network(name, shared, states)
            done = {trial.key: trial for trial in results}
            widths = bits or [8, 4, 3, 2]
            study = trials(
                name, net, chosen, widths, seeds, calibration, limit, fps, shared, done
            )  # fmt: skip
            for trial in study:
                results.append(trial)
                shown.step(f"{name}, {trial.method}, {trial.bits} bit: {trial.accuracy:.4f}")
                _write(out / "results.json", results)
    rows = summary(results)
    _write(out / "results.json", results)
    (out / "plot.svg").write_text(plot(rows), encoding="utf-8")
    (out / "table.md").write_text(markdown(rows), encoding="utf-8")
    console.out.print(table(rows))


def trials(
    name: str,
    net: nn.Module,
    arms: dict[str, Config],
    widths: Sequence[int],
    seeds: int,
    calibration: int,
    limit: int | None,
    fps: float,
    shared: Path,
    done: dict[tuple[str, str, int, int], Trial],
) -> Iterator[Trial]:
    """Quantize one network by every method at every width; LUTs for the first seed alone."""
    before = next((trial.float_accuracy for key, trial in done.items() if key[0] == name), None)
    for seed in range(seeds):
        data = ptq_nets.data(name, shared, seed, calibration, limit)
        assert data.test is not None
        before = share_right(net, data, data.test) if before is None else before
        for (arm, config), bits in itertools.product(arms.items(), widths):
            if (name, arm, bits, seed) in done:
                continue
            own = replace(config, weight_bits=bits, seed=seed)
            found = quantize(net, own, replace(data, test=None))
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "model.onnx"
                found.export(path)
                share = reference_accuracy(path, data, data.test)
                luts = _luts(path, fps) if fps and not seed else 0.0
            layers = {row.name: row.error for row in found.rows}
            yield Trial(
                name, arm, bits, seed, before, share, found.error, layers, luts, len(data.test)
            )


def _luts(path: Path, fps: float) -> float:
    """Return the estimate of the whole design, 0 where the board does not hold the network."""
    request = flow.Request(path, "zcu104", target_fps=fps, budget=1.0)
    try:
        return flow.estimate(request, command="", progress=Progress()).resources.estimate.lut
    except BudgetError:
        return 0.0


def summary(results: Sequence[Trial]) -> list[Row]:
    """Return a row for each network, method and width."""
    rows: list[Row] = []
    for key in dict.fromkeys((t.network, t.method, t.bits) for t in results):
        own = [t for t in results if (t.network, t.method, t.bits) == key]
        shares = 100 * np.array([t.accuracy for t in own])
        rows.append(
            Row(
                *key,
                len(own),
                100 * own[0].float_accuracy,
                float(shares.mean()),
                float(shares.std(ddof=1)) if len(own) > 1 else 0.0,
                float(np.mean([t.error for t in own])),
                max(t.luts for t in own),
                min(t.samples for t in own),
            )
        )
    return rows


def table(rows: Sequence[Row]) -> Table:
    """Return the comparison for people."""
    made = Table(box=None, pad_edge=False)
    for head in ("Network", "Method", "Bits", "Float %", "Accuracy %", "Output error", "LUT"):
        made.add_column(head, justify="left" if head in ("Network", "Method") else "right")
    for row in rows:
        spread = f"{row.accuracy:.2f} (sd {row.deviation:.2f})"
        figures = (f"{row.float_accuracy:.2f}", spread, f"{row.error:.2g}", f"{row.luts:,.0f}")
        made.add_row(row.network, row.method, str(row.bits), *figures)
    return made


WIDTH, HEIGHT, EDGE = 720, 360, 50
COLOURS = ("#1b6", "#06c", "#c30", "#93c", "#963", "#088", "#c09", "#555", "#b80")


def plot(rows: Sequence[Row]) -> str:
    """Return an SVG: points lost against LUTs, a panel for each network, a colour per method."""
    names = list(dict.fromkeys(row.network for row in rows if row.luts))
    methods = list(dict.fromkeys(row.method for row in rows))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" '
        f'height="{HEIGHT * len(names) + 20 * len(methods) + 20}" '
        f'font-family="sans-serif" font-size="12">'
    ]
    for number, name in enumerate(names):
        own = [row for row in rows if row.network == name and row.luts]
        most = max(row.luts for row in own)
        top = number * HEIGHT
        low = top + HEIGHT - EDGE
        parts += [
            f'<text x="{EDGE}" y="{top + 20}">{name}: accuracy (%) against LUTs up to '
            f"{most:,.0f}</text>",
            f'<path d="M{EDGE} {top + 30}V{low}H{WIDTH - 10}" fill="none" stroke="gray"/>',
        ]
        for share in range(0, 101, 20):
            y = low - share / 100 * (HEIGHT - EDGE - 40)
            parts.append(f'<text x="10" y="{y + 4:.1f}">{share}</text>')
        for row in own:
            x = EDGE + row.luts / most * (WIDTH - EDGE - 30)
            y = low - row.accuracy / 100 * (HEIGHT - EDGE - 40)
            colour = COLOURS[methods.index(row.method) % len(COLOURS)]
            parts += [
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}">'
                f"<title>{row.method}, {row.bits} bit: {row.accuracy:.2f} %</title></circle>",
                f'<text x="{x + 5:.1f}" y="{y - 4:.1f}" fill="{colour}">{row.bits}</text>',
            ]
    for number, method in enumerate(methods):
        y = HEIGHT * len(names) + 20 * number + 10
        colour = COLOURS[number % len(COLOURS)]
        parts.append(f'<text x="{EDGE}" y="{y}" fill="{colour}">{method}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def markdown(rows: Sequence[Row]) -> str:
    """Return the comparison in Markdown: a line for each method, a column for each width."""
    widths = sorted({row.bits for row in rows}, reverse=True)
    lines = [
        "| network | method | " + " | ".join(f"{bits} bit" for bits in widths) + " |",
        "|---|---|" + "---|" * len(widths),
    ]
    for network in dict.fromkeys(row.network for row in rows):
        own = [row for row in rows if row.network == network]
        measured = f"{network}, {min(row.samples for row in own):,} test samples"
        lines.append(f"| {measured} | float, {own[0].float_accuracy:.2f} |" + " |" * len(widths))
        for method in dict.fromkeys(row.method for row in own):
            cells = {row.bits: _cell(row) for row in own if row.method == method}
            filled = " | ".join(cells.get(bits, "") for bits in widths)
            lines.append(f"| | {method} | {filled} |")
    return "\n".join(lines) + "\n"


def _cell(row: Row) -> str:
    spread = f" ± {row.deviation:.2f}" if row.seeds > 1 else ""
    return f"{row.accuracy:.2f}{spread}" + (f" ({row.luts:,.0f} LUT)" if row.luts else "")


def _read(path: Path) -> list[Trial]:
    if not path.is_file():
        return []
    found = json.loads(path.read_text(encoding="utf-8"))
    return [Trial(**trial) for trial in found["trials"]]


def _write(path: Path, results: Sequence[Trial]) -> None:
    found = {
        "summary": [asdict(row) for row in summary(results)],
        "trials": [asdict(trial) for trial in results],
    }
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    draft.replace(path)


if __name__ == "__main__":
    with console.ending():
        typer.run(main)
