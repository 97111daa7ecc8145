"""What a layer does during a frame, against cycles worked out by hand."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from hwgen import timing
from hwgen.dataflow import Dataflow, Element, Stream, performance, plan, size_fifos, timeline
from hwgen.dataflow.units import FifoUnit, Unit
from hwgen.ir import TensorType
from tests.dataflow import nets

BIT = Element.raw(1)


@dataclass(frozen=True, eq=False)
class Paced(Unit):
    """Takes and gives transfers as its schedule says; no component exists."""

    pace: Any

    @property
    def schedule(self):
        return self.pace


def stream(name, words):
    return Stream(name, name, TensorType((words,), 0, 1), 1)


def slowly(steps):
    """Take a word and send it ``steps`` times."""
    takes = np.arange(steps)[:, None] == 0
    return timing.Pipe(takes, np.ones((steps, 1), np.bool_), 1, 1)


def pair(words, *, depth=None):
    """A layer that copies, in front of one that works four cycles on each word."""
    copy = timing.elementwise(1)
    names = ("x", "a", "y") if depth is None else ("x", "a", "b", "y")
    queue = () if depth is None else (FifoUnit("q", "slow", ("a",), ("b",), BIT, 1, depth),)
    units = (
        Paced("copy", "copy", ("x",), ("a",), copy),
        *queue,
        Paced("slow", "slow", (names[-2],), ("y",), slowly(4)),
    )
    streams = {name: stream(name, words) for name in names} | {"y": stream("y", 4 * words)}
    return Dataflow(units, streams, "x", "y")


def spans(layer):
    return [(span.start, span.stop, span.state) for span in layer.spans]


def test_a_layer_in_front_of_a_slower_one_stalls():
    # copy takes word 0 in cycle 0; slow takes word k in 1 + 4k, and copy its next one just then.
    found = timeline(pair(3), 0)
    copy, slow = found.layers

    assert found.cycles == 5 + 4 * 2
    assert (copy.first_input, copy.last_input) == (0, 5)
    assert (copy.first_output, copy.last_output) == (1, 9)
    assert spans(copy) == [
        (0, 1, "filling"),
        (1, 2, "working"),
        (2, 5, "stalled"),
        (5, 6, "working"),
        (6, 10, "draining"),
    ]
    assert spans(slow) == [(1, 2, "filling"), (2, 10, "working"), (10, 14, "draining")]
    assert [span.busy for span in slow.spans] == [1.0, 1.0, 0.75]


def test_a_fifo_between_them_lets_the_first_one_finish():
    copy, slow = timeline(pair(3, depth=4), 0).layers

    assert spans(copy) == [(0, 1, "filling"), (1, 3, "working"), (3, 4, "draining")]
    assert slow.first_input == 2


def test_long_stretches_are_cut_into_few_spans_without_gaps():
    words = 2000
    found = timeline(pair(words), 2)

    for layer in found.layers:
        assert len(layer.spans) < 300
        assert layer.spans[0].start == layer.first_input
        assert layer.spans[-1].stop == layer.last_output + 1
        assert all(a.stop == b.start and a.state != b.state for a, b in pairwise(layer.spans))
    copy, slow = found.layers
    assert {span.state for span in copy.spans} == {"filling", "stalled", "draining"}
    stalled = next(span for span in copy.spans if span.state == "stalled")
    assert stalled.busy == pytest.approx(0.25, abs=0.01)
    assert slow.spans[1].state == "working"


def test_the_first_frame_takes_the_latency_and_every_layer_has_its_line():
    graph = nets.mlp((16, 8, 4))
    flow = size_fifos(plan(graph, nets.fold()))
    found = timeline(flow, 0)

    assert found.cycles == performance(flow).latency_cycles
    assert [layer.layer for layer in found.layers] == list(flow.layers())


def test_queues_are_as_full_as_back_pressure_makes_them():
    assert performance(pair(8, depth=3)).peaks == {"q": 3}
