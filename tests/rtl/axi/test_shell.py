"""The processor shell around a small core: runs, refusals, faults, resets."""

from __future__ import annotations

import numpy as np
import pytest
from amaranth.hdl import Cat, Module, ResetInserter, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hwgen.link import CONTROL, MAGIC, REGISTERS, STATUS, VERSION, FrameFormat
from hwgen.rtl.axi.ports import axi3
from hwgen.rtl.axi.shell import ZynqShell
from hwgen.rtl.fifo import Fifo
from sim.axi import Faults, Memory, Processor, ProtocolChecker, Timing
from tests.rtl.axi.bench import simulate

BASE, OUT = 0x2000_0000, 0x2000_1000
FRAME_IN = FrameFormat(8, False, 3, 5, 8)  # 15 bytes in 2 words
FRAME_OUT = FrameFormat(4, True, 3, 5, 8)  # 15 nibbles in 1 word
GP = 0x4000_0000
BUILD = 0x0123_4567_89AB_CDEF


def low_halves(bits):
    return Cat(bits[0:4], bits[8:12], bits[16:20])


class Around(wiring.Component):
    """The shell around a core that computes ``change`` of each transfer."""

    def __init__(self, frame_in=FRAME_IN, frame_out=FRAME_OUT, change=low_halves):
        self.shell = ZynqShell(frame_in, frame_out, build=BUILD, outstanding=4)
        self.change = change
        super().__init__(
            {
                "gp": In(axi3(data_bits=32, id_bits=12)),
                "hp": Out(axi3(data_bits=64, id_bits=6)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.shell = shell = self.shell
        core = Fifo(unsigned(len(shell.core_o.payload)), 1, 5)
        m.submodules.core = ResetInserter(shell.core_rst)(core)
        connect(m, flipped(self.gp), shell.gp)
        connect(m, shell.hp, flipped(self.hp))
        m.d.comb += [
            core.i.payload.eq(self.change(shell.core_i.payload)),
            core.i.valid.eq(shell.core_i.valid),
            shell.core_i.ready.eq(core.i.ready),
            shell.core_o.payload.eq(core.o.payload),
            shell.core_o.valid.eq(core.o.valid),
            core.o.ready.eq(shell.core_o.ready),
        ]
        return m


class Bench:
    """The simulated shell with a processor and a memory; accesses are generators."""

    def __init__(self, *, timing=None, faults=None, stall=0.0):
        self.memory = Memory("hp", BASE, 8192, timing=timing or Timing(), faults=faults)
        self.processor = Processor("gp", stall=stall)
        self.checkers = [ProtocolChecker("hp"), ProtocolChecker("gp", word_bytes=4)]

    def run(self, script, dut=None):
        agents = [self.memory, self.processor, *self.checkers]
        cycles = simulate(dut or Around(), agents, lambda _: script())
        assert all(checker.idle for checker in self.checkers)
        return cycles

    def wait(self, access, resp=0):
        while not access.done:
            yield
        assert access.resp == [resp] * len(access.resp)
        return access.data[0]

    def write(self, name, value, **how):
        yield from self.wait(self.processor.write(GP + REGISTERS[name].offset, value), **how)

    def read(self, name):
        value = yield from self.wait(self.processor.read(GP + REGISTERS[name].offset, ident=77))
        return value

    def set_up(self, count, **other):
        values = {
            "in_address": BASE,
            "out_address": OUT,
            "in_bytes": count * 16,
            "out_bytes": count * 8,
            "frames": count,
        } | other
        for name, value in values.items():
            yield from self.write(name, value)

    def start(self):
        yield from self.write("status", 0xFF)
        yield from self.write("control", 1 << CONTROL["start"])

    def finish(self):
        status = yield from self.read("status")
        while status >> STATUS["busy"] & 1:
            status = yield from self.read("status")
        return {name for name, bit in STATUS.items() if status >> bit & 1}

    def go(self, count, **other):
        yield from self.set_up(count, **other)
        yield from self.start()
        return (yield from self.finish())

    def fill(self, frames, seed=0):
        rng = np.random.default_rng(seed)
        codes = rng.integers(0, 256, (frames, 15)).astype(np.uint8)
        self.memory.data[: frames * 16].reshape(frames, 16)[:, :15] = codes
        return codes

    def outputs(self, frames):
        place = OUT - BASE
        octets = self.memory.data[place : place + frames * 8].reshape(frames, 8)
        return np.stack([octets & 15, octets >> 4], axis=2).reshape(frames, 16)[:, :15]


@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_frames_pass_and_are_counted(stall):
    bench = Bench(timing=Timing(4, 9 if stall else 0, stall), stall=stall)
    codes = bench.fill(9)

    def script():
        assert (yield from bench.read("id")) == MAGIC
        assert (yield from bench.read("version")) == VERSION
        assert (yield from bench.read("build_low")) == BUILD & 0xFFFF_FFFF
        assert (yield from bench.read("build_high")) == BUILD >> 32
        assert (yield from bench.read("frame_in_bytes")) == FRAME_IN.bytes == 16
        assert (yield from bench.read("frame_out_bytes")) == FRAME_OUT.bytes == 8
        assert (yield from bench.go(9)) == {"done"}
        assert (yield from bench.read("frames_done")) == 9
        assert (yield from bench.go(2, out_address=OUT + 1024)) == {"done"}
        assert (yield from bench.read("frames_done")) == 2

    bench.run(script)
    np.testing.assert_array_equal(bench.outputs(9), codes & 15)
    np.testing.assert_array_equal(
        bench.memory.data[OUT - BASE + 1024 :][:8], bench.memory.data[OUT - BASE :][:8]
    )


@pytest.mark.parametrize(
    ("how", "flag"),
    [
        ({"in_address": BASE + 4}, "bad_address"),
        ({"out_address": OUT + 1}, "bad_address"),
        ({"frames": 0, "in_bytes": 0, "out_bytes": 0}, "bad_length"),
        ({"in_bytes": 30}, "bad_length"),
        ({"in_bytes": 16}, "bad_length"),
        ({"out_bytes": 8}, "bad_length"),
        ({"frames": (1 << 29) + 2}, "bad_length"),  # the right lengths, but for 32 bits
    ],
)
def test_what_cannot_run_is_refused_and_the_next_run_is_right(how, flag):
    bench = Bench()
    codes = bench.fill(2)

    def script():
        assert (yield from bench.go(2, **how)) == {flag}
        assert (yield from bench.go(2)) == {"done"}

    bench.run(script)
    np.testing.assert_array_equal(bench.outputs(2), codes & 15)


@pytest.mark.parametrize("kind", ["reads", "writes"])
def test_an_error_of_the_memory_is_told_and_the_next_run_is_right(kind):
    place = BASE if kind == "reads" else OUT
    bench = Bench(faults=Faults(**{kind: [(place + 8, place + 15)]}))
    codes = bench.fill(8)

    def script():
        assert (yield from bench.go(3)) == {"done", kind[:-1] + "_error"}
        bench.memory.faults = Faults()
        assert (yield from bench.go(8)) == {"done"}

    bench.run(script)
    np.testing.assert_array_equal(bench.outputs(8), codes & 15)


def test_a_start_while_busy_is_refused_and_the_run_goes_on():
    bench = Bench(timing=Timing(60))
    codes = bench.fill(30)

    def script():
        yield from bench.set_up(30)
        yield from bench.start()
        yield from bench.write("control", 1 << CONTROL["start"])
        assert (yield from bench.finish()) == {"done", "start_busy"}

    bench.run(script)
    np.testing.assert_array_equal(bench.outputs(30), codes & 15)


@pytest.mark.parametrize("after", [0, 3, 11, 20, 35, 60, 61, 62])
def test_a_reset_in_the_middle_of_a_frame_leaves_nothing(after):
    bench = Bench(timing=Timing(7, 5, 0.3))
    bench.fill(40)

    def script():
        yield from bench.set_up(40)
        yield from bench.start()
        for _ in range(after):
            yield
        yield from bench.write("control", 1 << CONTROL["reset"])
        assert (yield from bench.finish()) == {"aborted"}
        bench.codes = bench.fill(3, seed=1)
        assert (yield from bench.go(3)) == {"done"}
        assert (yield from bench.read("frames_done")) == 3

    bench.run(script)
    np.testing.assert_array_equal(bench.outputs(3), bench.codes & 15)


def test_a_reset_of_an_idle_shell_does_no_harm():
    bench = Bench()
    codes = bench.fill(2)

    def script():
        yield from bench.write("control", 1 << CONTROL["reset"])
        assert (yield from bench.go(2)) == {"done"}

    bench.run(script)
    np.testing.assert_array_equal(bench.outputs(2), codes & 15)


def test_bursts_bytes_and_unknown_registers_are_refused():
    bench = Bench(stall=0.3)
    frames = GP + REGISTERS["frames"].offset

    def script():
        port = bench.processor
        yield from bench.write("frames", 0x55)
        yield from bench.wait(port.read(frames, beats=3), resp=2)
        yield from bench.wait(port.write(frames, 1, 2, 3, 4), resp=2)
        yield from bench.wait(port.write(frames, 1, strobes=1), resp=2)
        yield from bench.wait(port.read(GP + 0x7C), resp=2)
        yield from bench.wait(port.write(GP + 0x7C, 1), resp=2)
        yield from bench.write("id", 1, resp=2)
        assert (yield from bench.read("frames")) == 0x55

    bench.run(script)


def test_a_core_as_fast_as_the_bus_gets_all_of_it():
    frame = FrameFormat(8, False, 8, 16, 8)  # 16 words of 8 bytes, a transfer each
    bench = Bench(timing=Timing(30))
    bench.memory.data[:4096] = np.random.default_rng(2).integers(0, 256, 4096)

    def script():
        lengths = {"in_bytes": 4096, "out_bytes": 4096}
        assert (yield from bench.go(32, **lengths)) == {"done"}
        cycles = yield from bench.read("cycles_low")
        assert 0.95 * 8 * (cycles - 2 * 30) <= 4096  # the latency is paid once, not per burst
        assert (yield from bench.read("stall_out")) == 0
        assert (yield from bench.read("wait_in")) == 0

    bench.run(script, Around(frame, frame, lambda payload: payload))
    np.testing.assert_array_equal(bench.memory.data[4096:], bench.memory.data[:4096])


def test_waiting_is_counted_where_it_happens():
    bench = Bench(timing=Timing(30))
    bench.fill(64)

    def script():
        assert (yield from bench.go(64)) == {"done"}
        # the core takes 5 transfers for 2 words of input: it is the slower side
        cycles = yield from bench.read("cycles_low")
        assert 64 * 5 < cycles < 64 * 5 + 80
        assert (yield from bench.read("stall_out")) == 0
        assert (yield from bench.read("wait_in")) > 64 * 2
        assert (yield from bench.read("stall_in")) < 80

    bench.run(script)
