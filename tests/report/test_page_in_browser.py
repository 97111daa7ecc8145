"""``report.html`` in a browser: no error, hover and themes work, the figures are the report's."""

from __future__ import annotations

import re

import pytest

from hwgen.report import page
from hwgen.report.figures import count
from tests.report import sample as samples
from tests.report.browser import launch
from tests.report.sample import sample

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")

WIDE, NARROW = (1440, 900), (390, 844)

# Texts that reach outside the page or their own drawing.
LONG = tuple(samples.layer(index, 100 + index, 200) for index in range(12))

CLIPPED = """() => [...document.querySelectorAll("svg text")].filter((text) => {
  const box = text.getBoundingClientRect();
  return box.width && (box.left < -1 || box.right > innerWidth + 1);
}).map((text) => text.textContent)"""

OVERLAPS = """() => {
  const boxes = [...document.querySelectorAll(".node")].map((box) => box.getBoundingClientRect());
  let found = 0;
  boxes.forEach((a, i) => boxes.slice(i + 1).forEach((b) => {
    if (a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom) found += 1;
  }));
  return found;
}"""


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        opened = launch(playwright)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(page(sample()), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def show(browser, address):
    """Open the page at a size; fail at the end for any message of its console or request."""
    said, asked, opened = [], [], []

    def at(size):
        tab = browser.new_page(viewport={"width": size[0], "height": size[1]}, color_scheme="light")
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.on("request", lambda request: asked.append(request.url))
        tab.goto(address)
        tab.wait_for_selector("#front svg")
        opened.append(tab)
        return tab

    yield at
    for tab in opened:
        tab.close()
    assert said == []
    assert set(asked) == {address}


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_nothing_is_clipped_and_no_boxes_overlap(show, size):
    tab = show(size)

    assert tab.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert tab.evaluate(CLIPPED) == []
    assert tab.evaluate(OVERLAPS) == 0


def test_the_graph_shows_layers_and_streams(show):
    tab, report = show(WIDE), sample()

    for layer in report.layers:
        text = tab.inner_text(f'.node[data-layer="{layer.name}"]')
        assert f"{count(layer.cycles)} cycles, {count(layer.lut)} LUT" in text
    for stream in report.streams:
        text = tab.inner_text(f'[data-stream="{stream.source}→{stream.target}"]')
        assert text.startswith(f"{stream.lanes} × {stream.bits} bit")
        assert text.endswith(f" · {stream.depth}") == bool(stream.depth)


def test_the_charts_show_the_figures_of_the_report(show):
    tab, report = show(WIDE), sample()
    told = tab.evaluate(
        "[...document.querySelectorAll('#where [aria-label], #numbers [aria-label],"
        " #fifos [aria-label], #timeline [aria-label]')].map((e) => e.getAttribute('aria-label'))"
    )

    for layer in report.layers:
        assert f"{layer.name}: {count(layer.cycles)}" in told
        assert f"{layer.name}: {count(layer.lut)}" in told
        assert f"{layer.name}: {count(layer.weights * layer.weight_bits)}" in told
        assert f"{layer.name}: {layer.acc_bits}" in told
        assert f"{layer.name}: {layer.thresholds}, {layer.ties} ties" in told
    for layer in report.timelines[0].layers:
        for span in layer.spans:
            assert f"{layer.layer}: {span.state} from {span.start} to {span.stop}" in told
    assert "fc0 → fc1: 30 of 32" in told


def test_another_resource_and_another_frame_can_be_chosen(show):
    tab, report = show(WIDE), sample()

    tab.click('#where button[data-key="bram36"]')
    tab.wait_for_selector(f'#where [aria-label="fc0: {report.layers[0].bram36}"]')
    tab.click('#timeline button[data-key="1"]')
    tab.wait_for_selector('#timeline [aria-label="fc0: filling from 12 to 52"]')


def test_a_long_time_is_shown_in_the_unit_that_suits_it(browser, tmp_path):
    report = sample()
    slow = report.timelines[0].model_copy(update={"cycles": 466_479})
    path = tmp_path / "report.html"
    path.write_text(page(sample(timelines=(slow,))), encoding="utf-8")
    tab = browser.new_page()
    tab.goto(path.as_uri())

    assert "466,479 cycles, 4.66\u00a0ms." in tab.inner_text("#timeline")
    tab.close()


def test_a_graph_that_is_cut_off_can_be_shown_whole(browser, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(page(sample(layers=LONG, streams=samples.chain(LONG))), encoding="utf-8")
    tab = browser.new_page(viewport={"width": NARROW[0], "height": NARROW[1]})
    tab.goto(path.as_uri())
    hidden = "(({ scrollHeight, clientHeight }) => scrollHeight - clientHeight)"
    hidden += "(document.querySelector('.view'))"

    assert tab.evaluate(hidden) > 4
    tab.click("text=Show the whole graph")
    assert tab.evaluate(hidden) == 0
    tab.click("text=Show less")
    assert tab.evaluate(hidden) > 4
    tab.close()


def test_the_front_lists_every_folding(show):
    tab, report = show(WIDE), sample()
    rows = tab.locator("#front tbody tr").all_inner_texts()

    assert len(rows) == len(report.front)
    for row, entry in zip(rows, report.front, strict=True):
        for figure in (entry.interval, entry.lut, entry.ff):
            assert count(figure) in row


def test_hovering_and_clicking_tell_about_a_layer_or_a_stream(show):
    tab, report = show(WIDE), sample()
    details = tab.locator("#details")
    assert "fc0" in details.inner_text()

    tab.hover('.node[data-layer="fc1"]')
    assert re.search(r"fc1\n.*features\.1", details.inner_text(), re.S)
    tab.hover("h1")
    assert "features.0" in details.inner_text()
    tab.click('[data-stream="fc0→fc1"]')
    tab.hover("h1")
    assert f"at most {report.streams[1].peak} in use" in details.inner_text()


def test_hovering_a_chart_shows_a_tip(show):
    tab = show(WIDE)
    tab.hover('#where [aria-label="fc1: 256"]')
    tab.wait_for_function(
        "document.querySelector('#where').textContent.includes('of the interval')"
    )


def test_the_theme_switches_and_follows_the_system(show):
    tab = show(WIDE)
    ground = "getComputedStyle(document.body).backgroundColor"
    light = tab.evaluate(ground)
    tab.click("#theme")
    dark = tab.evaluate(ground)
    tab.click("#theme")

    assert dark != light == tab.evaluate(ground)
    tab.evaluate("delete document.documentElement.dataset.theme")
    tab.emulate_media(color_scheme="dark")
    assert tab.evaluate(ground) == dark
