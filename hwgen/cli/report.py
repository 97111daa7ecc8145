"""``hwgen report`` and ``hwgen compare``: look at what was built."""

from __future__ import annotations

import sys
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from hwgen import flow
from hwgen.cli import console
from hwgen.cli.application import app
from hwgen.cli.options import JsonOption
from hwgen.errors import InputError, OutputError, RegressionError
from hwgen.report import page, read_report, schema_text, terminal
from hwgen.report.compare import chart, comparison, foldings, sentence
from hwgen.report.metrics import Build, broken, parse_rule


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
    fail_on: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-on",
            help="Exit with 1 on such a change against the first build, for instance 'lut>+5%' or "
            "'fps<-2%' (repeatable).",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Put builds side by side and say which is faster, by how much, at what cost."""
    if len(folders) < 2:
        raise InputError("compare needs the folders of at least two builds")
    rules = [parse_rule(text) for text in fail_on or ()]
    plain = [folder.name or str(folder) for folder in folders]
    names = plain if len(set(plain)) == len(plain) else [str(folder) for folder in folders]
    builds = [
        Build(name, read_report(folder), flow.kept_accuracy(folder))
        for name, folder in zip(names, folders, strict=True)
    ]
    faults = broken(rules, builds)
    if json:
        console.emit_json(
            {
                "verdict": sentence(builds),
                "broken": faults,
                "builds": [
                    {
                        "folder": str(folder),
                        "accuracy": build.accuracy,
                        "report": build.report.model_dump(mode="json"),
                    }
                    for folder, build in zip(folders, builds, strict=True)
                ],
            }
        )
    else:
        _show_comparison(builds)
    if faults:
        raise RegressionError("; ".join(faults))


def _show_comparison(builds: list[Build]) -> None:
    console.out.print(comparison(builds))
    folds = foldings(builds)
    if folds is not None:
        console.line("\nLayers folded otherwise:")
        console.out.print(folds)
    console.line()
    console.out.print(chart(builds))
    console.line("\n" + sentence(builds))
