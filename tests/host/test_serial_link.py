"""The host's side of the serial link, over a pseudo-terminal, against a simulated board."""

from __future__ import annotations

import os
import threading
import tty

import numpy as np
import pytest

from hwgen.emit.rtlil import convert
from hwgen.host.serial_link import LinkError, SerialLink, open_port
from sim.serial import Line
from sim.serial_board import SerialBoard
from sim.stepped import Stepped
from tests.rtl.uart.test_uart_shell import BUILD, DIVISOR, Nibbles

META = {
    "input": {
        "shape": [15],
        "order": None,
        "levels": None,
        "codes": None,
        "pixels": 1,
        "channels": 15,
        "low": 0,
        "high": 255,
        "bipolar": False,
        "bits": 8,
        "signed": False,
        "slot": 8,
        "lanes": 3,
        "transfers": 5,
        "bytes": 15,
    },
    "output": {
        "pixels": 1,
        "channels": 15,
        "bipolar": False,
        "bits": 4,
        "signed": True,
        "slot": 4,
        "lanes": 3,
        "transfers": 5,
        "bytes": 8,
    },
}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


@pytest.fixture
def board(models):
    """A simulated board behind a pseudo-terminal."""
    dut = Nibbles()
    module = convert(dut, "nibbles")
    line = Line(DIVISOR, seed=3)
    with SerialBoard(Stepped(dut, [module], [line], models), line) as running:
        yield running


def frames(count):
    return np.random.default_rng(6).integers(0, 256, (count, 15)).astype(np.uint8)


def expected(x):
    low = x.astype(np.int64) & 15
    return ((low ^ 8) - 8)[:, None, :]


def test_frames_are_answered(board):
    link = SerialLink(open_port(board.port, 115200), answer_s=60.0)
    link.check(f"{BUILD:016x}")
    told = []
    x = frames(12)
    np.testing.assert_array_equal(link.run(x, META, told.append), expected(x))
    assert told == list(range(1, 13))
    assert link.retries == 0


def test_another_build_is_refused(board):
    with pytest.raises(LinkError, match=f"holds build {BUILD:016x}, the folder is {0:016x}"):
        SerialLink(open_port(board.port, 115200), answer_s=60.0).check("0" * 16)


def test_bit_errors_and_cut_packets_cost_time_only(board):
    board.line.flip = 0.0005
    board.cut = 0.02
    link = SerialLink(open_port(board.port, 115200), answer_s=0.5, tries=60)
    x = frames(12)
    np.testing.assert_array_equal(link.run(x, META), expected(x))
    assert link.retries > 0


def test_garbage_before_is_no_harm(board):
    wire = open_port(board.port, 115200)
    wire.write(np.random.default_rng(2).integers(0, 256, 999).astype(np.uint8).tobytes())
    link = SerialLink(wire, answer_s=60.0)
    x = frames(3)
    np.testing.assert_array_equal(link.run(x, META), expected(x))


def test_a_silent_board_is_told(board):
    board.cut = 1.0
    link = SerialLink(open_port(board.port, 115200), answer_s=0.05)
    with pytest.raises(LinkError, match=r"does not answer \(5 tries"):
        link.identify()


def test_a_pulled_cable_is_told(models):
    master, slave = os.openpty()
    tty.setraw(slave)
    link = SerialLink(open_port(os.ttyname(slave), 115200), answer_s=5.0)
    os.close(slave)
    threading.Timer(0.2, os.close, (master,)).start()
    with pytest.raises(LinkError, match="the connection broke"):
        link.identify()


def test_two_programs_do_not_share_a_port():
    master, slave = os.openpty()
    name = os.ttyname(slave)
    first = open_port(name, 115200)
    with pytest.raises(LinkError, match="is in use by another program"):
        open_port(name, 115200)
    first.close()
    open_port(name, 115200).close()
    os.close(slave)
    os.close(master)


def test_a_missing_port_is_told():
    with pytest.raises(LinkError, match="cannot be opened"):
        open_port("/dev/does-not-exist", 115200)
