"""``report.json`` reads back, and ``report.html`` shows its figures and nothing from outside."""

from __future__ import annotations

import html
import json
import re
from html.parser import HTMLParser
from importlib import resources

import pytest

from hwgen.errors import InputError
from hwgen.report import Report, json_text, page, read_report, schema_text
from hwgen.report.figures import count, duration, percent, rate, signed
from tests.report.sample import sample

LICENCES = html.escape(
    resources.files("hwgen.report").joinpath("web", "LICENSES.txt").read_text(), quote=False
)


class Page(HTMLParser):
    """Tags, attributes and visible text of a page."""

    void = frozenset({"meta", "br", "link", "img", "input"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag not in self.void:
            self.open.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in {"style", "script"}:
            self.texts.append(data)


def test_report_json_has_at_least_the_published_keys():
    report = json.loads(json_text(sample()))

    assert {"name", "sha256", "macs", "weight_bits"} <= report["model"].keys()
    performance = {"fps", "latency_cycles", "latency_us", "ii_cycles", "bottleneck", "fps_with_io"}
    assert performance <= report["performance"].keys()
    assert {"estimate", "synth", "available"} <= report["resources"].keys()
    assert {"lut", "ff", "bram36", "dsp"} == report["resources"]["estimate"].keys()
    layer = {"name", "op", "pe", "simd", "cycles", "lut", "bram36", "dsp", "weight_bits"}
    assert layer | {"input_bits", "acc_bits", "fifo_depth"} <= report["layers"][0].keys()
    verification = {"engine", "frames", "values", "mismatches", "cycles_predicted"}
    assert verification | {"cycles_simulated", "ties"} <= report["verification"].keys()


def test_report_json_reads_back(tmp_path):
    (tmp_path / "report.json").write_text(json_text(sample()))
    assert read_report(tmp_path) == sample()


def test_the_schema_names_every_section():
    schema = json.loads(schema_text())
    assert set(schema["properties"]) == set(Report.model_fields)


def test_a_folder_without_report_is_named(tmp_path):
    with pytest.raises(InputError, match=r"is not a build: it has no readable report\.json"):
        read_report(tmp_path)


def test_a_report_of_another_format_is_named(tmp_path):
    (tmp_path / "report.json").write_text('{"format": 1, "extra": 2}')
    with pytest.raises(InputError, match=r"report\.json: .*; this hwgen reads format 1"):
        read_report(tmp_path)


def test_the_page_is_well_formed_and_reaches_nothing_outside():
    text = page(sample())
    parsed = Page(text)

    assert parsed.open == []
    links = {"src", "href", "action", "data", "srcset"}
    assert [entry for entry in parsed.attributes if entry[1] in links] == []
    names_only = re.sub(r"http://www\.w3\.org/[\w/]+", "", text.replace(LICENCES, ""))
    assert not re.search(r"https?://|//cdn|@import|url\((?!#)|\bfetch\(|XMLHttp", names_only)
    assert len(text) < 6 * 2**20


def test_the_page_shows_the_figures_of_report_json():
    report = sample()
    shown = "".join(Page(page(report)).texts)

    assert "Verified: 0 mismatches in 12,345 values" in shown
    assert "127,551 fps" in shown
    assert "12 µs" in shown
    assert "4,900 of 53,200 (9.2 %, estimate)" in shown
    assert "4,879 of 53,200 (9.2 %, synth)" in shown
    for layer in report.layers:
        assert layer.name in shown
        assert count(layer.cycles) in shown


def test_the_page_carries_its_report_whatever_its_names_hold():
    report = sample(command="hwgen build --out '</script><script>alert(1)</script>'")
    text = page(report)
    (data,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.S)

    assert Report.model_validate_json(data) == report
    assert "<script>alert" not in text


def test_predicted_stands_beside_simulated_and_synthesised():
    resources = sample().resources
    changed = resources.model_copy(
        update={"synth": resources.synth.model_copy(update={"lut": 5390})}
    )
    shown = "|".join(Page(page(sample(resources=changed))).texts)

    assert "Cycles of all simulated frames|51,000|51,000|–|0" in shown
    assert "LUT|4,900|–|5,390|+490 (+10.0 %)" in shown
    assert "within 10% on nine of ten synthesised parts" in shown


def test_names_from_the_model_are_escaped():
    text = page(sample())
    assert "<friends>" not in text
    assert "tfc & <friends>" in "".join(Page(text).texts)


def test_the_page_names_the_licences_of_its_libraries():
    shown = "".join(Page(page(sample())).texts)
    for library in ("@observablehq/plot", "@dagrejs/dagre", "d3-scale"):
        assert library in shown


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"mismatches": 3}, "Not verified: 3 mismatches in 12,345 values"),
        ({"cycles_simulated": 51001}, "Not verified: 51,000 cycles predicted, 51,001 simulated"),
        ({"onnx_unexplained": 2}, "Not verified: 2 unexplained differences from ONNX"),
        ({"values": 0}, "Not verified: Not simulated"),
    ],
)
def test_what_is_not_proven_is_not_called_verified(changes, verdict):
    report = sample()
    report = sample(verification=report.verification.model_copy(update=changes))

    assert not report.verified
    assert verdict in "".join(Page(page(report)).texts)


@pytest.mark.parametrize(
    ("lut", "sentence"),
    [
        (36000, "Fits: 68 % of the LUT is the largest share."),
        (45000, "Fits the board, but beyond the budget: 85 % of the LUT."),
        (60000, "Does not fit: 113 % of the LUT."),
    ],
)
def test_the_page_says_whether_the_design_fits(lut, sentence):
    resources = sample().resources
    counts = resources.synth.model_copy(update={"lut": lut})
    changed = sample(resources=resources.model_copy(update={"synth": counts}))

    assert sentence in "".join(Page(page(changed)).texts)


@pytest.mark.parametrize(
    ("changes", "value", "note"),
    [
        ({"ii_cycles": 1568, "fps": 1e8 / 1568}, "127,551 fps", "for 10 LUT more (estimate)"),
        ({}, "over budget", "this is the fastest folding within 70 % of the board"),
        ({"ii_cycles": 90}, "limited by I/O", "the board's link feeds 127,551 fps at most"),
    ],
)
def test_the_headline_says_what_one_step_faster_would_cost(changes, value, note):
    report = sample()
    resources = report.resources
    estimate = resources.estimate.model_copy(update={"lut": 4890})
    changed = sample(
        performance=report.performance.model_copy(update=changes),
        resources=resources.model_copy(update={"estimate": estimate}),
    )

    assert f"One step faster|{value}|{note}" in "|".join(Page(page(changed)).texts)


def test_without_other_foldings_the_headline_asks_for_no_step():
    assert "One step faster" not in "".join(Page(page(sample(front=()))).texts)


def test_unknown_figures_are_dashes_not_zeros():
    report = sample()
    performance = report.performance.model_copy(update={"fps_with_io": None, "io_cycles": None})
    resources = report.resources.model_copy(update={"synth": None})
    layers = tuple(entry.model_copy(update={"synth": None}) for entry in report.layers)
    changed = sample(performance=performance, resources=resources, layers=layers, verification=None)
    shown = "".join(Page(page(changed)).texts)

    assert "With board I/O" not in shown
    assert "LUT synth" not in shown
    assert "Not verified: Not simulated" in shown


def test_figures_read_as_people_write_them():
    assert [count(x) for x in (None, 0, 1234567, 1.5, 12.0)] == ["–", "0", "1,234,567", "1.5", "12"]
    assert [rate(x) for x in (None, 127551.02, 99.96, 0.5)] == ["–", "127,551", "100", "0.5"]
    assert [duration(x) for x in (12, 1500, 2.5e6)] == ["12 µs", "1.5 ms", "2.5 s"]
    assert [percent(*x) for x in ((0, 5), (1, 12), (6, 12), (1, 0))] == [
        "0 %",
        "8.3 %",
        "50 %",
        "100 %",
    ]
    assert [signed(*x) for x in ((None, 1), (0, 1), (5, 50), (-1234, 0), (-5, 50))] == [
        "–",
        "0",
        "+5 (+10.0 %)",
        "−1,234",
        "−5 (−10.0 %)",
    ]
