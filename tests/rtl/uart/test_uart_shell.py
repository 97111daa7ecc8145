"""The serial shell around a small core: right answers or none, whatever comes down the line."""

from __future__ import annotations

import numpy as np
import pytest
from amaranth.hdl import Cat, Module, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen.link import FrameFormat
from hwgen.link.packets import ANSWER, ASK, ESCAPE, FLAG, RUN, Identity, Packet, Unwrapper, wrap
from hwgen.rtl.fifo import Fifo
from hwgen.rtl.uart.shell import UartShell
from sim.serial import Line
from tests.rtl.axi.bench import simulate

FRAME_IN = FrameFormat(8, False, 3, 5, 1)
FRAME_OUT = FrameFormat(4, True, 3, 5, 1)
BUILD = 0x7E7D_89AB_CDEF_0123
DIVISOR = 4


class Nibbles(wiring.Component):
    """The shell around a core that keeps the low half of each byte."""

    def __init__(self):
        self.shell = UartShell(FRAME_IN, FRAME_OUT, build=BUILD, divisor=DIVISOR)
        super().__init__({"rx": In(1, init=1), "tx": Out(1, init=1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.shell = shell = self.shell
        m.submodules.core = core = Fifo(unsigned(12), 1, 2)
        bits = shell.core_i.payload
        m.d.comb += [
            shell.rx.eq(self.rx),
            self.tx.eq(shell.tx),
            core.i.payload.eq(Cat(bits[0:4], bits[8:12], bits[16:20])),
            core.i.valid.eq(shell.core_i.valid),
            shell.core_i.ready.eq(core.i.ready),
            shell.core_o.payload.eq(core.o.payload),
            shell.core_o.valid.eq(core.o.valid),
            core.o.ready.eq(shell.core_o.ready),
        ]
        return m


def frames(count, seed=0):
    rng = np.random.default_rng(seed)
    # flags and escapes are frequent, so that stuffing is
    return rng.choice([0x7E, 0x7D, 0x5E, 0x5D, 0, 255, 77], (count, 15)).astype(np.uint8)


def right(frame) -> bytes:
    """Return the answer's payload: 15 nibbles, two in a byte."""
    low = np.append(frame & 15, 0).reshape(8, 2)
    return bytes((low[:, 0] | low[:, 1] << 4).astype(np.uint8))


def talk(sent: bytes, patience: int = 2000) -> tuple[list[Packet], int]:
    """Send bytes; return the packets that come back until the line stays silent."""
    line, unwrapper = Line(DIVISOR), Unwrapper()
    line.send(sent)
    got: list[Packet] = []

    def script(_):
        silent = 0
        while silent < patience:
            received = line.receive()
            got.extend(unwrapper.feed(received))
            silent = 0 if received or not line.idle else silent + 1
            yield

    simulate(Nibbles(), [line], script, limit=200_000)
    assert not unwrapper.dropped, "the shell sends right packets only"
    return got, line.framing_errors


def test_a_shell_says_what_it_is():
    (answer,), errors = talk(wrap(Packet(ASK, 9, b"")), patience=200)
    assert (answer.kind, answer.sequence) == (ASK | ANSWER, 9)
    assert Identity.parse(answer.payload) == Identity(1, BUILD, 15, 8)
    assert not errors


def test_frames_are_answered_in_order():
    x = frames(4)
    line, unwrapper = Line(DIVISOR), Unwrapper()
    got = []

    def script(_):
        for number, frame in enumerate(x):
            line.send(wrap(Packet(RUN, number, bytes(frame))))
            while len(got) == number:
                got.extend(unwrapper.feed(line.receive()))
                yield

    simulate(Nibbles(), [line], script, limit=50_000)
    assert got == [Packet(RUN | ANSWER, n, right(frame)) for n, frame in enumerate(x)]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda sent: sent[:-3],  # cut
        lambda sent: sent[5:],
        lambda sent: b"",
        lambda sent: bytes([FLAG, *sent[4:]]),
        lambda sent: bytes(range(256)) + sent[1:9],  # garbage with a flag in it
        lambda sent: sent[:8] + bytes([sent[8] ^ 0x10]) + sent[9:],
        lambda sent: sent[:4] + bytes([ESCAPE, FLAG]),
        lambda sent: wrap(Packet(RUN, 1, b"12345678901234")),  # a frame too short
        lambda sent: wrap(Packet(RUN, 1, b"1234567890123456")),  # and one too long
        lambda sent: wrap(Packet(RUN, 1, bytes(60))),
        lambda sent: wrap(Packet(0x33, 1, bytes(15))),
        lambda sent: wrap(Packet(ASK, 1, b"?")),
    ],
)
def test_what_is_not_right_has_no_answer_and_the_next_frame_has(spoil):
    first, second = frames(2, seed=3)
    sent = spoil(wrap(Packet(RUN, 1, bytes(first))))
    got, _ = talk(sent + wrap(Packet(RUN, 2, bytes(second))), patience=300)
    assert got == [Packet(RUN | ANSWER, 2, right(second))]


def test_what_comes_meanwhile_is_dropped_whole():
    x = frames(3)
    sent = b"".join(wrap(Packet(RUN, n, bytes(frame))) for n, frame in enumerate(x))
    got, _ = talk(sent, patience=400)
    assert got[0] == Packet(RUN | ANSWER, 0, right(x[0]))
    assert len(got) < 3
    for packet in got:
        assert packet.payload == right(x[packet.sequence])


@pytest.mark.slow
def test_flipped_bits_never_give_a_wrong_answer():
    rng = np.random.default_rng(4)
    x = frames(3, seed=5)
    line, unwrapper = Line(DIVISOR, flip=0.006, seed=1), Unwrapper()
    got = {}

    def script(_):
        tries = 0
        for number, frame in enumerate(x):
            while number not in got:
                tries += 1
                line.send(wrap(Packet(RUN, number, bytes(frame))))
                for _ in range(int(rng.integers(1700, 1800))):
                    for packet in unwrapper.feed(line.receive()):
                        got.setdefault(packet.sequence, packet)
                    yield
                    if number in got:
                        break
        assert tries > len(x), "some were lost"

    simulate(Nibbles(), [line], script, limit=200_000)
    assert [got[n] for n in range(3)] == [
        Packet(RUN | ANSWER, n, right(frame)) for n, frame in enumerate(x)
    ]
