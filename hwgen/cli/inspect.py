"""``hwgen check``, ``boards`` and ``doctor``: look before building."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from hwgen import boards, flow
from hwgen.cli import console
from hwgen.cli import options as o
from hwgen.cli.application import app
from hwgen.errors import UnsupportedError
from hwgen.flow import doctor
from hwgen.flow.progress import Progress
from hwgen.frontend import Diagnosis
from hwgen.report.figures import count, percent, rate


@app.command()
def check(
    model: o.ModelOption,
    board: Annotated[
        str | None, typer.Option("--board", help="Also say whether the network fits this board.")
    ] = None,
    input_type: o.InputTypeOption = None,
    input_scale: o.InputScaleOption = None,
    input_mean: o.InputMeanOption = None,
    input_std: o.InputStdOption = None,
    *,
    json: o.JsonOption = False,
    quiet: o.QuietOption = False,
    verbose: o.VerboseOption = False,
) -> None:
    """Say of every layer whether it can become hardware, and if not, why and what to change."""
    flags = flow.InputFlags(input_type, input_scale, input_mean, input_std)
    with console.running(quiet, verbose) as shown:
        found, fit = flow.check(model, board, flags, Progress(shown))
    if json:
        console.emit_json(
            {
                "model": found.name,
                "supported": not found.problems,
                "layers": [asdict(layer) for layer in found.layers],
                "notes": list(found.notes),
                "fit": None if fit is None else _fit(fit),
            }
        )
    else:
        _show_layers(found)
        for note in found.notes:
            console.line(note)
        if fit is not None:
            console.line(_fit_line(fit))
    if found.problems:
        many = len(found.problems)
        layers = "1 layer" if many == 1 else f"{many} layers"
        raise UnsupportedError(f"{model}: {layers} cannot become hardware, as listed")


def _show_layers(found: Diagnosis) -> None:
    table = Table(box=None, pad_edge=False)
    for head in ("Layer", "Op", "From"):
        table.add_column(head, overflow="fold")
    table.add_column("Supported")
    for layer in found.layers:
        verdict = "yes" if layer.supported else f"no: {layer.reason}; {layer.remedy}"
        style = None if layer.supported else "bold"
        table.add_row(Text(layer.name), layer.op, Text(layer.module), Text(verdict), style=style)
    console.out.print(table)


def _fit(fit: flow.Fit) -> dict[str, object]:
    return {
        "board": fit.board,
        "smallest": fit.smallest.as_dict(),
        "available": fit.available.as_dict(),
        "fps": fit.fps,
    }


def _fit_line(fit: flow.Fit) -> str:
    lut = round(fit.smallest.lut)
    return (
        f"fits {fit.board}: the smallest folding takes {count(lut)} LUT "
        f"({percent(lut, fit.available.lut)}), the fastest within 70 % gives {rate(fit.fps)} fps"
    )


@app.command("boards")
def list_boards(*, json: o.JsonOption = False) -> None:
    """List the boards hwgen knows, with what each offers."""
    known = [boards.load(name) for name in boards.known()]
    if json:
        console.emit_json({"boards": [_board(board) for board in known]})
        return
    table = Table(box=None, pad_edge=False)
    for head in ("Board", "Part", "Toolchain", "Shell"):
        table.add_column(head, overflow="fold")
    for head in ("MHz", "LUT", "BRAM36", "DSP"):
        table.add_column(head, justify="right")
    for board in known:
        cells = board.available
        table.add_row(
            board.name,
            board.device.part,
            board.toolchain,
            board.shell,
            f"{board.clock.core_mhz:g}",
            *(count(value) for value in (cells.lut, round(cells.bram36, 1), cells.dsp)),
        )
    console.out.print(table)


def _board(board: boards.Board) -> dict[str, object]:
    return {
        "name": board.name,
        "family": board.family,
        "part": board.device.part,
        "toolchain": board.toolchain,
        "shell": board.shell,
        "clock_mhz": board.clock.core_mhz,
        "resources": board.available.as_dict(),
    }


@app.command("doctor")
def examine_tools(
    *,
    json: o.JsonOption = False,
    warm: Annotated[
        bool,
        typer.Option("--warm", help="Also start each WebAssembly tool once."),
    ] = False,
) -> None:
    """Say which tools this machine has and what each of them enables."""
    if warm:
        with console.running(quiet=False) as shown:
            doctor.warm(Progress(shown))
    findings = doctor.examine()
    if json:
        console.emit_json(
            {"tools": [{**asdict(entry), "found": entry.found} for entry in findings]}
        )
        return
    table = Table(box=None, pad_edge=False)
    for head in ("Tool", "Version", "Enables"):
        table.add_column(head, no_wrap=head != "Enables")
    for entry in findings:
        if entry.version is not None:
            version = entry.version if entry.origin == "PATH" else f"{entry.version} (pip)"
            table.add_row(entry.name, version, entry.enables)
    console.out.print(table)
    for entry in findings:
        if not entry.found:
            console.line(f"missing: {entry.name}, for {entry.enables}: {entry.install}")
