"""``python -m sim.sq``: stochastic quantization against plain training of equal length, paired.

The seeds are fixed here, before any run. The table and the plot say what came out, whatever its
sign.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from hwgen.cli import console
from hwgen.train.study import BASELINE, Comparison, Trial, compared, trials

FIRST_SEED = 100
SCALE = 60  # of the plot: pixels per percentage point


def main(
    seeds: Annotated[int, typer.Option("--seeds", help="How many, from 100 on.", min=1)] = 16,
    epochs: Annotated[int, typer.Option("--epochs", help="Of each of four stages.", min=1)] = 30,
    out: Annotated[Path, typer.Option("--out", help="Folder for table and plot.")] = Path("sq"),
) -> None:
    """Train every method on every seed; write ``trials.csv``, ``summary.csv`` and ``plot.svg``."""
    out.mkdir(parents=True, exist_ok=True)
    results: list[Trial] = []
    with console.running(quiet=False) as shown:
        for quantizer in ("bwn", "twn"):
            for trial in trials(quantizer, range(FIRST_SEED, FIRST_SEED + seeds), epochs):
                results.append(trial)
                shown.step(f"{trial.quantizer}, seed {trial.seed}, {trial.arm}")
                _write(out / "trials.csv", results)
    summary = compared(results)
    _write(out / "summary.csv", summary)
    (out / "plot.svg").write_text(plot(summary), encoding="utf-8")
    console.out.print(table(summary))


def table(summary: Sequence[Comparison]) -> Table:
    """Return the comparison for people."""
    shown = Table("weights", "method", "accuracy %", "difference to plain", "seeds won")
    for row in summary:
        paired = "" if row.arm == BASELINE else f"{row.difference:+.2f} (se {row.error:.2f})"
        wins = "" if row.arm == BASELINE else f"{row.wins} of {row.seeds}"
        accuracy = f"{row.mean:.2f} (sd {row.deviation:.2f})"
        shown.add_row(row.quantizer, row.arm, accuracy, paired, wins)
    return shown


def plot(summary: Sequence[Comparison]) -> str:
    """Return an SVG: each method's mean paired difference, bars of two standard errors."""
    rows = [row for row in summary if row.arm != BASELINE]
    height, middle = 40 + 30 * len(rows), 420
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="720" height="{height}" '
        f'font-family="sans-serif" font-size="13">',
        f'<line x1="{middle}" y1="10" x2="{middle}" y2="{height - 25}" stroke="gray"/>',
        f'<text x="{middle}" y="{height - 8}" text-anchor="middle">'
        f"percentage points over plain training, bars of two standard errors</text>",
    ]
    for index, row in enumerate(rows):
        y = 25 + 30 * index
        at = middle + SCALE * row.difference
        reach = 2 * SCALE * row.error
        parts += [
            f'<text x="10" y="{y + 4}">{row.quantizer}, {row.arm}: {row.difference:+.2f}</text>',
            f'<line x1="{at - reach:.1f}" y1="{y}" x2="{at + reach:.1f}" y2="{y}" stroke="black"/>',
            f'<circle cx="{at:.1f}" cy="{y}" r="4"/>',
        ]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _write(path: Path, rows: Sequence[Trial] | Sequence[Comparison]) -> None:
    table = [asdict(row) for row in rows]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(table[0]))
        writer.writeheader()
        writer.writerows(table)


if __name__ == "__main__":
    with console.ending():
        typer.run(main)
