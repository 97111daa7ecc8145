"""Builds side by side: figures, changes that must not happen, and the sentence that sums up."""

from __future__ import annotations

import pytest
from rich.console import Console

from hwgen.errors import InputError
from hwgen.report.compare import chart, comparison, foldings, sentence
from hwgen.report.metrics import Build, broken, parse_rule
from tests.report.sample import sample


def build(name, *, fps=100.0, lut=1000, bram36=1.5, synth=None, accuracy=None, pe=4):
    report = sample()
    counts = report.resources.estimate.model_copy(update={"lut": lut, "bram36": bram36})
    counted = None if synth is None else counts.model_copy(update={"lut": synth})
    resources = report.resources.model_copy(update={"estimate": counts, "synth": counted})
    performance = report.performance.model_copy(update={"fps": fps})
    first, *others = report.layers
    layers = (first.model_copy(update={"pe": pe}), *others)
    return Build(
        name, sample(resources=resources, performance=performance, layers=layers), accuracy
    )


def shown(table):
    console = Console(width=80, force_terminal=False)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


@pytest.mark.parametrize(
    ("a", "b", "text"),
    [
        ({}, {"fps": 250, "lut": 1500}, "b is 2.50 times as fast as a, with 500 LUT more (50%)"),
        ({"fps": 200, "lut": 900}, {}, "a is 2.00 times as fast as b, with 100 LUT less (10%)"),
        ({"fps": 200}, {}, "a is 2.00 times as fast as b, with the same resources"),
        ({}, {}, "a and b are equally fast and equally large"),
        ({}, {"lut": 970}, "a and b are equally fast; a takes 30 LUT more (3%)"),
        ({}, {"fps": 345_600.4}, "b is 3,456 times as fast as a, with the same resources"),
        ({}, {"fps": 104}, "b is 4% faster than a, with the same resources"),
        (
            {},
            {"fps": 200, "lut": 990, "bram36": 4.0},
            "b is 2.00 times as fast as a, with 10 LUT less (1%), 2.5 BRAM36 more",
        ),
        (
            {"accuracy": 0.91},
            {"fps": 200, "accuracy": 0.9},
            "b is 2.00 times as fast as a, with the same resources, and 90.00 % accuracy "
            "against 91.00 %",
        ),
        (
            {"synth": 800},
            {"fps": 200, "synth": 880},
            "b is 2.00 times as fast as a, with 80 LUT more (10%)",
        ),
    ],
)
def test_a_sentence_says_which_is_faster_and_at_what_cost(a, b, text):
    assert sentence([build("a", **a), build("b", **b)]) == text


@pytest.mark.parametrize(
    ("rule", "base", "value", "breaks"),
    [
        ("lut>+5%", 1000, 1050, False),
        ("lut>+5%", 1000, 1051, True),
        ("lut > 5 %", 1000, 1051, True),
        ("lut>40", 1000, 1041, True),
        ("lut>40", 1000, 1040, False),
        ("fps<-2%", 100, 98, False),
        ("fps<-2%", 100, 97.9, True),
        ("fps<-2%", 100, 150, False),
        ("dsp>+0%", 0, 1, True),
        ("dsp>+0%", 0, 0, False),
    ],
)
def test_a_rule_is_broken_by_what_goes_beyond_it(rule, base, value, breaks):
    assert parse_rule(rule).broken(base, value) == breaks


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("lut", "must be METRIC>CHANGE or METRIC<CHANGE"),
        ("lut>=5", "must be METRIC>CHANGE"),
        ("luts>5%", "luts is unknown; did you mean lut"),
    ],
)
def test_what_is_no_rule_is_refused(rule, message):
    with pytest.raises(InputError, match=message):
        parse_rule(rule)


def test_broken_rules_name_figure_builds_and_rule():
    builds = [build("old", accuracy=0.91), build("new", lut=1100, accuracy=0.85)]
    rules = [parse_rule(text) for text in ("lut>+5%", "fps<0", "accuracy<-0.01")]

    assert broken(rules, builds) == [
        "LUT went from 1,000 (old) to 1,100 (new), which breaks 'lut>+5%'",
        "accuracy went from 91.00 % (old) to 85.00 % (new), which breaks 'accuracy<-0.01'",
    ]


def test_a_rule_about_an_unknown_figure_says_which_build_lacks_it():
    with pytest.raises(InputError, match="new has no accuracy"):
        broken([parse_rule("accuracy<0")], [build("old", accuracy=0.9), build("new")])


def test_synthesis_is_compared_only_where_all_builds_have_it():
    both = [build("a", lut=1000, synth=900), build("b", lut=1000, synth=990)]
    one = [build("a", lut=1000, synth=900), build("b", lut=1000)]

    assert broken([parse_rule("lut>+5%")], both)
    assert not broken([parse_rule("lut>+5%")], one)
    assert "LUT (synthesis)" in shown(comparison(both))
    assert "LUT (estimate)" in shown(comparison(one))


def test_changes_beyond_tenfold_are_factors():
    text = shown(comparison([build("a", lut=1000), build("b", lut=20_000, fps=0.04)]))

    assert "20,000 ×20.00" in text
    assert "0.04 ÷2,500" in text


def test_tables_show_changes_and_fit_80_columns():
    builds = [build("old", accuracy=0.9), build("new", fps=150, lut=1200, pe=8)]
    text = shown(comparison(builds)) + shown(chart(builds)) + shown(foldings(builds))

    assert "150 +50.0%" in text
    assert "1,200 +20.0%" in text
    assert "90.00 %" in text
    assert "PE 8, SIMD 16, lut, lutram" in text
    assert max(map(len, text.splitlines())) <= 80
    assert foldings([builds[0], builds[0]]) is None
