"""Builds side by side in the terminal: figures, bars, foldings, and a sentence that sums up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rich.table import Table
from rich.text import Text

from hwgen.report.figures import count
from hwgen.report.metrics import METRICS, Build, Metric, synthesised
from hwgen.report.schema import Layer, Report
from hwgen.report.verdict import verdict

_BAR = 16  # characters of the longest bar
_TIMES = 1.1  # below, a gain is said in percent
_FACTOR = 10  # from here on, a change is a factor in the table
_WHOLE = 100  # from here on, a factor is a whole number
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
            cell.append(f" {_change(value / base)}", style="red" if worse else "green")
        cells.append(cell)
    return cells


def _change(ratio: float) -> str:
    """Return a ratio as a change in percent, as a factor where percents would be long."""
    if ratio >= _FACTOR:
        return f"×{_times(ratio)}"
    if 0 < ratio <= 1 / _FACTOR:
        return f"÷{_times(1 / ratio)}"
    return f"{100 * (ratio - 1):+.1f}%".replace("-", "−")


def _times(ratio: float) -> str:
    return f"{ratio:,.0f}" if ratio >= _WHOLE else f"{ratio:.2f}"


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
    changes = _changes(best, second, synthesised(builds))
    if gain == 1:
        both = f"{best.name} and {second.name} are equally fast"
        if not changes:
            return f"{both} and equally large"
        return f"{both}; {best.name} takes {', '.join(changes)}"
    faster = (
        f"{_times(gain)} times as fast as"
        if gain >= _TIMES
        else f"{100 * gain - 100:.2g}% faster than"
    )
    cost = ", ".join(changes) or "the same resources"
    return f"{best.name} is {faster} {second.name}, with {cost}{_accuracies(best, second)}"


def _changes(best: Build, second: Build, synth: bool) -> list[str]:
    """Return what ``best`` needs more or less than ``second``, LUT with its share."""
    found: list[str] = []
    for key in ("lut", "bram36", "dsp"):
        metric = METRICS[key]
        mine, theirs = metric.value(best, synth) or 0, metric.value(second, synth) or 0
        change = mine - theirs
        if change:
            part = f" ({abs(change) / theirs:.0%})" if key == "lut" and theirs else ""
            word = "more" if change > 0 else "less"
            found.append(f"{count(abs(change))} {metric.label} {word}{part}")
    return found


def _accuracies(best: Build, second: Build) -> str:
    """Return both accuracies where they are known and differ."""
    if best.accuracy is None or second.accuracy is None or best.accuracy == second.accuracy:
        return ""
    show = METRICS["accuracy"].show
    return f", and {show(best.accuracy)} accuracy against {show(second.accuracy)}"
