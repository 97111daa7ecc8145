"""What was estimated beside what was simulated and what was synthesised."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from hwgen.report.figures import CELLS, count, signed
from hwgen.report.markup import h
from hwgen.report.schema import Report


def section(report: Report) -> Element:
    """Return a table: each figure as predicted, as measured, and the difference."""
    error = report.resources.lut_error
    note = "Cycles are predicted exactly: a difference would be a defect."
    if error is not None:
        note += f" The LUT estimate stays within {error:.0%} on nine of ten synthesised parts."
    head = ("Figure", "Predicted", "Simulated", "Synthesised", "Difference")
    return h(
        "section",
        h("h2", "Predicted, simulated, synthesised"),
        h(
            "div",
            h(
                "table",
                h("thead", h("tr", [h("th", text) for text in head])),
                h("tbody", _cycles(report), _cells(report)),
                id="beside",
            ),
            class_="scroll",
        ),
        h("p", note, class_="quiet"),
    )


def _cycles(report: Report) -> Element:
    found = report.verification
    predicted = None if found is None else found.cycles_predicted
    simulated = None if found is None else found.cycles_simulated
    name = "Cycles of the simulated frames" if found is None else f"Cycles of {_frames(report)}"
    return _row(name, predicted, simulated, None, simulated)


def _frames(report: Report) -> str:
    assert report.verification is not None
    many = report.verification.frames
    return "all simulated frames" if many > 1 else "the simulated frame"


def _cells(report: Report) -> list[Element]:
    rows: list[Element] = []
    for label, key in CELLS:
        counted = report.resources.synth and getattr(report.resources.synth, key)
        rows.append(_row(label, getattr(report.resources.estimate, key), None, counted, counted))
    return rows


def _row(
    name: str,
    predicted: float | None,
    simulated: float | None,
    synthesised: float | None,
    measured: float | None,
) -> Element:
    difference = None if predicted is None or measured is None else measured - predicted
    text = signed(difference, predicted or 0)
    cells = (count(predicted), count(simulated), count(synthesised), text)
    return h("tr", h("th", name, scope="row"), [h("td", cell) for cell in cells])
