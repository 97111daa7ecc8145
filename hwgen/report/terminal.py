"""Reports as tables and lines for a terminal."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table
from rich.text import Text

from hwgen.report.figures import CELLS, count, duration, percent, rate
from hwgen.report.schema import Report
from hwgen.report.verdict import verdict


def layers(report: Report) -> Table:
    """Return one line per layer: fold, cycles, resources, widths."""
    table = Table(box=None, pad_edge=False, collapse_padding=True)
    table.add_column("Layer", overflow="fold")
    table.add_column("Op", no_wrap=True)
    several = any(layer.m > 1 for layer in report.layers)
    fold = ("PE", "SIMD", "M") if several else ("PE", "SIMD")
    for head in (*fold, "Cycles", "LUT", "BRAM", "DSP", "W", "In", "Acc", "FIFO"):
        table.add_column(head, justify="right", no_wrap=True)
    for layer in report.layers:
        slowest = layer.name == report.performance.bottleneck
        figures = [layer.pe, layer.simd, *([layer.m] if several else [])]
        figures += [layer.cycles, layer.lut, layer.bram36, layer.dsp]
        figures += [layer.weight_bits, layer.input_bits, layer.acc_bits, layer.fifo_depth]
        table.add_row(
            Text(layer.name),
            layer.op,
            *(count(value) for value in figures),
            style="bold" if slowest else None,
        )
    return table


def fit(report: Report) -> Table:
    """Return what the design needs of each resource, as estimated and as synthesised."""
    resources = report.resources
    table = Table(box=None, pad_edge=False)
    table.add_column("Resource")
    table.add_column("Estimate", justify="right")
    if resources.synth is not None:
        table.add_column("Synthesis", justify="right")
    if report.routed is not None:
        table.add_column("Chip", justify="right")
    table.add_column(report.board, justify="right")
    table.add_column("Used", justify="right")
    for label, key in CELLS:
        estimate, available = getattr(resources.estimate, key), getattr(resources.available, key)
        row = [label, count(estimate)]
        used = estimate
        if resources.synth is not None:
            used = getattr(resources.synth, key)
            row.append(count(used))
        if report.routed is not None:
            used = getattr(report.routed.resources, key)
            row.append(count(used))
        table.add_row(*row, count(available), percent(used, available))
    if resources.logic_ns is not None:
        table.caption = f"slowest path {resources.logic_ns:.2f} ns of logic, wires not counted"
        table.caption_justify = "left"
    return table


def speed(report: Report) -> str:
    """Return throughput, latency and bottleneck in a line."""
    found = report.performance
    with_io = "" if found.fps_with_io is None else f" ({rate(found.fps_with_io)} with board I/O)"
    return (
        f"{rate(found.fps)} fps{with_io}, latency {duration(found.latency_us)}, "
        f"interval {count(found.ii_cycles)} cycles at {report.clock_mhz:g} MHz, "
        f"bottleneck {found.bottleneck}"
    )


def routed(report: Report) -> str:
    """Return what place and route gave in a line, nothing where it was not run."""
    found = report.routed
    if found is None:
        return ""
    return (
        f"{found.bitstream}: {found.fmax_mhz:g} MHz reached, {found.clock_mhz:g} MHz asked, "
        f"slowest path in {', '.join(found.critical) or 'the chip'} ({found.tool})"
    )


def closing(report: Report, page: Path) -> str:
    """Return the line a build ends with: report, speed, size and verdict."""
    found = report.performance
    return (
        f"{page}: {rate(found.fps)} fps, latency {duration(found.latency_us)}, "
        f"{count(report.resources.estimate.lut)} LUT (estimate), {verdict(report)[1]}"
    )
