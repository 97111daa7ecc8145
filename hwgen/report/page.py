"""``report.html``: one file, no network, light and dark.

Text and tables are written here; the scripts of ``web/`` draw the graph and the charts from the
report's JSON, which the page holds.
"""

from __future__ import annotations

from importlib import resources
from xml.etree.ElementTree import Element

from hwgen.report import beside, sections
from hwgen.report.markup import document, h
from hwgen.report.schema import Report

_SCRIPTS = ("base.js", "layout.js", "graph.js", "charts.js", "time.js")


def page(report: Report) -> str:
    """Return the whole page."""
    head = h(
        "head",
        h("meta", charset="utf-8"),
        h("meta", name="viewport", content="width=device-width, initial-scale=1"),
        h("title", f"{report.model.name} on {report.board}"),
        h("style", _file("page.css")),
    )
    body = h(
        "body",
        h("button", "Light / dark", id="theme", type="button"),
        sections.headline(report),
        h("main", _main(report)),
        _libraries(),
        h("script", embedded(report.model_dump_json()), type="application/json", id="data"),
        h("script", _file("vendor.js")),
        h("script", "\n".join(_file(name) for name in _SCRIPTS)),
    )
    return document(h("html", head, body, lang="en"))


def embedded(json: str) -> str:
    """Return JSON that cannot end the script element it stands in."""
    return json.replace("<", "\\u003c")


def _main(report: Report) -> list[Element]:
    return [
        sections.fit(report),
        _drawn(
            "flow",
            "Dataflow",
            "Layers in stream order, streams with lanes × bits and FIFO depth. "
            "The stronger the colour, the more.",
        ),
        _drawn("where", "Where cycles and resources go", columns=True),
        _drawn("timeline", "One frame on its way"),
        _drawn("fifos", "FIFOs"),
        _drawn("numbers", "Weights, accumulators, thresholds", columns=True),
        beside.section(report),
        _drawn(
            "front",
            "Other foldings",
            "The cheapest design for each speed within the budget, as the search prices it; the "
            "ring is this design, with its FIFOs.",
        ),
        sections.layer_table(report),
        h("div", sections.proof(report), sections.origin(report), class_="columns"),
    ]


def _drawn(name: str, title: str, note: str = "", *, columns: bool = False) -> Element:
    """Return a section that a script fills."""
    return h(
        "section",
        h("h2", title),
        h("p", note, class_="quiet lead") if note else None,
        h("noscript", "This part needs JavaScript; every figure is in the tables and report.json."),
        h("div", id=name, class_="columns" if columns else None),
    )


def _libraries() -> Element:
    return h(
        "details",
        h("summary", "Libraries in this page and their licences"),
        h("pre", _file("LICENSES.txt")),
    )


def _file(name: str) -> str:
    return resources.files("hwgen.report").joinpath("web", name).read_text(encoding="utf-8")
