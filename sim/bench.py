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
) -> None:
    """Count everything again, which takes hours, and save it under ``sim/tables``."""
    tables.main(only="")
    networks.main(only="", models=models, again=True)
    networks.main(only="", models=models, designs=True, again=True)
    speed.main()


if __name__ == "__main__":
    typer.run(main)
