"""The figures by which builds are compared, and rules that a change of them may break."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from hwgen.errors import InputError, suggest
from hwgen.report.figures import count, duration, rate
from hwgen.report.schema import Counts, Report


@dataclass(frozen=True)
class Build:
    """A build to compare.

    name : how it is called, unique among those compared
    accuracy : share of frames that it classed rightly when it was evaluated; None if it was not
    """

    name: str
    report: Report
    accuracy: float | None = None


@dataclass(frozen=True)
class Metric:
    """One figure.

    better : which direction is an improvement, None where neither is
    """

    label: str
    value: Callable[[Build, bool], float | None]
    show: Callable[[float | None], str]
    better: Literal["more", "less"] | None = "less"


def _cells(key: str) -> Callable[[Build, bool], float | None]:
    def value(build: Build, synth: bool) -> float:
        resources = build.report.resources
        counted: Counts = resources.estimate
        if synth and resources.synth is not None:
            counted = resources.synth
        return getattr(counted, key)

    return value


def _accuracy(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.2f} %"


METRICS: Mapping[str, Metric] = {
    "fps": Metric("frames per second", lambda b, _: b.report.performance.fps, rate, "more"),
    "fps_with_io": Metric(
        "fps with board I/O", lambda b, _: b.report.performance.fps_with_io, rate, "more"
    ),
    "latency": Metric(
        "latency",
        lambda b, _: b.report.performance.latency_us,
        lambda us: "–" if us is None else duration(us),
    ),
    "ii": Metric("interval, cycles", lambda b, _: b.report.performance.ii_cycles, count),
    "accuracy": Metric("accuracy", lambda b, _: b.accuracy, _accuracy, "more"),
    "lut": Metric("LUT", _cells("lut"), count),
    "ff": Metric("FF", _cells("ff"), count),
    "bram36": Metric("BRAM36", _cells("bram36"), count),
    "dsp": Metric("DSP", _cells("dsp"), count),
    "macs": Metric("multiplications", lambda b, _: b.report.model.macs, count, None),
    "weight_bits": Metric("weight bits", lambda b, _: b.report.model.weight_bits, count, None),
}


def synthesised(builds: Sequence[Build]) -> bool:
    """Return whether all builds were synthesised, so that counts can be compared with counts."""
    return all(build.report.resources.synth is not None for build in builds)


@dataclass(frozen=True)
class Rule:
    """A change that must not happen, such as ``lut>+5%``: more than 5 % above the first build.

    limit : in percent of the first build's figure if ``relative``, in its own unit otherwise
    """

    text: str
    metric: str
    above: bool
    limit: float
    relative: bool

    def broken(self, base: float, value: float) -> bool:
        """Return whether going from ``base`` to ``value`` is the change that must not happen."""
        change = value - base
        if self.relative:
            change = 100 * change / base if base else (0.0 if not change else change * float("inf"))
        return change > self.limit if self.above else change < self.limit


_RULE = re.compile(r"\s*(\w+)\s*([<>])\s*([+-]?\d+(?:\.\d+)?)\s*(%?)\s*")


def parse_rule(text: str) -> Rule:
    """Return the rule that ``text`` states; raise ``InputError`` where it states none."""
    found = _RULE.fullmatch(text)
    if found is None:
        raise InputError(
            f"--fail-on {text!r} must be METRIC>CHANGE or METRIC<CHANGE, such as 'lut>+5%', "
            f"'fps<-2%' or 'accuracy<-0.01'"
        )
    metric, sign, limit, unit = found.groups()
    if metric not in METRICS:
        raise InputError(f"--fail-on {text!r}: {metric} is unknown{suggest(metric, METRICS)}")
    return Rule(text.strip(), metric, sign == ">", float(limit), bool(unit))


def broken(rules: Sequence[Rule], builds: Sequence[Build]) -> list[str]:
    """Return a sentence for every rule that a later build breaks against the first one."""
    first, synth = builds[0], synthesised(builds)
    found: list[str] = []
    for rule in rules:
        metric = METRICS[rule.metric]
        base = metric.value(first, synth)
        for build in builds[1:]:
            value = metric.value(build, synth)
            if base is None or value is None:
                lacks = first.name if base is None else build.name
                raise InputError(f"--fail-on {rule.text!r}: {lacks} has no {metric.label}")
            if rule.broken(base, value):
                found.append(
                    f"{metric.label} went from {metric.show(base)} ({first.name}) to "
                    f"{metric.show(value)} ({build.name}), which breaks {rule.text!r}"
                )
    return found
