"""Runs inside the simulation that ``test_zynq_cocotb`` starts: a build's driver on its system.

``job.npz`` beside it holds ``driver`` (path of the driver's folder), ``bitstream`` (name), ``x``
(frames) and ``y`` (outputs of the reference).
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import cocotb
import numpy as np
import pytest
from cocotb.clock import Clock
from cocotb.task import bridge, resume
from cocotb.triggers import ClockCycles

from sim.cocotb_axi import Memory, Registers
from sim.pynq_package import GP0, MEMORY, Pynq

SIZE = 1 << 24


class Bridged:
    """Registers for code that does not know of the simulation."""

    def __init__(self, registers):
        self._read, self._write = (resume(way) for way in (registers.read, registers.write))

    def read(self, address):
        words, resp = self._read(address - GP0)
        assert not resp
        return words[0]

    def write(self, address, value):
        assert not self._write(address - GP0, value)


async def start(dut):
    """Reset the system; return its memory, the stand-in for pynq, and the driver's class."""
    dut.rst.value = 1
    cocotb.start_soon(Clock(dut.clk, 10, "ns").start())
    memory = Memory(dut, "hp", MEMORY, SIZE)
    pynq = Pynq(Bridged(Registers(dut, "gp", GP0)), np.frombuffer(memory.data, np.uint8))
    await ClockCycles(dut.clk, 5)
    dut.rst.value = 0
    job = np.load("job.npz")
    folder = Path(str(job["driver"]))
    sys.modules["pynq"] = pynq.package
    spec = importlib.util.spec_from_file_location("hwgen_driver", folder / "hwgen_driver.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made = bridge(lambda: module.Accelerator(folder / str(job["bitstream"]), timeout_s=600))
    return memory, await made(), job["x"], job["y"]


@cocotb.test()
@cocotb.parametrize(pause=[0.0, 0.3])
async def the_driver_predicts_what_the_reference_does(dut, pause):
    memory, net, x, y = await start(dut)
    memory.pause(pause)
    memory.latency = 3 if pause else 0
    net.batch = 12  # both pairs of buffers, and a last batch that is not full

    found = await bridge(net.predict)(x)

    np.testing.assert_array_equal(found, y)


@cocotb.test()
async def an_error_of_the_memory_is_told_and_the_next_frames_are_right(dut):
    memory, net, x, y = await start(dut)
    memory.bad = {MEMORY + 8}
    with pytest.raises(RuntimeError, match="read_error"):
        await bridge(net.predict)(x[:2])
    memory.bad = set()
    np.testing.assert_array_equal(await bridge(net.predict)(x[:2]), y[:2])


@cocotb.test()
async def the_bus_is_full_where_the_core_is_faster(dut):
    _, net, _, _ = await start(dut)
    bench = bridge(net.benchmark)
    short, long = (await bench(8))["cycles"], (await bench(24))["cycles"]
    frame = net.meta["input"]["bytes"]
    rate = 16 * frame / (long - short)
    assert rate <= 8
    if np.load("job.npz")["fast"]:
        assert rate >= 0.95 * 8, rate
