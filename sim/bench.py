"""``python -m sim.bench``: all tables: units, unrolled layers, whole networks, designs, speed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sim import networks, speed, tables


def main(
    models: Annotated[Path, typer.Option(help="Folder of the published networks.")] = Path(
        "models"
    ),
    again: Annotated[
        bool, typer.Option("--all", help="Count what has not changed, too, which takes hours.")
    ] = False,
) -> None:
    """Count all that changed since the last time and save it under ``sim/tables``."""
    tables.main(only="", again=again)
    networks.main(only="", models=models, again=again)
    networks.main(only="", models=models, designs=True, again=again)
    speed.main()


if __name__ == "__main__":
    typer.run(main)
