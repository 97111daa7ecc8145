"""``hwgen run``: a connected board."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress as Bar

from hwgen.cli import console
from hwgen.cli import options as o
from hwgen.cli.application import app
from hwgen.flow.board_run import run_on_board
from hwgen.report.figures import count, rate


@app.command("run")
def run_board(
    folder: o.FolderArgument,
    inputs: Annotated[Path, typer.Option("--inputs", help="Frames (.npy) as the file takes them.")],
    port: Annotated[str, typer.Option("--port", help="Serial port, such as /dev/ttyUSB0.")],
    outputs: Annotated[
        Path | None, typer.Option("--outputs", help="Write the network's outputs (.npy).")
    ] = None,
    timeout_s: Annotated[
        float | None, typer.Option("--timeout-s", help="Send a frame again after so long.", min=0)
    ] = None,
    *,
    json: o.JsonOption = False,
    quiet: o.QuietOption = False,
) -> None:
    """Run frames on a connected board with a serial port."""
    with Bar(console=console.err, disable=quiet or not console.err.is_terminal) as bar:
        task = bar.add_task("frames", total=None)
        found = run_on_board(
            folder,
            inputs,
            port,
            outputs=outputs,
            answer_s=timeout_s,
            told=lambda done, frames: bar.update(task, completed=done, total=frames),
        )
    if json:
        console.emit_json(asdict(found))
        return
    console.line(
        f"{count(found.frames)} frames, {rate(found.fps)} fps, {count(found.retries)} sent again"
    )
    if found.outputs is not None:
        console.line(f"wrote {found.outputs}")
    else:
        console.line(" ".join(map(str, found.classes)))
