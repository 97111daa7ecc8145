"""When each layer is busy during a frame, and the other foldings that were considered."""

from __future__ import annotations

from typing import Literal

from hwgen.report.schema_base import Section


class Span(Section):
    """A stretch of a frame's time in one state, from cycle ``start`` on and before ``stop``.

    busy : share of these cycles in which the layer's slowest unit moves
    """

    start: int
    stop: int
    state: Literal["filling", "working", "stalled", "draining"]
    busy: float


class LayerTime(Section):
    """One layer during a frame, in cycles since the frame's first input to the core.

    spans : from the layer's first input to its last output
    """

    layer: str
    first_input: int
    last_input: int
    first_output: int
    last_output: int
    spans: tuple[Span, ...]


class Timeline(Section):
    """A frame on its way through the layers.

    frame : which one of frames offered without a pause; 0 finds the design idle
    steady : later frames take the same course
    cycles : the core's first input to its last output
    """

    frame: int
    steady: bool
    cycles: int
    layers: tuple[LayerTime, ...]


class FrontPoint(Section):
    """The cheapest folding for one interval, as the search prices it: FIFOs not sized yet."""

    interval: int
    fps: float
    lut: int
    ff: int
    bram36: float
    dsp: int
    bottleneck: str
