"""``hwgen train``: run a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hwgen.cli import console
from hwgen.cli import options as o
from hwgen.cli.application import app


@app.command()
def train(
    recipe: Annotated[Path, typer.Argument(help="A recipe.toml.", show_default=False)],
    data: Annotated[Path, typer.Option("--data", help="Folder of the data sets.")] = Path("data"),
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder to write; default: train/ and the design.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", help="Only so many samples, one epoch a stage.", min=1)
    ] = None,
    *,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint in the folder.")
    ] = False,
    json: o.JsonOption = False,
    quiet: o.QuietOption = False,
) -> None:
    """Train a low-bit network and export it as QONNX, compared with torch."""
    from hwgen import train as training  # loads torch, which no other command needs

    checked = training.read_recipe(recipe)
    folder = out or Path("train") / recipe.resolve().parent.name
    result = training.run(
        checked, data=data, out=folder, resume=resume, limit=limit, progress=not quiet
    )
    if json:
        console.emit_json(
            {
                "accuracy": result.accuracy,
                "samples": result.samples,
                "model": str(result.model),
                "checkpoint": str(result.checkpoint),
            }
        )
        return
    console.line(f"{result.accuracy:.2%} of {result.samples} test samples; wrote {result.model}")
