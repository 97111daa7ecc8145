"""What stands around a core on boards without a processor, and in users' own designs."""

from __future__ import annotations

import json
import re
import signal
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from hwgen import boards, cli, flow
from hwgen.emit.system import serial_system
from hwgen.errors import BoardError, InputError
from hwgen.flow.board_run import run_on_board
from hwgen.flow.progress import Progress
from hwgen.flow.reopen import reopen
from hwgen.flow.shells import chip_clock, line_rate
from sim.serial import Line
from sim.serial_board import SerialBoard
from sim.stepped import Stepped
from tests.flow.networks import tiny_mlp

SPIRIT = "{http://www.spiritconsortium.org/XMLSchema/SPIRIT/1685-2009}"
TRIAL = flow.Trial(frames=1, engine="amaranth", stall=0.0)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return tiny_mlp(tmp_path_factory.mktemp("tiny") / "tiny.onnx")


def test_an_ip_describes_the_ports_it_has(tiny, tmp_path):
    request = flow.Request(tiny, "zcu104", shell="axi-stream", target_fps=1.0)
    flow.build(request, TRIAL, tmp_path / "out").require()

    project = tmp_path / "out" / "project"
    root = ElementTree.parse(project / "component.xml").getroot()
    ports = {}
    for port in root.iter(f"{SPIRIT}port"):
        left = port.find(f".//{SPIRIT}left")
        width = 1 if left is None else int(left.text) + 1
        ports[port.find(f"{SPIRIT}name").text] = (
            port.find(f".//{SPIRIT}direction").text + "put",
            width,
        )
    text = (project / "tiny_axis.v").read_text()
    found = re.findall(r"^  (input|output) (?:\[(\d+):0\] )?(\w+);", text, re.M)
    assert ports == {name: (way, int(left or 0) + 1) for way, left, name in found}
    files = [f.find(f"{SPIRIT}name").text for f in root.iter(f"{SPIRIT}file")]
    assert all((project / name).is_file() for name in files)
    assert len(files) == len(set(files)) >= 4
    mapped = {e.text for e in root.iter(f"{SPIRIT}name")}
    assert mapped >= {"s_axis", "m_axis", "aclk", "aresetn", "TLAST"}


def command(monkeypatch, capsys, *arguments) -> tuple[int, str, str]:
    """Run ``hwgen``; return exit status, output and messages."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(sys, "argv", ["hwgen", *map(str, arguments)])
    try:
        cli.main()
        status = 0
    except SystemExit as stop:
        status = stop.code if isinstance(stop.code, int) else int(bool(stop.code))
    return status, *capsys.readouterr()


def test_frames_run_over_a_serial_port(tiny, tmp_path, monkeypatch, capsys):
    request = flow.Request(tiny, "ulx3s-85f", target_fps=1.0)
    flow.build(request, TRIAL, tmp_path / "out").require()
    decision, design = reopen(tmp_path / "out", Progress())
    divisor = 5  # the simulated line is faster than a real one
    system = serial_system(design, "ecp5", divisor=divisor, pll=None)
    line = Line(divisor)
    modules = [*design.modules, *system.modules[:-1]]
    x = np.random.default_rng(1).normal(0, 2, (6, 8)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    stepped = Stepped(system.parts["tiny_system"], modules, [line], tmp_path / "models")
    told = []
    with SerialBoard(stepped, line) as board:
        found = run_on_board(
            tmp_path / "out",
            tmp_path / "x.npy",
            board.port,
            outputs=tmp_path / "y.npy",
            answer_s=60.0,
            told=lambda done, frames: told.append((done, frames)),
        )
        np.save(tmp_path / "wrong.npy", x[:, :5])
        with pytest.raises(InputError, match=r"wrong\.npy: frames have shape"):
            run_on_board(tmp_path / "out", tmp_path / "wrong.npy", board.port, answer_s=60.0)
        capsys.readouterr()
        wanted = ("run", tmp_path / "out", "--inputs", tmp_path / "x.npy", "--port", board.port)
        status, said, _ = command(monkeypatch, capsys, *wanted, "--timeout-s", 60, "--json")
        board.cut = 1.0  # no answer comes any more
        silent = command(monkeypatch, capsys, *wanted, "--timeout-s", 0.05)

    assert status == 0
    assert json.loads(said)["classes"] == list(found.classes)
    assert silent[0] == 1
    assert "the board does not answer (5 tries" in silent[2]
    network = decision.network
    expected = network.output.decode(decision.graph.run(network.input.encode(x)))
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), expected)
    assert found.classes == tuple(expected.argmax(axis=1))
    assert told[-1] == (6, 6)


def test_a_build_for_a_processor_is_not_run_over_a_serial_port(tmp_path):
    (tmp_path / "driver").mkdir()
    (tmp_path / "driver" / "meta.json").write_text(json.dumps({"shell": "zynq"}))
    with pytest.raises(InputError, match="shell zynq"):
        run_on_board(tmp_path, tmp_path / "x.npy", "port")
    with pytest.raises(InputError, match="no build for a board"):
        run_on_board(tmp_path / "driver", tmp_path / "x.npy", "port")


@pytest.mark.parametrize(
    ("board", "shell", "error", "match"),
    [
        ("icebreaker", "zynq", InputError, "needs a board with a Zynq-7000"),
        ("pynq-z2", "uart", InputError, "needs a serial link"),
    ],
)
def test_a_shell_that_a_board_cannot_carry_is_refused(tiny, board, shell, error, match):
    with pytest.raises(error, match=match):
        flow.estimate(flow.Request(tiny, board, shell=shell), command="", progress=Progress())


def test_a_bitstream_needs_a_chip(tiny, tmp_path):
    for board, shell in (("zcu104", "stream"), ("icebreaker", "axi-stream")):
        request = flow.Request(tiny, board, shell=shell, target_fps=1.0)
        with pytest.raises(BoardError, match="needs a whole chip"):
            flow.build(request, TRIAL, tmp_path / "out", seeds=1)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "wanted"), [("icebreaker", 24.0), ("ulx3s-85f", 50.0), ("tang-nano-20k", 54.0)]
)
def test_a_clock_is_made_and_the_line_keeps_its_rate(name, wanted):
    board = boards.load(name)
    mhz, pll = chip_clock(board, wanted)
    assert pll is not None
    assert 0.95 * wanted <= mhz <= wanted
    divisor, baud = line_rate(board, mhz)
    assert abs(mhz * 1e6 / divisor / board.uart.baud - 1) < 0.02
    assert baud == round(mhz * 1e6 / divisor)
    assert chip_clock(board, board.clock.hz / 1e6) == (board.clock.hz / 1e6, None)


def test_what_the_clock_cannot_make_is_refused():
    board = boards.load("icebreaker")
    with pytest.raises(BoardError, match=r"cannot make 1 MHz from its 12 MHz"):
        chip_clock(board, 1.0)
    with pytest.raises(BoardError, match=r"cannot make 1000000 baud, the nearest is 940000"):
        line_rate(board, 4.7)
    with pytest.raises(BoardError, match="cannot make"):
        chip_clock(boards.load("arty-a7-100"), 33.0)


def test_a_board_of_ones_own(tiny, tmp_path):
    text = (Path(boards.__file__).parents[1] / "boards" / "ulx3s-85f.toml").read_text()
    own = tmp_path / "myboard.toml"
    own.write_text(text.replace('"ulx3s-85f"', '"myboard"').replace('["L2"]', '["L2", "A3"]'))
    flow.build(flow.Request(tiny, str(own), target_fps=1.0), TRIAL, tmp_path / "out").require()
    top = (tmp_path / "out" / "project" / "tiny_top.v").read_text()
    assert set(re.findall(r"output (\w+);", top)) == {"tx", "high_0", "high_1"}
    assert json.loads((tmp_path / "out" / "driver" / "meta.json").read_text())["baud"] == 1_000_000
    reopen(tmp_path / "out", Progress())
