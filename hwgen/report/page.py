"""``report.html``: one file, no network, light and dark."""

from __future__ import annotations

from importlib import resources

from hwgen.report import sections
from hwgen.report.markup import document, h
from hwgen.report.picture import dataflow
from hwgen.report.schema import Report


def page(report: Report) -> str:
    """Return the whole page."""
    files = resources.files("hwgen.report")
    style = files.joinpath("page.css").read_text(encoding="utf-8")
    script = files.joinpath("page.js").read_text(encoding="utf-8")
    head = h(
        "head",
        h("meta", charset="utf-8"),
        h("meta", name="viewport", content="width=device-width, initial-scale=1"),
        h("title", f"{report.model.name} on {report.board}"),
        h("style", style),
    )
    body = h(
        "body",
        h("button", "Light / dark", id="theme", type="button"),
        sections.headline(report),
        h(
            "main",
            sections.fit(report),
            dataflow(report),
            sections.charts(report),
            sections.layer_table(report),
            h("div", sections.proof(report), sections.origin(report), class_="columns"),
        ),
        h("script", script),
    )
    return document(h("html", head, body, lang="en"))
