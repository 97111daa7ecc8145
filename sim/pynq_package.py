"""A stand-in for the package ``pynq``: registers and memory are those of a simulated system."""

from __future__ import annotations

from types import ModuleType
from typing import Any, Protocol

import numpy as np

MEMORY = 0x1000_0000
GP0, AFI0 = 0x4000_0000, 0xF800_8000


class Buffer(np.ndarray[Any, Any]):
    """Memory as the processor's cache holds it; the hardware sees what was flushed.

    memory : bytes from address ``MEMORY`` on
    """

    physical_address: int
    memory: np.ndarray[Any, Any]

    def _span(self) -> slice:
        place = self.physical_address - MEMORY
        return slice(place, place + self.nbytes)

    def flush(self) -> None:
        """Write the cache to memory."""
        self.memory[self._span()] = np.asarray(self).view(np.uint8).reshape(-1)

    def invalidate(self) -> None:
        """Read the cache anew from memory."""
        np.asarray(self).view(np.uint8).reshape(-1)[:] = self.memory[self._span()]

    def freebuffer(self) -> None:
        """Nothing is reused."""


class Registers(Protocol):
    """How the processor reaches the registers of a simulated system."""

    def read(self, address: int) -> int:
        """Read a register; other time passes meanwhile."""
        ...

    def write(self, address: int, value: int) -> None:
        """Write a register."""
        ...


class Clocks:
    """Clocks of the processor."""

    fclk0_mhz: float = 0.0


class Pynq:
    """A processor's memory, clocks and ports, and the package that reaches them, ``package``.

    registers : of the system
    memory : bytes from address ``MEMORY`` on
    afi : registers of the memory port; both come up narrowed to 32 bits
    downloaded : bitstreams in order
    """

    def __init__(self, registers: Registers, memory: np.ndarray[Any, Any]) -> None:
        self.registers, self.memory = registers, memory
        self.afi = {0x00: 0x8F1, 0x14: 0x8F1}
        self.downloaded: list[str] = []
        self.clocks = Clocks()
        self._next = MEMORY
        self.package = self._package()

    def allocate(self, shape: tuple[int, ...], dtype: Any) -> Buffer:
        """Return a buffer at an address of its own, on pages as the kernel gives them."""
        buffer = np.full(shape, 0xAA, dtype).view(Buffer)
        buffer.physical_address, buffer.memory = self._next, self.memory
        self._next += -(-buffer.nbytes // 4096) * 4096
        assert self._next - MEMORY <= len(self.memory), "the simulated memory is full"
        return buffer

    def _package(self) -> ModuleType:
        board = self

        class Bitstream:
            """Counts downloads."""

            def __init__(self, path: str) -> None:
                self._path = path

            def download(self) -> None:
                board.downloaded.append(self._path)

        class MMIO:
            """Registers of the system at GP0, or those of the memory port."""

            def __init__(self, base: int, length: int) -> None:
                assert length > 0, "a range"
                self._base = base

            def read(self, offset: int) -> int:
                if self._base == AFI0:
                    return board.afi[offset]
                return board.registers.read(self._base + offset)

            def write(self, offset: int, value: int) -> None:
                if self._base == AFI0:
                    board.afi[offset] = value
                else:
                    board.registers.write(self._base + offset, value)

        package: Any = ModuleType("pynq")
        package.Bitstream, package.MMIO = Bitstream, MMIO
        package.Clocks, package.allocate = board.clocks, board.allocate
        return package
