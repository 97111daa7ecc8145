"""A processor's general-purpose port: single reads and writes, and bursts to be refused."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from sim.axi.pins import Pins, moves


@dataclass
class Access:
    """One access; ``data`` are the words to write, or those that were read.

    resp : answer codes, one per read beat; empty until it is done
    """

    address: int
    write: bool
    beats: int = 1
    data: list[int] = field(default_factory=list[int])
    strobes: int = 15
    ident: int = 0
    resp: list[int] = field(default_factory=list[int])
    done: bool = False


class Processor:
    """Masters port ``prefix``, one access at a time, with random waits of probability ``stall``."""

    def __init__(self, prefix: str, *, stall: float = 0.0, seed: int = 0) -> None:
        self._prefix = prefix
        self._stall = stall
        self._rng = np.random.default_rng(seed)
        self._waiting: deque[Access] = deque()
        self._sent = 0
        self._asked = self._ask = self._send = False

    def read(self, address: int, *, beats: int = 1, ident: int = 0) -> Access:
        """Ask for words; the access is done some cycles later."""
        self._waiting.append(Access(address, False, beats, ident=ident))
        return self._waiting[-1]

    def write(self, address: int, *data: int, strobes: int = 15, ident: int = 0) -> Access:
        """Write words, as one burst."""
        self._waiting.append(Access(address, True, len(data), list(data), strobes, ident))
        return self._waiting[-1]

    def drive(self, pins: Pins) -> None:
        """Show the present access."""
        p = self._prefix
        now = self._waiting[0] if self._waiting else None
        write = now is not None and now.write
        self._ask = now is not None and not self._asked and (self._ask or self._go())
        self._send = (
            write and now is not None and self._sent < now.beats and (self._send or self._go())
        )
        for channel, on in (("ar", self._ask and not write), ("aw", self._ask and write)):
            pins.set(f"{p}_{channel}_valid", on)
            if now is not None:
                pins.set(f"{p}_{channel}_addr", now.address)
                pins.set(f"{p}_{channel}_id", now.ident)
                pins.set(f"{p}_{channel}_len", now.beats - 1)
            pins.set(f"{p}_{channel}_size", 2)
            pins.set(f"{p}_{channel}_burst", 1)
        pins.set(f"{p}_w_valid", self._send)
        if now is not None and self._send:
            pins.set(f"{p}_w_data", now.data[self._sent])
            pins.set(f"{p}_w_strb", now.strobes)
            pins.set(f"{p}_w_id", now.ident)
            pins.set(f"{p}_w_last", self._sent == now.beats - 1)
        pins.set(f"{p}_b_ready", self._go())
        pins.set(f"{p}_r_ready", self._go())

    def sample(self, pins: Pins) -> None:
        """Note what moved."""
        p = self._prefix
        if not self._waiting:
            assert not moves(pins, f"{p}_r"), "read data came unasked"
            assert not moves(pins, f"{p}_b"), "an answer came unasked"
            return
        now = self._waiting[0]
        if moves(pins, f"{p}_ar") or moves(pins, f"{p}_aw"):
            self._asked, self._ask = True, False
        if moves(pins, f"{p}_w"):
            self._sent += 1
            self._send = False
        if moves(pins, f"{p}_r"):
            assert pins.get(f"{p}_r_id") == now.ident, "read data has another ID"
            now.data.append(pins.get(f"{p}_r_data"))
            now.resp.append(pins.get(f"{p}_r_resp"))
            assert pins.get(f"{p}_r_last") == (len(now.data) == now.beats), (
                "last beat is not marked"
            )
            now.done = len(now.data) == now.beats
        if moves(pins, f"{p}_b"):
            assert pins.get(f"{p}_b_id") == now.ident, "the answer has another ID"
            assert self._sent == now.beats, "answered before the data"
            now.resp.append(pins.get(f"{p}_b_resp"))
            now.done = True
        if now.done:
            self._waiting.popleft()
            self._asked, self._sent = False, 0

    def _go(self) -> bool:
        return self._stall == 0 or self._rng.random() >= self._stall
