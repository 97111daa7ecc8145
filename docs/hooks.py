"""Parts of the documentation that are generated from the code and from bench results.

A page asks for one with ``<!-- generated: NAME -->``; MkDocs calls ``on_page_markdown``.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import typer

from hwgen import boards
from hwgen.cli import app
from hwgen.dataflow.plan import OPS
from hwgen.frontend.walk import HANDLERS
from hwgen.report.figures import count, rate

ROOT = Path(__file__).resolve().parents[1]


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def summary(thing: object) -> str:
    """Return the first sentence of a docstring, fit for a table cell."""
    text = (inspect.getdoc(thing) or "").split("\n\n")[0]
    return cell(" ".join(text.split()).replace("``", "`"))


def cell(text: str) -> str:
    """Return text that cannot end a table's cell."""
    return text.replace("|", "\\|")


def operators() -> str:
    """Return the file operators that are read, by the handler that reads them."""
    rows = [
        [", ".join(f"`{name}`" for name in sorted(name for name, _ in group)), _lowering(handler)]
        for handler, group in groupby(HANDLERS.items(), key=lambda entry: entry[1])
    ]
    return table(["In the file", "What becomes of it"], rows)


def _lowering(handler: object) -> str:
    """Return what a handler's docstring says beyond the operator's name."""
    text = summary(handler)
    _, colon, said = text.partition(": ")
    if "elementwise" in handler.__module__ and not colon:
        said = "tabulated together with the next quantizer"
    elif not colon:
        said = re.sub(r"^Lower `\w+`( or `\w+`)?[;,.]? ?", "", text)
    return said[:1].upper() + said[1:].rstrip(".")


def hardware() -> str:
    """Return the integer operations that have hardware."""
    return table(
        ["Operation", "What it computes"], [[f"`{op.__name__}`", summary(op)] for op in OPS]
    )


def commands() -> str:
    """Return every command with its options, as the program defines them."""
    group: Any = typer.main.get_command(app)
    parts = [_command(name, command) for name, command in sorted(group.commands.items())]
    return "\n\n".join(parts)


def _command(name: str, command: Any) -> str:
    names = [_argument(entry) for entry in command.params if entry.param_type_name == "argument"]
    usage = " ".join(["hwgen", name, *names, "[OPTIONS]"])
    rows = [
        [
            ", ".join(f"`{flag}`" for flag in (*entry.opts, *entry.secondary_opts)),
            cell(getattr(entry, "help", None) or ""),
            _default(entry),
        ]
        for entry in command.params
        if entry.param_type_name == "option" and entry.name != "help"
    ]
    text = inspect.cleandoc(command.help or "")
    return f"## {name}\n\n{text}\n\n```\n{usage}\n```\n\n" + table(
        ["Option", "Meaning", "Default"], rows
    )


def _argument(entry: Any) -> str:
    return str(entry.metavar or entry.name.upper())


def _default(entry: Any) -> str:
    if entry.required:
        return "required"
    value = entry.default
    return "" if value is None or value is False or value == () else f"`{value}`"


def known_boards() -> str:
    """Return the boards with what they offer."""
    rows: list[list[str]] = []
    for name in boards.known():
        board = boards.load(name)
        have = board.available
        figures = (have.lut, have.ff, round(have.bram36, 1), have.dsp)
        row = [f"`{name}`", board.device.part, board.toolchain, board.shell]
        rows.append([*row, f"{board.clock.core_mhz:g}", *map(count, figures)])
    return table(["Board", "Part", "Toolchain", "Shell", "MHz", "LUT", "FF", "BRAM36", "DSP"], rows)


COMPARED = ("frames", "values", "mismatches", "cycles_predicted", "cycles_simulated")


def _outcomes() -> list[dict[str, Any]]:
    """Return the rows of every bench that ``docs/results/`` keeps, by design."""
    paths = sorted((ROOT / "docs" / "results").glob("*.json"))
    return [row for path in paths for row in json.loads(path.read_text(encoding="utf-8"))]


def results() -> str:
    """Return what the regression benches compared."""
    rows = [
        [
            entry["design"],
            entry["folding"],
            *(count(entry[key]) for key in COMPARED),
        ]
        for entry in _outcomes()
    ]
    head = ["Design", "Folding", "Frames", "Integers compared", "Mismatches"]
    return table([*head, "Cycles predicted", "Cycles simulated"], rows)


def speeds() -> str:
    """Return speed and size of every bench, published figures of others behind each design."""
    rows: list[list[str]] = []
    for design, group in groupby(_outcomes(), key=lambda entry: entry["design"]):
        entries = list(group)
        rows += [[f"{design}, {entry['folding']}", *_figures(entry)] for entry in entries]
        rows += [
            [f"*{peer['name']}; {peer['source']}*", *_figures(peer)] for peer in entries[0]["peers"]
        ]
    return table(["Design", "Frames/s", "One frame, µs", "LUT", "BRAM36", "DSP"], rows)


def _figures(entry: Mapping[str, Any]) -> list[str]:
    cells = [count(entry[key]) for key in ("lut", "bram36", "dsp")]
    fps, time = entry["fps"], entry["latency_us"]
    return [rate(fps), "–" if time is None else f"{time:,.4g}", *cells]


def accuracies() -> str:
    """Return what the designs in the repository reach, as their ``expected.json`` says."""
    rows: list[list[str]] = []
    for path in sorted(ROOT.glob("designs/*/expected.json")):
        told = json.loads(path.read_text(encoding="utf-8"))
        reached = told.get("accuracy")
        text = "untrained" if reached is None else f"{100 * reached:.2f} %"
        rows.append([path.parent.name, text, cell(str(told.get("data", "")))])
    return table(["Design", "Accuracy", "Data"], rows)


def counted() -> str:
    """Return the rows that ``python -m sim.tables`` counted, published figures beside each."""
    saved = json.loads((ROOT / "sim" / "tables" / "xc7.json").read_text(encoding="utf-8"))
    rows: list[list[str]] = []
    for line in saved["rows"]:
        peers = ", ".join(f"{name} {count(lut)}" for name, lut in line["peers_lut"].items())
        figures = [count(line[key]) for key in ("interval", "latency", "lut", "ff", "dsp")]
        chip = f"{line['lut_per_lane']:.2f}", count(line["places"]), f"{line['delay_ns']:.1f}"
        clocks = line.get("ecp5", {}).get("fmax_mhz", [])
        fmax = f"{min(clocks):.0f}" if clocks else "–"
        rows.append([line["name"], *figures, *chip, fmax, peers or "–"])
    head = ["What", "Interval", "Latency", "LUT", "FF", "DSP", "LUT per product", "Carry places"]
    return table([*head, "Logic, ns", "ECP5, MHz", "LUT of others"], rows)


def networks() -> str:
    """Return the whole networks that ``python -m sim.networks`` counted, published ones beside."""
    return _networks("networks.json")


def designs() -> str:
    """Return the designs of the repository at three speeds, as counted and as estimated."""
    return _networks("designs.json")


def _networks(file: str) -> str:
    saved = json.loads((ROOT / "sim" / "tables" / file).read_text(encoding="utf-8"))
    rows: list[list[str]] = []
    for line in saved:
        synth, guess = line["synth"], line["estimate"]
        cells = [rate(line["fps"]), f"{line['latency_us']:,.1f}", count(synth["lut"])]
        off = f"{(guess['lut'] / synth['lut'] - 1) * 100:+.0f} %"
        chip = [count(synth["ff"]), f"{synth['bram36']:g}", count(synth["dsp"])]
        rows.append([f"**{line['name']}**", *cells, off, *chip, f"{line['logic_ns']:.2f}"])
        for peer in line["peers"]:
            figures = [
                "–" if peer[key] is None else f"*{peer[key]:,g}*"
                for key in ("fps", "latency_us", "lut", "bram36", "dsp")
            ]
            rows.append([peer["name"], *figures[:3], "–", "–", *figures[3:], "–"])
    head = ["Network", "fps", "One frame, µs", "LUT", "Estimate", "FF", "BRAM36", "DSP"]
    return table([*head, "Logic, ns"], rows)


PARTS: Mapping[str, Callable[[], str]] = {
    "operators": operators,
    "hardware": hardware,
    "commands": commands,
    "boards": known_boards,
    "results": results,
    "speeds": speeds,
    "accuracies": accuracies,
    "counted": counted,
    "networks": networks,
    "designs": designs,
}


def filled(markdown: str) -> str:
    """Return a page's text with the generated parts that it asks for."""
    return re.sub(r"<!-- generated: (\w+) -->", lambda found: PARTS[found[1]](), markdown)


def on_page_markdown(markdown: str, **_: object) -> str:
    """Fill in generated parts; MkDocs calls this for every page."""
    return filled(markdown)
