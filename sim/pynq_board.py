"""A simulated PYNQ board: a whole system with models of its processor and memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hwgen.emit.system import System
from sim.axi import Faults, Memory, Processor, ProtocolChecker, Timing
from sim.pynq_package import MEMORY, Pynq
from sim.stepped import Stepped

_PATIENCE = 10_000


class Board:
    """A simulated board and the package ``pynq`` that reaches it, ``pynq.package``."""

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
        self.pynq = Pynq(self, self.memory.data)

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
