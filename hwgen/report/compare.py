"""Builds side by side in the terminal: figures, bars, foldings, and a sentence that sums up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rich.table import Table
from rich.text import Text

from hwgen.report.metrics import METRICS, Build, Metric, synthesised
from hwgen.report.schema import Layer, Report
from hwgen.report.verdict import verdict

_BAR = 16  # characters of the longest bar
_ROWS: Mapping[str, Callable[[Report], str]] = {
    "model": lambda r: r.model.name,
    "board": lambda r: r.board,
    "clock MHz": lambda r: f"{r.clock_mhz:g}",
    "bottleneck": lambda r: r.performance.bottleneck,
    "verified": lambda r: "yes" if verdict(r)[0] else f"no: {verdict(r)[1]}",
}


def comparison(builds: Sequence[Build]) -> Table:
    """Return a table with a column per build, rows that differ in bold."""
    table = _table(builds)
    for label, show in _ROWS.items():
        cells = [show(build.report) for build in builds]
        table.add_row(label, *map(Text, cells), style=_bold(cells))
    synth = synthesised(builds)
    for key, metric in METRICS.items():
        values = [metric.value(build, synth) for build in builds]
        if any(value is not None for value in values):
            source = " (synthesis)" if synth else " (estimate)"
            label = metric.label + (source if key in {"lut", "ff", "bram36", "dsp"} else "")
            table.add_row(label, *_against_first(metric, values), style=_bold(values))
    return table


def _table(builds: Sequence[Build]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("", overflow="fold")
    for build in builds:
        table.add_column(Text(build.name, overflow="fold"), justify="right", overflow="fold")
    return table


def _bold(cells: Sequence[object]) -> str | None:
    return "bold" if len(set(cells)) > 1 else None


def _against_first(metric: Metric, values: Sequence[float | None]) -> list[Text]:
    base = values[0]
    cells = [Text(metric.show(base))]
    for value in values[1:]:
        cell = Text(metric.show(value))
        if base and value is not None and value != base:
            worse = metric.better is not None and (value < base) == (metric.better == "more")
            change = f" {100 * (value / base - 1):+.1f}%".replace("-", "−")
            cell.append(change, style="red" if worse else "green")
        cells.append(cell)
    return cells


def chart(builds: Sequence[Build]) -> Table:
    """Return bars of speed and size, each figure to its own scale."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    table.add_column(no_wrap=True, width=_BAR)
    table.add_column(justify="right", no_wrap=True)
    synth = synthesised(builds)
    for key in ("fps", "latency", "lut", "bram36", "dsp"):
        metric = METRICS[key]
        values = [metric.value(build, synth) or 0.0 for build in builds]
        if not any(values):
            continue
        for index, (build, value) in enumerate(zip(builds, values, strict=True)):
            bar = "█" * max(round(_BAR * value / max(values)), int(value > 0))
            table.add_row("" if index else metric.label, Text(build.name), bar, metric.show(value))
    return table


def foldings(builds: Sequence[Build]) -> Table | None:
    """Return the layers whose folds differ, None where there are none."""
    names = list(dict.fromkeys(layer.name for b in builds for layer in b.report.layers))
    by_name = [{layer.name: layer for layer in build.report.layers} for build in builds]
    table = _table(builds)
    for name in names:
        cells = [_fold(layers.get(name)) for layers in by_name]
        if len(set(cells)) > 1:
            table.add_row(Text(name), *map(Text, cells))
    return table if table.row_count else None


def _fold(layer: Layer | None) -> str:
    if layer is None:
        return "–"
    parts = [f"PE {layer.pe}", *([f"SIMD {layer.simd}"] if layer.macs else [])]
    parts += [f"M {layer.m}"] if layer.m > 1 else []
    return ", ".join([*parts, *(word for word in (layer.style, layer.memory) if word)])


def sentence(builds: Sequence[Build]) -> str:
    """Return which build is fastest, by how much, and what that costs against the next one."""
    ranked = sorted(builds, key=lambda build: -build.report.performance.fps)
    best, second = ranked[:2]
    gain = best.report.performance.fps / second.report.performance.fps
    luts = METRICS["lut"]
    synth = synthesised(builds)
    mine, theirs = luts.value(best, synth) or 0, luts.value(second, synth) or 0
    more = mine - theirs
    if gain == 1:
        if not more:
            return f"{best.name} and {second.name} are equally fast and equally large"
        small, large = (best.name, second.name) if more < 0 else (second.name, best.name)
        return (
            f"{best.name} and {second.name} are equally fast; {small} needs {abs(more):,} LUT "
            f"less than {large}"
        )
    cost = "as many LUT"
    if more:
        part = f" ({abs(more) / theirs:.0%})" if theirs else ""
        cost = f"{abs(more):,} LUT {'more' if more > 0 else 'less'}{part}"
    return f"{best.name} is {gain:.2f} times as fast as {second.name}, with {cost}"
