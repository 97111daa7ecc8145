"""``hwgen report`` and ``hwgen compare``: look at what was built."""

from __future__ import annotations

import sys
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from hwgen.cli import console
from hwgen.cli.application import app
from hwgen.cli.options import JsonOption
from hwgen.errors import InputError, OutputError
from hwgen.report import page, read_report, schema_text, terminal
from hwgen.report.compare import comparison, sentence


@app.command("report")
def show_report(
    folder: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="Folder that `hwgen build` wrote.")
    ] = None,
    *,
    open_page: Annotated[
        bool, typer.Option("--open", help="Open report.html in a browser.")
    ] = False,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema of report.json instead.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Show a build's report, and write its report.html anew."""
    if schema:
        sys.stdout.write(schema_text())
        return
    if folder is None:
        raise InputError("report needs the folder of a build: hwgen report DIR")
    report = read_report(folder)
    path = folder / "report.html"
    try:
        path.write_text(page(report), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}") from None
    if json:
        console.emit_json(report)
    else:
        console.out.print(terminal.layers(report))
        console.out.print(terminal.fit(report))
        console.line(terminal.speed(report))
        console.line(terminal.closing(report, path))
    if open_page:
        webbrowser.open(path.resolve().as_uri())


@app.command()
def compare(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR DIR...", help="Folders of builds.")],
    *,
    json: JsonOption = False,
) -> None:
    """Put builds side by side."""
    if len(folders) < 2:
        raise InputError("compare needs the folders of at least two builds")
    builds = [(folder.name or str(folder), read_report(folder)) for folder in folders]
    if json:
        console.emit_json(
            {
                "builds": [
                    {"folder": str(folder), "report": report.model_dump(mode="json")}
                    for folder, (_, report) in zip(folders, builds, strict=True)
                ]
            }
        )
        return
    console.out.print(comparison(builds))
    console.line(sentence(builds))
