"""The parts of ``report.html``: headline, fit, layers, verification."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from hwgen.report.figures import CELLS, count, duration, percent, rate, share
from hwgen.report.markup import h
from hwgen.report.schema import Counts, Layer, Report
from hwgen.report.verdict import fits, next_step, verdict


def headline(report: Report) -> Element:
    """What a reader wants first: is it right, how fast, what limits it."""
    good, text = verdict(report)
    speed = report.performance
    figures = [
        ("Throughput", f"{rate(speed.fps)} fps", f"a frame every {count(speed.ii_cycles)} cycles"),
        (
            "Latency",
            duration(speed.latency_us),
            f"{count(speed.latency_cycles)} cycles at {report.clock_mhz:g} MHz",
        ),
        ("Bottleneck", speed.bottleneck, "the layer that sets the interval"),
    ]
    if speed.fps_with_io is not None:
        note = f"the board's link takes {count(speed.io_cycles)} cycles a frame"
        figures.insert(1, ("With board I/O", f"{rate(speed.fps_with_io)} fps", note))
    step = next_step(report)
    if step is not None:
        figures.append(("One step faster", *step))
    status = "Verified" if good else "Not verified"
    return h(
        "header",
        h(
            "div",
            h("h1", report.model.name),
            h(
                "p",
                f"on {report.board} ({report.part}) at {report.clock_mhz:g} MHz",
                class_="quiet",
            ),
            h(
                "p",
                h("b", status),
                f": {text}",
                class_="verdict " + ("good" if good else "bad"),
                id="verdict",
            ),
        ),
        h("div", [_figure(*entry) for entry in figures], class_="figures"),
        class_="headline",
    )


def _figure(name: str, value: str, note: str) -> Element:
    return h(
        "div",
        h("span", name, class_="name"),
        h("span", value, class_="value"),
        h("span", note, class_="quiet"),
        class_="figure",
    )


def fit(report: Report) -> Element:
    """Bars of what the design needs against what the board has."""
    resources = report.resources
    rows: list[Element] = []
    for label, key in CELLS:
        available = getattr(resources.available, key)
        rows.append(_bar(label, getattr(resources.estimate, key), available, "estimate", report))
        if resources.synth is not None:
            rows.append(_bar("", getattr(resources.synth, key), available, "synth", report))
        if report.routed is not None:
            placed = getattr(report.routed.resources, key)
            rows.append(_bar("", placed, available, "chip", report))
    good, text = fits(report)
    note = f" The line marks the budget, {100 * resources.budget:.0f} % of the board."
    if resources.synth is None:
        note += " Estimates only: --synth adds counts from synthesis."
    if resources.logic_ns is not None:
        note += (
            f" The slowest path between registers takes {resources.logic_ns:.2f} ns in logic; "
            "wires, which synthesis does not know, come on top."
        )
    found = report.routed
    if found is not None:
        note += (
            f" Place and route ({found.tool}) reaches {found.fmax_mhz:g} MHz, "
            f"{found.clock_mhz:g} MHz are asked; its slowest path is in "
            f"{', '.join(found.critical) or 'the chip'}."
        )
    said = h("b", text, class_="good" if good else "bad")
    return h(
        "section",
        h("h2", "Fit"),
        h("div", rows, class_="bars"),
        h("p", said, note, class_="quiet"),
    )


def _bar(label: str, used: float, available: float, kind: str, report: Report) -> Element:
    width = min(100.0, share(used, available))
    over = " over" if used > available else ""
    return h(
        "div",
        h("span", label, class_="label"),
        h(
            "span",
            h("span", class_=f"fill {kind}{over}", style=f"width:{width:.2f}%"),
            h("span", class_="mark", style=f"left:{100 * report.resources.budget:.1f}%"),
            class_="track",
        ),
        h(
            "span",
            f"{count(used)} of {count(available)} ({percent(used, available)}, {kind})",
            class_="amount",
        ),
        class_="bar",
    )


def layer_table(report: Report) -> Element:
    """Everything about every layer, one line each."""
    synth = any(layer.synth for layer in report.layers)
    heads = ["Layer", "Op", "PE", "SIMD", "M", "Cycles", "LUT", "FF", "BRAM36", "DSP"]
    heads += ["LUT synth", "FF synth"] if synth else []
    heads += ["Weight", "In", "Acc", "Out", "Levels", "FIFO", "Ties"]
    rows = [_row(layer, synth, report.performance.bottleneck) for layer in report.layers]
    return h(
        "section",
        h("h2", "Layers"),
        h(
            "div",
            h(
                "table",
                h("thead", h("tr", [h("th", head, class_=_side(head)) for head in heads])),
                h("tbody", rows),
                id="layers",
            ),
            class_="scroll",
        ),
        h(
            "p",
            "M are pixels computed at once; Weight, In, Acc, Out are bits; Levels are thresholds "
            "per channel; FIFO is the depth of the stream that leaves the layer; Ties are channels "
            "on which an exact tie decides.",
            class_="quiet",
        ),
    )


def _side(head: str) -> str | None:
    return "text" if head == "Op" else None


def _row(layer: Layer, synth: bool, bottleneck: str) -> Element:
    cells: list[float | None] = [layer.pe, layer.simd, layer.m, layer.cycles, layer.lut, layer.ff]
    cells += [layer.bram36, layer.dsp]
    if synth:
        counts: Counts | None = layer.synth
        cells += [counts and counts.lut, counts and counts.ff]
    cells += [layer.weight_bits, layer.input_bits, layer.acc_bits, layer.output_bits]
    cells += [layer.thresholds, layer.fifo_depth, layer.ties]
    return h(
        "tr",
        h("th", layer.name, title=layer.source or None, scope="row"),
        h("td", layer.op, class_="text"),
        [h("td", count(cell)) for cell in cells],
        class_="bottleneck" if layer.name == bottleneck else None,
    )


def proof(report: Report) -> Element:
    """What was compared with what."""
    found = report.verification
    if found is None:
        rows = [("Simulation", "not run")]
    else:
        rows = [
            ("Engine", found.engine),
            ("Frames simulated", count(found.frames)),
            ("Integers compared", count(found.values)),
            ("Mismatches", count(found.mismatches)),
            ("Cycles predicted", count(found.cycles_predicted)),
            ("Cycles simulated", count(found.cycles_simulated)),
            ("Frames against ONNX", count(found.onnx_frames)),
            ("Differences float32 rounding explains", count(found.onnx_explained)),
            ("Unexplained differences", count(found.onnx_unexplained)),
            ("Channels with exact ties", count(found.ties)),
        ]
    return h("section", h("h2", "Proof"), _pairs(rows))


def origin(report: Report) -> Element:
    """How to make this report again."""
    rows = [
        ("hwgen", report.hwgen),
        *((name, version) for name, version in report.versions.items()),
        ("Model SHA-256", report.model.sha256),
        ("Multiplications per frame", count(report.model.macs)),
        ("Weight bits", count(report.model.weight_bits)),
        *((f"Time: {step.name}", f"{step.seconds:.1f} s") for step in report.steps),
    ]
    return h(
        "section", h("h2", "Origin"), h("p", h("code", report.command), id="command"), _pairs(rows)
    )


def _pairs(rows: list[tuple[str, str]]) -> Element:
    return h("dl", [h("div", h("dt", name), h("dd", value)) for name, value in rows])
