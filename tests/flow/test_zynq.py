"""A network on a simulated board: driver, registers, DMA and core together."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from hwgen import flow, timing
from hwgen.dataflow import Dataflow
from hwgen.emit.system import frames, zynq_system
from hwgen.flow.progress import Progress
from hwgen.flow.reopen import reopen
from sim.axi import Faults, Timing
from sim.pynq_board import Board
from tests.flow.networks import tiny_mlp

LATENCY = 30  # of the simulated memory: address to first beat, last beat to answer
# Cycles of a run beside those of converters, core and memory, from the cycle behind the start: one
# until the first address is out, one in which the last word lies in the write port's register, and
# three until its answer has passed through the port's and the run's own registers.
OVERHEAD = 5


class Built:
    """A build, and boards that hold it."""

    def __init__(self, folder, models):
        self.folder, self.models = folder, models
        self.decision, self.design = reopen(folder, Progress())
        self.system = zynq_system(self.design)

    def board(self, **how) -> Board:
        return Board(self.system, self.models, memory_bytes=1 << 24, **how)

    def accelerator(self, board, monkeypatch, **how):
        monkeypatch.setitem(sys.modules, "pynq", board.pynq.package)
        path = self.folder / "driver" / "hwgen_driver.py"
        spec = importlib.util.spec_from_file_location("hwgen_driver", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.Accelerator(self.folder / "driver" / "tiny.bit", **how)

    def reference(self, x):
        network = self.decision.network
        return network.output.decode(self.decision.graph.run(network.input.encode(x)))


def system_cycles(flow: Dataflow, count: int) -> int:
    """Return the cycle of the last word out of converters and core, the first offered in 0."""
    source, sink = frames(flow, 8)
    _, total_in, word, transfer = source.grains
    _, total_out, word_out, transfer_out = sink.grains
    first = timing.width_converter(total_in, word, total_in, transfer)
    last = timing.width_converter(total_out, transfer_out, total_out, word_out)
    core = flow.network
    edges = [
        timing.Edge(
            0 if edge.source < 0 else edge.source + 1,
            len(core.nodes) + 1 if edge.target < 0 else edge.target + 1,
            edge.source_port,
            edge.target_port,
        )
        for edge in core.edges
    ]
    edges += [timing.Edge(-1, 0), timing.Edge(len(core.nodes) + 1, -1)]
    nodes = (first, *core.nodes, last)
    network = timing.Network(nodes, tuple(edges), (source.words,))
    return timing.solve(network, count).last_output(count - 1)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("zynq")
    model = tiny_mlp(folder / "tiny.onnx")
    request = flow.Request(model, "pynq-z2", target_fps=1.0)
    flow.build(request, flow.Trial(frames=2, engine="amaranth"), folder / "out").require()
    return Built(folder / "out", folder / "models")


def images(count):
    return np.random.default_rng(1).normal(0, 2, (count, 8)).astype(np.float32)


def test_the_folder_has_all_that_a_board_needs(built):
    names = {path.name for path in (built.folder / "project").iterdir()}
    assert names >= {"tiny_top.v", "tiny_system.v", "tiny_shell.v", "tiny.xdc", "build.tcl"}
    meta = json.loads((built.folder / "driver" / "meta.json").read_text())
    assert meta["build"] == built.design.digest
    script = (built.folder / "project" / "build.tcl").read_text()
    for name in script.splitlines():
        if name.startswith("read_verilog"):
            assert (built.folder / "project" / name.split("{")[1][:-1]).is_file()


def test_the_driver_predicts_what_the_reference_does(built, monkeypatch):
    board = built.board(timing=Timing(LATENCY))
    net = built.accelerator(board, monkeypatch)
    net.batch = 4  # both pairs of buffers, and a last batch that is not full
    x = images(11)

    found = net.predict(x)

    np.testing.assert_array_equal(found, built.reference(x))
    np.testing.assert_array_equal(net.classify(x), built.reference(x).argmax(axis=1))
    assert net.predict(x[:0]).shape == (0, 3)
    assert board.pynq.downloaded == [str(built.folder / "driver" / "tiny.bit")]
    assert board.pynq.clocks.fclk0_mhz == 100.0
    assert board.pynq.afi == {0x00: 0x8F0, 0x14: 0x8F0}
    assert all(checker.idle for checker in board.checkers)
    net.close()


def test_cycles_are_those_of_the_token_model_and_the_bus(built, monkeypatch):
    board = built.board(timing=Timing(LATENCY))
    net = built.accelerator(board, monkeypatch)

    for count in (1, 2, 25):
        predicted = system_cycles(built.design.dataflow, count)
        assert net.benchmark(count)["cycles"] == predicted + 2 * LATENCY + OVERHEAD


def test_what_fails_is_told_and_the_next_frames_are_right(built, monkeypatch):
    board = built.board()
    net = built.accelerator(board, monkeypatch)
    x = images(3)
    net.predict(x)
    source, target = (buffer.physical_address for buffer in net._buffers[0])
    for faults, name in (
        (Faults(reads=[(source, source)]), "read_error"),
        (Faults(writes=[(target, target)]), "write_error"),
    ):
        board.memory.faults = faults
        with pytest.raises(RuntimeError, match=f"the run failed: {name} \\(memory answered"):
            net.predict(x)
        board.memory.faults = Faults()
        np.testing.assert_array_equal(net.predict(x), built.reference(x))

    net._buffers[0][0].physical_address += 4
    with pytest.raises(RuntimeError, match="bad_address"):
        net.predict(x)
    net._buffers[0][0].physical_address -= 4
    np.testing.assert_array_equal(net.predict(x), built.reference(x))


def test_a_memory_that_does_not_answer_ends_in_a_timeout(built, monkeypatch):
    board = built.board(timing=Timing(20_000))
    net = built.accelerator(board, monkeypatch, timeout_s=0.05)
    with pytest.raises(RuntimeError, match=r"no end after 0\.05 s, 0 frames done"):
        net.predict(images(1))


def test_two_runs_at_once_end_in_an_error_and_the_next_frames_are_right(built, monkeypatch):
    board = built.board(timing=Timing(LATENCY))
    one, other = (built.accelerator(board, monkeypatch) for _ in range(2))
    x = images(40)
    one._start(*one._pair(0), 300)
    with pytest.raises(RuntimeError, match=r"start_busy.*another program"):
        other.predict(x)
    with pytest.raises(RuntimeError, match="start_busy"):
        one._wait()
    for net in (one, other):
        np.testing.assert_array_equal(net.predict(x), built.reference(x))


def test_a_wrong_frame_behind_a_running_batch_is_told_and_the_next_frames_are_right(
    built, monkeypatch
):
    net = built.accelerator(built.board(timing=Timing(LATENCY)), monkeypatch)
    net.batch = 200
    x = images(400)
    x[399] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        net.predict(x)
    np.testing.assert_array_equal(net.predict(x[:9]), built.reference(x[:9]))


def test_a_clock_that_the_processor_does_not_make_is_told(built, monkeypatch):
    class Coarse:
        """Clocks of whole divisors of 1 GHz, the nearest."""

        def __init__(self, mhz):
            self._given = mhz

        @property
        def fclk0_mhz(self):
            return self._given

        @fclk0_mhz.setter
        def fclk0_mhz(self, mhz):
            assert mhz == 100.0

    board = built.board()
    board.pynq.package.Clocks = Coarse(99.0)
    assert built.accelerator(board, monkeypatch).clock_mhz == 99.0
    board.pynq.package.Clocks = Coarse(111.0)
    with pytest.raises(RuntimeError, match="makes 111 MHz where the build is made for 100"):
        built.accelerator(board, monkeypatch)


def test_another_build_is_refused(built, monkeypatch):
    path = built.folder / "driver" / "meta.json"
    text = path.read_text()
    meta = json.loads(text)
    try:
        path.write_text(json.dumps({**meta, "build": "0" * 16}))
        with pytest.raises(RuntimeError, match=f"holds build {meta['build']}"):
            built.accelerator(built.board(), monkeypatch)
        path.write_text(json.dumps({**meta, "version": 9}))
        with pytest.raises(RuntimeError, match="no hwgen shell of version 9"):
            built.accelerator(built.board(), monkeypatch)
    finally:
        path.write_text(text)


@pytest.mark.parametrize(
    ("x", "match"),
    [
        (np.zeros((2, 7), np.float32), r"expected \(frames, 8"),
        (np.full((2, 8), np.nan, np.float32), "NaN"),
        (np.zeros((2, 8), np.uint8), "expected real numbers"),
    ],
)
def test_frames_that_do_not_fit_are_refused(built, monkeypatch, x, match):
    net = built.accelerator(built.board(), monkeypatch)
    with pytest.raises(ValueError, match=match):
        net.predict(x)


@pytest.mark.slow
def test_mnist_on_a_core_as_fast_as_the_bus(tmp_path, monkeypatch, shared):
    model = Path(__file__).parents[2] / "designs" / "tfc_w2a2" / "model.onnx"
    request = flow.Request(model, "pynq-z2", maximize="fps", input=flow.InputFlags("uint8"))
    flow.build(request, flow.Trial(frames=1, engine="amaranth"), tmp_path / "out").require()
    built = Built(tmp_path / "out", tmp_path / "models")
    board = built.board(timing=Timing(LATENCY))
    net = built.accelerator(board, monkeypatch, timeout_s=600.0)
    x = np.load(shared / "data" / "mnist_test.npz")["x"][:32].reshape(32, 1, 28, 28)

    np.testing.assert_array_equal(net.predict(x), built.reference(x))
    np.testing.assert_array_equal(net.classify(x), built.reference(x).argmax(axis=1))

    assert built.decision.performance.ii_cycles <= 98, "a frame is 98 words"
    short, long = (net.benchmark(count)["cycles"] for count in (16, 48))
    for count, cycles in ((16, short), (48, long)):
        assert cycles == system_cycles(built.design.dataflow, count) + 2 * LATENCY + OVERHEAD
    assert 32 * 784 / (long - short) >= 0.95 * 8
