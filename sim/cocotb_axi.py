"""Models of ``cocotbext-axi`` as the tests use them: pauses, and a memory that may fail."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from cocotb.triggers import RisingEdge
from cocotbext.axi import AxiBus, AxiMaster, AxiSlave


def pauses(probability: float, seed: int) -> Iterator[bool]:
    """Yield whether a channel rests in a cycle."""
    rng = random.Random(seed)
    while True:
        yield rng.random() < probability


class Memory:
    """Bytes behind port ``prefix`` from ``base`` on; accesses outside are answered with SLVERR.

    data : its content
    bad : addresses whose access is answered with SLVERR and changes nothing
    latency : at most so many cycles before a beat, at random
    """

    def __init__(self, dut: Any, prefix: str, base: int, size: int, *, seed: int = 0) -> None:
        self.data = bytearray(size)
        self.base = base
        self.bad: set[int] = set()
        self.latency = 0
        self.reads = self.writes = 0
        self._clk = dut.clk
        self._rng = random.Random(seed)
        self.port: Any = AxiSlave(AxiBus.from_prefix(dut, prefix), dut.clk, dut.rst, target=self)

    def pause(self, probability: float) -> None:
        """Let every channel rest in so many cycles."""
        write, read = self.port.write_if, self.port.read_if
        channels = write.aw_channel, write.w_channel, write.b_channel
        for number, channel in enumerate((*channels, read.ar_channel, read.r_channel)):
            channel.set_pause_generator(pauses(probability, number))

    async def read(self, address: int, length: int) -> bytes:
        """Return bytes, as the slave asks for them."""
        place = await self._place(address, length)
        self.reads += 1
        return bytes(self.data[place : place + length])

    async def write(self, address: int, data: bytes) -> None:
        """Store bytes."""
        place = await self._place(address, len(data))
        self.writes += 1
        self.data[place : place + len(data)] = data

    async def _place(self, address: int, length: int) -> int:
        for _ in range(self._rng.randint(0, self.latency)):
            await RisingEdge(self._clk)
        if self.bad.intersection(range(address, address + length)):
            raise OSError("a bad address")
        place = address - self.base
        if not 0 <= place <= len(self.data) - length:
            raise IndexError(f"access at {address:#x}, outside the memory")
        return place


class Registers:
    """Words behind port ``prefix`` of the design, from ``base`` on."""

    def __init__(self, dut: Any, prefix: str, base: int) -> None:
        bus = AxiBus.from_prefix(dut, prefix)
        # bursts of AXI3 have at most 16 beats
        self.port: Any = AxiMaster(bus, dut.clk, dut.rst, max_burst_len=16)
        self._base = base

    def pause(self, probability: float) -> None:
        """Let every channel rest in so many cycles."""
        write, read = self.port.write_if, self.port.read_if
        channels = write.aw_channel, write.w_channel, write.b_channel
        for number, channel in enumerate((*channels, read.ar_channel, read.r_channel)):
            channel.set_pause_generator(pauses(probability, 100 + number))

    async def read(self, offset: int, count: int = 1) -> tuple[list[int], int]:
        """Return words and the worst answer code."""
        found = await self.port.read(self._base + offset, 4 * count)
        octets = bytes(found.data)
        words = [int.from_bytes(octets[at : at + 4], "little") for at in range(0, 4 * count, 4)]
        return words, int(found.resp)

    async def write(self, offset: int, *words: int, octets: int = 4) -> int:
        """Write words, or less than one; return the worst answer code."""
        data = b"".join(word.to_bytes(octets, "little") for word in words)
        return int((await self.port.write(self._base + offset, data)).resp)
