"""The dataflow as a row of cards that wraps, streams between them."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from hwgen.report.figures import count, percent, share
from hwgen.report.markup import h
from hwgen.report.schema import Layer, Report, Stream, Tensor


def dataflow(report: Report) -> Element:
    """Layers in stream order, shaded by their share of the interval."""
    interval = max((layer.cycles for layer in report.layers), default=1)
    cards = [_end("Input", report.input)]
    for layer in report.layers:
        cards += [_arrow(stream) for stream in report.streams if stream.target == layer.name]
        cards.append(_card(layer, interval))
    names = {layer.name for layer in report.layers}
    cards += [_arrow(stream) for stream in report.streams if stream.target not in names]
    cards.append(_end("Output", report.output))
    return h(
        "section",
        h("h2", "Dataflow"),
        h("div", cards, class_="flow"),
        h("p", "Darker layers are busy for a larger share of the interval.", class_="quiet"),
    )


def _card(layer: Layer, interval: int) -> Element:
    fold = [f"PE {layer.pe}"] + ([f"SIMD {layer.simd}"] if layer.macs else [])
    return h(
        "div",
        h("b", layer.name),
        h("span", layer.op, class_="quiet"),
        h("span", " · ".join(fold)),
        h("span", f"{count(layer.cycles)} cycles ({percent(layer.cycles, interval)})"),
        h("span", f"{count(layer.lut)} LUT"),
        class_="card",
        style=f"--heat:{share(layer.cycles, interval):.0f}%",
        title=layer.source or None,
    )


def _arrow(stream: Stream) -> Element:
    depth = f"FIFO {count(stream.depth)}" if stream.depth else "direct"
    return h(
        "div",
        h("span", f"{stream.lanes} × {stream.bits} bit"),
        h("span", "→", class_="arrow"),
        h("span", depth, class_="quiet"),
        class_="stream",
        title=f"{stream.source} to {stream.target}",
    )


def _end(name: str, tensor: Tensor) -> Element:
    shape = " × ".join(map(str, tensor.shape))
    return h(
        "div",
        h("b", name),
        h("span", shape),
        h("span", f"codes {tensor.low} to {tensor.high}", class_="quiet"),
        h("span", f"{count(tensor.transfers)} transfers", class_="quiet"),
        class_="card end",
    )
