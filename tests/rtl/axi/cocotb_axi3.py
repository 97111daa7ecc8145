"""Runs inside the simulation that ``test_cocotb`` starts: cocotbext-axi around ``Bench``."""

from __future__ import annotations

import random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge, with_timeout

from hwgen.link import CONTROL, MAGIC, REGISTERS, STATUS, VERSION
from sim.cocotb_axi import Memory, Registers
from tests.rtl.axi.test_shell import BASE, BUILD, OUT

OKAY, SLVERR = 0, 2
CP_BASE = 0x3000_0000
SIZE = 1 << 14


async def begin(dut):
    """Reset everything; return the registers, the shell's memory and the copier's."""
    for name in ("start", "abort", "source", "target", "length"):
        getattr(dut, name).value = 0
    dut.rst.value = 1
    cocotb.start_soon(Clock(dut.clk, 10, "ns").start())
    registers = Registers(dut, "gp", 0x4000_0000)
    memory = Memory(dut, "hp", BASE, SIZE, seed=1)
    copied = Memory(dut, "cp", CP_BASE, SIZE, seed=2)
    await ClockCycles(dut.clk, 5)
    dut.rst.value = 0
    await ClockCycles(dut.clk, 2)
    return registers, memory, copied


async def copy(dut, source, target, length, abort_after=None):
    """Copy bytes within the copier's memory; return its error flags."""
    dut.source.value, dut.target.value = CP_BASE + source, CP_BASE + target
    dut.length.value, dut.start.value = length, 1
    await RisingEdge(dut.clk)
    dut.start.value = 0
    if abort_after is not None:
        await ClockCycles(dut.clk, abort_after)
        dut.abort.value = 1
    for _ in range(200_000):
        await RisingEdge(dut.clk)
        if not dut.busy.value:
            dut.abort.value = 0
            await RisingEdge(dut.clk)
            return int(dut.read_error.value), int(dut.write_error.value)
    raise AssertionError("the copy does not end")


def fill(memory, rng):
    memory.data[:] = rng.randbytes(len(memory.data))
    return bytes(memory.data)


def lengths(rng, count):
    """Single bytes, whole words, odd ends, beyond 16 beats, across 4 KiB; some at random."""
    fixed = [(0, 1), (8, 8), (24, 129), (4096 - 40, 200), (4096 - 8, 17), (120, 1023)]
    return fixed + [(8 * rng.randrange(256), rng.randint(1, 900)) for _ in range(count)]


@cocotb.test()
@cocotb.parametrize(pause=[0.0, 0.4], latency=[0, 6])
async def every_byte_is_copied_once(dut, pause, latency):
    _, _, memory = await begin(dut)
    rng = random.Random(5)
    memory.pause(pause)
    memory.latency = latency
    for source, length in lengths(rng, 6):
        before = bytearray(fill(memory, rng))
        target = 8192 + 8 * rng.randrange(64)
        memory.reads = memory.writes = 0
        assert await copy(dut, source, target, length) == (0, 0)
        before[target : target + length] = before[source : source + length]
        assert memory.data == before
        assert memory.reads == memory.writes == -(-length // 8)


@cocotb.test()
async def an_error_shows_and_the_next_copy_is_right(dut):
    _, _, memory = await begin(dut)
    rng = random.Random(6)
    memory.pause(0.3)
    for bad, flags in ((512 + 40, (1, 0)), (8192 + 96, (0, 1))):
        memory.bad = {CP_BASE + bad}
        fill(memory, rng)
        assert await copy(dut, 512, 8192, 333) == flags
        memory.bad = set()
        assert await copy(dut, 512, 8192, 333) == (0, 0)
        assert memory.data[8192 : 8192 + 333] == memory.data[512 : 512 + 333]


@cocotb.test()
@cocotb.parametrize(after=[1, 2, 5, 9, 17, 40, 61])
async def an_abort_leaves_nothing_behind(dut, after):
    _, _, memory = await begin(dut)
    rng = random.Random(after)
    memory.pause(0.3)
    memory.latency = 5
    before = fill(memory, rng)
    await copy(dut, 0, 8192, 2048, abort_after=after)
    # a prefix was copied, and nothing beside it
    done = next((n for n in range(2048) if memory.data[8192 + n] != before[n]), 2048)
    assert memory.data[8192 + done :] == before[8192 + done :]
    assert memory.data[:8192] == before[:8192]
    fill(memory, rng)
    assert await copy(dut, 8, 8192, 777) == (0, 0)
    assert memory.data[8192 : 8192 + 777] == memory.data[8 : 8 + 777]


class Driver:
    """What a driver does with the registers."""

    def __init__(self, registers, memory):
        self.registers, self.memory = registers, memory

    async def read(self, name):
        words, resp = await self.registers.read(REGISTERS[name].offset)
        assert resp == OKAY
        return words[0]

    async def write(self, name, value):
        assert await self.registers.write(REGISTERS[name].offset, value) == OKAY

    async def start(self, count, **other):
        values = {
            "status": 0xFF,
            "in_address": BASE,
            "out_address": OUT,
            "in_bytes": count * 16,
            "out_bytes": count * 8,
            "frames": count,
            **other,
        }
        for name, value in values.items():
            await self.write(name, value)
        await self.write("control", 1 << CONTROL["start"])

    async def finish(self):
        while True:
            status = await self.read("status")
            if not status >> STATUS["busy"] & 1:
                return {name for name, bit in STATUS.items() if status >> bit & 1}

    async def go(self, count, **other):
        await self.start(count, **other)
        return await with_timeout(self.finish(), 1, "ms")

    def fill(self, frames, seed=0):
        rng = random.Random(seed)
        self.memory.data[:] = rng.randbytes(SIZE)
        frame = [self.memory.data[16 * n : 16 * n + 15] for n in range(frames)]
        return [[octet & 15 for octet in octets] for octets in frame]

    def outputs(self, frames):
        at = OUT - BASE
        octets = self.memory.data[at : at + 8 * frames]
        nibbles = [half for octet in octets for half in (octet & 15, octet >> 4)]
        return [nibbles[16 * n : 16 * n + 15] for n in range(frames)]


@cocotb.test()
@cocotb.parametrize(pause=[0.0, 0.4])
async def frames_pass_and_are_counted(dut, pause):
    registers, memory, _ = await begin(dut)
    driver = Driver(registers, memory)
    registers.pause(pause)
    memory.pause(pause)
    memory.latency = 4 if pause else 0
    assert [await driver.read(name) for name in ("id", "version")] == [MAGIC, VERSION]
    assert await driver.read("build_low") | await driver.read("build_high") << 32 == BUILD
    for count in (1, 9, 40):
        expected = driver.fill(count, count)
        assert await driver.go(count) == {"done"}
        assert driver.outputs(count) == expected
        assert await driver.read("frames_done") == count
        assert await driver.read("cycles_low") > 5 * count


@cocotb.test()
async def what_registers_do_not_take_is_answered_with_an_error(dut):
    registers, memory, _ = await begin(dut)
    driver = Driver(registers, memory)
    registers.pause(0.3)
    frames = REGISTERS["frames"].offset
    await driver.write("frames", 0x55)
    assert (await registers.read(frames, 2))[1] == SLVERR  # a burst
    assert await registers.write(frames, 1, 2, 3) == SLVERR
    assert await registers.write(frames, 1, octets=1) == SLVERR
    assert await registers.write(0x7C, 1) == SLVERR  # no register
    assert (await registers.read(0x7C))[1] == SLVERR
    assert await registers.write(REGISTERS["id"].offset, 1) == SLVERR
    assert await driver.read("frames") == 0x55


@cocotb.test()
async def what_cannot_run_is_refused_and_the_next_run_is_right(dut):
    registers, memory, _ = await begin(dut)
    driver = Driver(registers, memory)
    expected = driver.fill(3)
    for how, flag in (
        ({"in_address": BASE + 4}, "bad_address"),
        ({"out_address": OUT + 1}, "bad_address"),
        ({"frames": 0, "in_bytes": 0, "out_bytes": 0}, "bad_length"),
        ({"in_bytes": 30}, "bad_length"),
        ({"out_bytes": 8}, "bad_length"),
    ):
        assert await driver.go(3, **how) == {flag}
        assert await driver.go(3) == {"done"}
        assert driver.outputs(3) == expected
        expected = driver.fill(3, len(flag))


@cocotb.test()
async def an_error_of_the_memory_is_told_and_the_next_run_is_right(dut):
    registers, memory, _ = await begin(dut)
    driver = Driver(registers, memory)
    memory.pause(0.2)
    for bad, flag in ((BASE + 8, "read_error"), (OUT + 12, "write_error")):
        memory.bad = {bad}
        expected = driver.fill(5)
        assert await driver.go(5) == {"done", flag}
        memory.bad = set()
        assert await driver.go(5) == {"done"}
        assert driver.outputs(5) == expected


@cocotb.test()
async def a_start_while_busy_is_refused_and_the_run_goes_on(dut):
    registers, memory, _ = await begin(dut)
    driver = Driver(registers, memory)
    memory.latency = 9
    expected = driver.fill(30)
    await driver.start(30)
    await driver.write("control", 1 << CONTROL["start"])
    assert await driver.finish() == {"done", "start_busy"}
    assert driver.outputs(30) == expected


@cocotb.test()
@cocotb.parametrize(after=[0, 3, 11, 20, 35, 60, 61])
async def a_reset_in_the_middle_of_a_frame_leaves_nothing(dut, after):
    registers, memory, _ = await begin(dut)
    driver = Driver(registers, memory)
    memory.pause(0.3)
    memory.latency = 3
    driver.fill(40)
    await driver.start(40)
    await ClockCycles(dut.clk, after + 1)
    await driver.write("control", 1 << CONTROL["reset"])
    assert await with_timeout(driver.finish(), 1, "ms") == {"aborted"}
    expected = driver.fill(3, seed=1)
    assert await driver.go(3) == {"done"}
    assert driver.outputs(3) == expected
    assert await driver.read("frames_done") == 3
