"""``python -m sim``: run the regression benches and print a table."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from hwgen.cli import console
from hwgen.errors import OutputError
from hwgen.flow.progress import Progress
from hwgen.report.figures import count, rate
from sim.peers import Peer, peers_of
from sim.regression import Outcome, benches, run

DESIGNS = Path(__file__).resolve().parents[1] / "designs"


def main(
    design: Annotated[
        list[str] | None, typer.Option("--design", help="Only this one (repeatable).")
    ] = None,
    folding: Annotated[
        list[str] | None,
        typer.Option("--folding", help="smallest, slow, fastest or file (repeatable)."),
    ] = None,
    board: Annotated[str, typer.Option("--board", help="Board to fold for.")] = "pynq-z2",
    frames: Annotated[int, typer.Option("--frames", help="Frames per run.")] = 32,
    engine: Annotated[str, typer.Option("--engine", help="Simulator.")] = "auto",
    stall: Annotated[float, typer.Option("--stall", help="Stalled cycles of the 2nd run.")] = 0.3,
    save: Annotated[Path | None, typer.Option("--json", help="Also write the rows here.")] = None,
    designs: Annotated[Path, typer.Option("--designs", help="Folder of designs.")] = DESIGNS,
) -> None:
    """Build every design at several foldings, simulate, compare with the reference."""
    rows: list[Outcome] = []
    with console.running(quiet=False) as shown:
        for bench in benches(designs, design or [], folding or []):
            shown.note(f"{bench.folder.name}, {bench.folding}")
            progress = Progress(shown)
            rows.append(
                run(
                    bench,
                    board=board,
                    frames=frames,
                    engine=engine,
                    stall=stall,
                    progress=progress,
                )
            )
    console.out.print(table(rows))
    if any(peers_of(row.design) for row in rows):
        console.line("Simulated speed and estimated cells beside published figures:")
        console.out.print(beside(rows))
    for row in rows:
        if row.fault is not None:
            console.line(f"{row.design}, {row.folding}: {row.fault}")
    if save is not None:
        try:
            save.write_text(json.dumps([_stored(row) for row in rows], indent=2) + "\n")
        except OSError as error:
            raise OutputError(f"{save} cannot be written: {error.strerror}") from None
    if not rows or any(row.fault for row in rows):
        raise typer.Exit(1)


def table(rows: list[Outcome]) -> Table:
    """Return a line per bench."""
    made = Table(box=None, pad_edge=False, collapse_padding=True)
    made.add_column("Design", overflow="fold")
    made.add_column("Folding", no_wrap=True)
    for head in ("Values", "Wrong", "Predicted", "Simulated", "Cycles/s", "fps"):
        made.add_column(head, justify="right", no_wrap=True)
    for row in rows:
        made.add_row(
            row.design,
            row.folding,
            count(row.values),
            count(row.mismatches),
            count(row.cycles_predicted),
            count(row.cycles_simulated),
            count(row.cycles_per_second),
            rate(row.fps),
            style="bold" if row.fault else None,
        )
    return made


def beside(rows: list[Outcome]) -> Table:
    """Return a line per bench whose network others built, and one for each of theirs."""
    made = Table(box=None, pad_edge=False)
    made.add_column("Design", overflow="fold")
    for head in ("fps", "Latency, us", "LUT", "BRAM36", "DSP"):
        made.add_column(head, justify="right")
    for design in dict.fromkeys(row.design for row in rows if peers_of(row.design)):
        for row in rows:
            if row.design == design and row.fault is None:
                name = f"{design}, {row.folding}, {row.clock_mhz:g} MHz"
                made.add_row(name, *_cells(row), style="bold")
        for peer in peers_of(design):
            made.add_row(f"  {peer.name}", *_cells(peer))
    return made


def _cells(row: Outcome | Peer) -> tuple[str, ...]:
    """Return speed and size as text, a dash for what is not known."""
    return (
        "-" if row.fps is None else rate(row.fps),
        "-" if row.latency_us is None else f"{row.latency_us:,.1f}",
        "-" if row.lut is None else count(row.lut),
        "-" if row.bram36 is None else f"{row.bram36:g}",
        "-" if row.dsp is None else count(row.dsp),
    )


def _stored(row: Outcome) -> dict[str, object]:
    return {**asdict(row), "peers": [asdict(peer) for peer in peers_of(row.design)]}


if __name__ == "__main__":
    with console.ending():
        typer.run(main)
