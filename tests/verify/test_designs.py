"""Whole designs: equal to the reference in every integer and to the token model in every cycle."""

from dataclasses import replace

import numpy as np
import pytest
from amaranth import Module
from amaranth.hdl import Shape
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwgen.dataflow import Element, performance, plan, size_fifos
from hwgen.emit import component, emit
from hwgen.errors import VerificationError
from hwgen.ir import TensorType, ops
from hwgen.verify import choose, engines, verify
from tests.dataflow.nets import codes, fold, grow, mlp, start, thresholds, weights

AMARANTH = engines()["amaranth"]


def build(graph, folding, make=component):
    flow = size_fifos(plan(graph, folding))
    return emit(flow, make=make)


def check(design, graph, folder, engine=AMARANTH, frames=12, **options):
    x = codes(np.random.default_rng(1), graph, frames)
    return verify(design, graph, x, engine=engine, folder=folder, **options)


def quantized_input():
    """Pixels are quantized on chip; the table is not monotone; codes are signed behind it."""
    rng = np.random.default_rng(2)
    graph = start(TensorType((9,), 0, 15))
    graph = grow(graph, "quant", ops.Table(rng.integers(-2, 2, (9, 16)), 0))
    graph = grow(graph, "fc0", ops.Mvu(weights(rng, 6, 9, -4, 3)))
    return grow(graph, "act0", ops.Threshold(thresholds(rng, graph, "fc0", 6), low=-3))


def pixels():
    """A dense layer at each of several pixels, flattened with padded lanes, then another."""
    rng = np.random.default_rng(3)
    graph = start(TensorType((2, 2, 3), -4, 3))
    graph = grow(graph, "fc0", ops.Mvu(weights(rng, 5, 3, -8, 7)))
    graph = grow(graph, "act0", ops.Threshold(thresholds(rng, graph, "fc0", 1), bipolar=True))
    graph = grow(graph, "flat", ops.Reshape((20,)))
    graph = grow(graph, "fc1", ops.Mvu(weights(rng, 4, 20)))
    return grow(graph, "sign", ops.Table(rng.choice([-1, 1], (1, 60)), -25, bipolar=True))


BIPOLAR = TensorType((10,), -1, 1, bipolar=True)
DESIGNS = {
    "unrolled": (mlp((10, 6, 4)), fold(fc0=(6, 10), fc1=(4, 6))),
    "serial": (mlp((10, 6, 4)), fold()),
    "padded": (mlp((10, 6, 4)), fold(fc0=(4, 3), fc1=(3, 4))),
    "unbalanced": (mlp((4, 12, 4)), fold(fc0=(12, 4), fc1=(1, 1))),
    "bipolar": (mlp((10, 6, 4), kind=BIPOLAR, bipolar=True), fold(fc0=(2, 5), fc1=(4, 3))),
    "accumulators": (mlp((10, 6), argmax=False), fold(fc0=(4, 3))),
    "quantized input": (quantized_input(), fold(quant=(2, 1), fc0=(4, 3))),
    "pixels": (pixels(), fold(fc0=(2, 2), fc1=(2, 6))),
}


@pytest.mark.parametrize("name", DESIGNS)
def test_design_equals_reference_and_token_model(name, tmp_path):
    graph, folding = DESIGNS[name]
    result = check(build(graph, folding), graph, tmp_path)
    result.require()
    assert result.values == 24 * graph.types[graph.outputs[0]].size


@pytest.mark.parametrize("engine", ["verilator", pytest.param("cxxrtl", marks=pytest.mark.slow)])
def test_compiled_design_equals_reference_and_token_model(engine, models):
    graph, folding = DESIGNS["padded"]
    design = build(graph, folding)
    result = check(design, graph, models, choose(engine)[0], frames=500)
    result.require()
    assert result.frames == 1000
    speed = performance(design.dataflow)
    assert result.cycles_simulated > 500 * speed.ii_cycles


def test_two_foldings_give_the_same_outputs_at_their_own_speed():
    graph = mlp((10, 6, 4))
    speeds = [
        performance(size_fifos(plan(graph, folding)))
        for folding in (fold(fc0=(6, 10), fc1=(4, 6)), fold(fc0=(2, 5), fc1=(1, 3)), fold())
    ]
    assert [speed.ii_cycles for speed in speeds] == [1, 8, 60]
    assert speeds[2].bottleneck == "fc0"
    assert speeds[0].latency_cycles < speeds[1].latency_cycles < speeds[2].latency_cycles


class Narrow(wiring.Component):
    """A matrix-vector unit whose accumulators miss a bit; its ports are as they should be."""

    def __init__(self, unit):
        self.unit = unit
        x = data.ArrayLayout(Shape.cast(unit.x.wire), unit.simd)
        acc = data.ArrayLayout(Shape.cast(unit.acc.wire), unit.pe)
        super().__init__({"i": In(stream.Signature(x)), "o": Out(stream.Signature(acc))})

    def elaborate(self, platform):
        m = Module()
        acc = Shape(self.unit.acc.bits - 1, signed=True)
        low, high = -(1 << acc.width - 1), (1 << acc.width - 1) - 1
        m.submodules.inner = inner = component(replace(self.unit, acc=Element(low, high)))
        wiring.connect(m, wiring.flipped(self.i), inner.i)
        m.d.comb += [self.o.valid.eq(inner.o.valid), inner.o.ready.eq(self.o.ready)]
        m.d.comb += [self.o.p[lane].eq(inner.o.p[lane]) for lane in range(self.unit.pe)]
        return m


def strict(unit):
    """``>`` in place of ``>=``."""
    return component(replace(unit, thresholds=unit.thresholds + 1))


def changed(unit):
    matrix = unit.weights.copy()
    matrix[4, 2] += 1
    return component(replace(unit, weights=matrix))


@pytest.mark.parametrize(
    ("layer", "broken", "channels"),
    [("act0", strict, range(6)), ("fc0", Narrow, range(6)), ("fc0", changed, [4])],
)
@pytest.mark.parametrize("engine", ["amaranth", pytest.param("verilator", marks=pytest.mark.slow)])
def test_a_broken_component_is_named_with_layer_and_channel(
    layer, broken, channels, engine, models
):
    graph, folding = mlp((10, 6, 4), seed=5, argmax=False), fold(fc0=(2, 5), fc1=(2, 3))
    design = build(graph, folding, lambda unit: (broken if unit.name == layer else component)(unit))
    result = check(design, graph, models, choose(engine)[0], frames=24)
    assert result.mismatches
    found = result.divergence
    assert found is not None
    assert found.layer == layer
    assert found.channel in channels
    x = codes(np.random.default_rng(1), graph, 24)
    assert found.expected == graph.run_all(x)[layer][found.frame, found.channel]
    with pytest.raises(VerificationError, match=f"layer {layer} .*channel {found.channel}: exp"):
        result.require()
