"""Weights that are exchanged at run time, over registers of the simulated board."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hwgen import flow
from hwgen.arith.mvu import Lane, MvuPlan
from hwgen.arith.writing import writes
from hwgen.errors import FoldingError, InputError
from hwgen.flow.progress import Progress
from hwgen.flow.weights import weights_meta
from hwgen.host.hwgen_driver import WeightError, weight_writes
from tests.flow.networks import tiny_mlp
from tests.flow.test_zynq import Built, images

FOLDING = """
[layers.fc0]
pe = 4
simd = 3
memory = "writable"
[layers.fc1]
pe = 2
simd = 6
[layers.fc2]
pe = 1
simd = 4
memory = "writable"
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("writable")
    (folder / "folding.toml").write_text(FOLDING)
    return tiny_mlp(folder / "tiny.onnx")


@pytest.fixture(scope="module")
def built(model):
    folder = model.parent
    request = flow.Request(model, "pynq-z2", folding=folder / "folding.toml")
    flow.build(request, flow.Trial(frames=2, engine="amaranth"), folder / "out").require()
    return Built(folder / "out", folder / "models")


def test_the_driver_exchanges_weights(built, monkeypatch):
    net = built.accelerator(built.board(), monkeypatch)
    x = images(9)
    np.testing.assert_array_equal(net.predict(x), built.reference(x))  # those of the build
    rng = np.random.default_rng(4)
    graph, network = built.decision.graph, built.decision.network
    for name in ("fc2", "fc0"):
        op = graph[name].op
        other = rng.permutation(op.weights.reshape(-1)).reshape(op.weights.shape)
        net.load_weights(name, other)
        graph = graph.replace_op(name, replace(op, weights=other))
        found = net.predict(x)
        np.testing.assert_array_equal(
            found, network.output.decode(graph.run(network.input.encode(x)))
        )
    assert (found != built.reference(x)).any()


def test_weights_that_do_not_fit_are_refused(built, monkeypatch):
    net = built.accelerator(built.board(), monkeypatch)
    w = built.decision.graph["fc0"].op.weights
    for layer, weights, match in (
        ("fc1", w, "fc1' has no writable weights; those that have: fc0, fc2"),
        ("fc0", w[:2], r"shape \(2, 8\); expected integers \(6, 8\)"),
        ("fc0", w * 0.5, "type float64"),
        ("fc0", w * 2, r"the layer is built for -1\.\.1"),
    ):
        with pytest.raises(ValueError, match=match):
            net.load_weights(layer, weights)
    meta = {**net.meta["weights"]["fc0"], "acc_high": 1}
    with pytest.raises(WeightError, match="sums of these weights reach"):
        weight_writes(np.ones((6, 8), np.int64), meta)
    x = images(3)
    np.testing.assert_array_equal(net.predict(x), built.reference(x))


@pytest.mark.parametrize("x", [Lane(2), Lane(3, True), Lane(1, bipolar=True)])
@pytest.mark.parametrize(("pe", "simd"), [(1, 1), (3, 7), (5, 4), (6, 20)])
def test_the_driver_writes_what_the_plan_says(built, x, pe, simd):
    w = np.random.default_rng(pe).integers(-7, 8, (6, 20))
    w[0, 0] = -7
    plan = MvuPlan(w, x, Lane(14, True), pe, simd, "writable")
    (unit,) = (u for u in built.design.dataflow.units if u.node == "fc0" and hasattr(u, "weights"))
    meta = weights_meta(built.design.dataflow)["fc0"]
    assert unit.plan.writable
    meta |= {"rows": 6, "columns": 20, "pe": pe, "simd": simd, "planes": 3, "x_bits": x.bits}
    meta |= {"x_low": x.low, "x_high": x.high, "x_gain": x.gain}
    meta |= {"acc_bits": 14, "acc_low": plan.acc.low, "acc_high": plan.acc.high}
    assert weight_writes(w, meta) == list(writes(plan))


def test_what_cannot_be_written_is_refused(model, tmp_path):
    folding = model.parent / "folding.toml"
    request = flow.Request(model, "icebreaker", folding=folding)
    with pytest.raises(InputError, match="fc0: memory='writable' needs a processor"):
        flow.estimate(request, command="", progress=Progress())
    (tmp_path / "dsp.toml").write_text(FOLDING.replace("simd = 3", 'simd = 3\nstyle = "dsp"'))
    request = flow.Request(model, "pynq-z2", folding=tmp_path / "dsp.toml")
    with pytest.raises(FoldingError, match="fc0: memory='writable' needs style='lut'"):
        flow.estimate(request, command="", progress=Progress())
