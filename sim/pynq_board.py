"""A stand-in for the package ``pynq``: registers and memory are those of a simulated system."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from hwgen.emit.system import System
from sim.axi import Faults, Memory, Processor, ProtocolChecker, Timing
from sim.stepped import Stepped

MEMORY = 0x1000_0000
GP0, AFI0 = 0x4000_0000, 0xF800_8000
_PATIENCE = 10_000


class Buffer(np.ndarray[Any, Any]):
    """Memory as the processor's cache holds it; the hardware sees what was flushed."""

    physical_address: int
    memory: Memory

    def _span(self) -> slice:
        place = self.physical_address - MEMORY
        return slice(place, place + self.nbytes)

    def flush(self) -> None:
        """Write the cache to memory."""
        self.memory.data[self._span()] = np.asarray(self).view(np.uint8).reshape(-1)

    def invalidate(self) -> None:
        """Read the cache anew from memory."""
        np.asarray(self).view(np.uint8).reshape(-1)[:] = self.memory.data[self._span()]

    def freebuffer(self) -> None:
        """Nothing is reused."""


class Board:
    """A simulated board and the package that reaches it, ``package``.

    afi : registers of the memory port; both come up narrowed to 32 bits
    downloaded : bitstreams in order
    """

    def __init__(
        self,
        system: System,
        folder: Path,
        *,
        timing: Timing | None = None,
        faults: Faults | None = None,
        memory_bytes: int = 1 << 20,
    ) -> None:
        self.memory = Memory("hp", MEMORY, memory_bytes, timing=timing, faults=faults)
        self.processor = Processor("gp")
        self.checkers = [ProtocolChecker("hp"), ProtocolChecker("gp", word_bytes=4)]
        agents = [self.memory, self.processor, *self.checkers]
        name = f"{system.name.removesuffix('_top')}_system"
        modules = [*system.core.modules, *system.modules[:-1]]
        self.running = Stepped(system.parts[name], modules, agents, folder)
        self.afi = {0x00: 0x8F1, 0x14: 0x8F1}
        self.downloaded: list[str] = []
        self.clocks = Clocks()
        self.mmio_step: Callable[[], None] = self.running.step
        self._next = MEMORY
        self.package = self._package()

    def allocate(self, shape: tuple[int, ...], dtype: Any) -> Buffer:
        """Return a buffer at an address of its own, on pages as the kernel gives them."""
        buffer = np.full(shape, 0xAA, dtype).view(Buffer)
        buffer.physical_address, buffer.memory = self._next, self.memory
        self._next += -(-buffer.nbytes // 4096) * 4096
        assert self._next - MEMORY <= len(self.memory.data), "the simulated memory is full"
        return buffer

    def read(self, address: int) -> int:
        """Read a register of the system; other time passes meanwhile."""
        access = self.processor.read(address)
        self._await(access)
        return access.data[0]

    def write(self, address: int, value: int) -> None:
        """Write a register of the system."""
        self._await(self.processor.write(address, value))

    def _await(self, access: Any) -> None:
        for _ in range(_PATIENCE):
            if access.done:
                assert access.resp == [0], f"register {access.address:#x} answers an error"
                return
            self.running.step()
        raise TimeoutError(f"no answer from register {access.address:#x}")

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
                return board.read(self._base + offset)

            def write(self, offset: int, value: int) -> None:
                if self._base == AFI0:
                    board.afi[offset] = value
                else:
                    board.write(self._base + offset, value)

        package: Any = ModuleType("pynq")
        package.Bitstream, package.MMIO = Bitstream, MMIO
        package.Clocks, package.allocate = board.clocks, board.allocate
        return package


class Clocks:
    """Clocks of the processor."""

    fclk0_mhz: float = 0.0
