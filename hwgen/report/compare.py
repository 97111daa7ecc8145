"""Builds side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from rich.table import Table
from rich.text import Text

from hwgen.report.figures import count, duration, percent, rate
from hwgen.report.schema import Report
from hwgen.report.sections import verdict

_ROWS: Mapping[str, Callable[[Report], str]] = {
    "model": lambda r: r.model.name,
    "board": lambda r: r.board,
    "clock MHz": lambda r: f"{r.clock_mhz:g}",
    "fps": lambda r: rate(r.performance.fps),
    "fps with board I/O": lambda r: rate(r.performance.fps_with_io),
    "latency": lambda r: duration(r.performance.latency_us),
    "interval, cycles": lambda r: count(r.performance.ii_cycles),
    "bottleneck": lambda r: r.performance.bottleneck,
    "LUT estimate": lambda r: count(r.resources.estimate.lut),
    "LUT synthesis": lambda r: count(r.resources.synth.lut if r.resources.synth else None),
    "FF estimate": lambda r: count(r.resources.estimate.ff),
    "BRAM36 estimate": lambda r: count(r.resources.estimate.bram36),
    "DSP estimate": lambda r: count(r.resources.estimate.dsp),
    "LUT of board": lambda r: percent(r.resources.estimate.lut, r.resources.available.lut),
    "verified": lambda r: "yes" if verdict(r)[0] else f"no: {verdict(r)[1]}",
}


def comparison(builds: Sequence[tuple[str, Report]]) -> Table:
    """Return a table with a column per build, rows that differ in bold."""
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for name, _ in builds:
        table.add_column(Text(name, overflow="fold"), justify="right", overflow="fold")
    for label, show in _ROWS.items():
        cells = [show(report) for _, report in builds]
        style = "bold" if len(set(cells)) > 1 else None
        table.add_row(label, *map(Text, cells), style=style)
    return table


def sentence(builds: Sequence[tuple[str, Report]]) -> str:
    """Return which build is fastest, by how much, and what that costs against the next one."""
    ranked = sorted(builds, key=lambda entry: -entry[1].performance.fps)
    (name, best), (other, second) = ranked[:2]
    gain = best.performance.fps / second.performance.fps
    luts = best.resources.estimate.lut - second.resources.estimate.lut
    if gain == 1:
        if not luts:
            return f"{name} and {other} are equally fast and equally large"
        small, large = (name, other) if luts < 0 else (other, name)
        return f"{name} and {other} are equally fast; {small} needs {abs(luts):,} LUT less " + (
            f"than {large}"
        )
    cost = f"{luts:,} LUT more" if luts > 0 else f"{-luts:,} LUT less" if luts else "as many LUT"
    return f"{name} is {gain:.2f} times as fast as {other}, with {cost}"
