"""FIFO depths lose no speed, are as small as that allows, and cannot deadlock."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from hwgen import timing
from hwgen.dataflow import Dataflow, Element, Stream, layer_cycles, performance, size_fifos
from hwgen.dataflow.units import FifoUnit, ForkUnit, Unit
from hwgen.ir import TensorType

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


def bursts(words):
    """A layer that swallows ``words``, then gives them all."""
    takes = np.repeat([True, False], words)[:, None]
    return timing.Pipe(takes, ~takes, 1, 1)


def joined(words):
    """Fork; one branch stores a whole vector before it goes on; both meet again."""
    names = ("x", "a", "b", "a2", "b2", "kept", "y")
    every = np.ones((1, 1), np.bool_)
    join = timing.Pipe(np.ones((1, 2), np.bool_), every, 1, 1)
    number = np.arange(words)
    whole = timing.Buffer(np.full(words, words - 1), number - 2 * words, 1)
    units = (
        ForkUnit("fork", "x", ("x",), ("a", "b"), BIT, 1, 2),
        FifoUnit("qa", "a", ("a",), ("a2",), BIT, 1, None),
        FifoUnit("qb", "b", ("b",), ("b2",), BIT, 1, None),
        Paced("keep", "kept", ("b2",), ("kept",), whole),
        Paced("join", "y", ("a2", "kept"), ("y",), join),
    )
    return Dataflow(units, {name: stream(name, words) for name in names}, "x", "y")


def depths(flow):
    return {unit.name: unit.depth for unit in flow.units if isinstance(unit, FifoUnit)}


def with_depth(flow, name, depth):
    return flow.with_units(
        replace(unit, depth=depth) if unit.name == name else unit for unit in flow.units
    )


@pytest.mark.parametrize("words", [1, 2, 5, 16])
def test_a_branch_waits_for_the_other_in_its_fifo(words):
    flow = size_fifos(joined(words))
    speed = performance(flow)
    assert speed.ii_cycles == layer_cycles(flow)["kept"] == words
    for name, depth in depths(flow).items():
        assert depth >= 2
        if depth > 2:
            less = with_depth(flow, name, depth - 1).network
            found = timing.steady(less) if timing.deadlock_free(less) else None
            assert found is None or found.ii_cycles > speed.ii_cycles
    if words == 16:
        assert depths(flow)["qa"] > 2
        assert depths(flow)["qb"] == 2


def test_what_deadlocks_without_room_gets_it():
    flow = joined(16)
    small = flow.with_units(
        replace(unit, depth=2) if isinstance(unit, FifoUnit) else unit for unit in flow.units
    )
    assert not timing.deadlock_free(small.network)
    assert timing.deadlock_free(size_fifos(flow).network)


def test_the_slowest_layer_sets_the_interval_and_is_named():
    names = ("x", "fast", "queued", "slow")
    units = (
        Paced("fast", "fast", ("x",), ("fast",), timing.elementwise(3)),
        FifoUnit("q", "slow", ("fast",), ("queued",), BIT, 1, None),
        Paced("slow", "slow", ("queued",), ("slow",), bursts(8)),
    )
    flow = size_fifos(Dataflow(units, {name: stream(name, 8) for name in names}, "x", "slow"))
    speed = performance(flow)
    assert speed.bottleneck == "slow"
    assert speed.layer_cycles == {"fast": 8, "slow": 16}
    assert speed.ii_cycles == 16
    assert depths(flow)["q"] == 2
    # first word: 3 stages, 1 cycle in the queue; 15 more steps of the slow layer; its stage
    assert speed.latency_cycles == 3 + 1 + 15 + 1


def test_planned_rates_and_schedules_agree_or_fail():
    names = ("x", "y")
    unit = Paced("y", "y", ("x",), ("y",), timing.elementwise(1))
    flow = Dataflow((unit,), {"x": stream("x", 4), "y": stream("y", 5)}, "x", "y")
    assert names == flow.stream_order
    with pytest.raises(AssertionError, match="schedules move what the streams carry"):
        _ = flow.network
