"""A simulated board with a serial shell, behind a pseudo-terminal as behind a cable."""

from __future__ import annotations

import os
import select
import threading
import tty

import numpy as np

from sim.serial import Line
from sim.stepped import Stepped

_IDLE_CYCLES, _BURST = 400, 200


class SerialBoard:
    """Steps a system while bytes come or go; a context manager.

    port : name of the terminal to open
    cut : probability that a piece of what is sent, or of an answer, is lost
    """

    def __init__(self, running: Stepped, line: Line, *, seed: int = 0) -> None:
        self.line = line
        self.cut = 0.0
        self._running = running
        self._rng = np.random.default_rng(seed)
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> SerialBoard:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._running.close()
        os.close(self._master)
        os.close(self._slave)

    def _serve(self) -> None:
        quiet = _IDLE_CYCLES
        while not self._ended.is_set():
            waiting = 0.0 if quiet < _IDLE_CYCLES else 0.005
            if select.select([self._master], [], [], waiting)[0]:
                sent = os.read(self._master, 4096)
                self.line.send(self._spoiled(sent))
                quiet = 0
            if quiet >= _IDLE_CYCLES:
                continue
            self._running.step(_BURST)
            received = self.line.receive()
            if received:
                os.write(self._master, self._spoiled(received))
            quiet = 0 if received or not self.line.idle else quiet + _BURST

    def _spoiled(self, octets: bytes) -> bytes:
        if self.cut and self._rng.random() < self.cut:
            return octets[: int(self._rng.integers(0, len(octets)))] if self.cut < 1 else b""
        return octets
