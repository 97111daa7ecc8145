"""A memory behind an AXI3 port."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from sim.axi.pins import Pins, moves

SLVERR = 2


@dataclass(frozen=True)
class Timing:
    """How a memory answers.

    latency : cycles from a read's address to its first beat, from a write's last beat to its answer
    jitter : at most so many cycles more, at random
    stall : probability of a cycle in which a channel does not move on the memory's account
    """

    latency: int = 1
    jitter: int = 0
    stall: float = 0.0


@dataclass
class Faults:
    """Address ranges (first, last byte) that answer reads or writes with SLVERR."""

    reads: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    writes: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])


@dataclass
class _Read:
    due: int
    ident: int
    address: int
    beats: int


@dataclass
class _Write:
    ident: int
    address: int
    beats: int
    done: int = 0


class Memory:
    """Bytes behind port ``prefix``; accesses keep their order.

    data : its content, from ``base`` on; accesses outside raise ``IndexError``
    read_beats, write_beats : transfers so far
    """

    def __init__(
        self,
        prefix: str,
        base: int,
        size: int,
        *,
        timing: Timing | None = None,
        faults: Faults | None = None,
        seed: int = 0,
        word_bytes: int = 8,
    ) -> None:
        self.data = np.zeros(size, np.uint8)
        self.base = base
        self.timing = timing or Timing()
        self.faults = faults or Faults()
        self.read_beats = self.write_beats = 0
        self._prefix = prefix
        self._word = word_bytes
        self._rng = np.random.default_rng(seed)
        self._cycle = 0
        self._reads: deque[_Read] = deque()
        self._writes: deque[_Write] = deque()
        self._answers: deque[tuple[int, int, int]] = deque()
        self._beat: tuple[int, int, int, int] | None = None
        self._answer: tuple[int, int] | None = None

    def drive(self, pins: Pins) -> None:
        """Offer data and answers that are due; take addresses and data unless stalled."""
        p = self._prefix
        due = bool(self._reads) and self._reads[0].due <= self._cycle
        if self._beat is None and due and not self._stalled():
            self._beat = self._next_beat()
        for name, value in zip(
            ("valid", "id", "data", "resp", "last"),
            (0, 0, 0, 0, 0) if self._beat is None else (1, *self._beat),
            strict=True,
        ):
            pins.set(f"{p}_r_{name}", value)
        due = bool(self._answers) and self._answers[0][0] <= self._cycle
        if self._answer is None and due and not self._stalled():
            _, ident, code = self._answers.popleft()
            self._answer = ident, code
        ident, code = self._answer or (0, 0)
        pins.set(f"{p}_b_valid", self._answer is not None)
        pins.set(f"{p}_b_id", ident)
        pins.set(f"{p}_b_resp", code)
        for channel in ("ar", "aw"):
            pins.set(f"{p}_{channel}_ready", not self._stalled())
        pins.set(f"{p}_w_ready", bool(self._writes) and not self._stalled())

    def sample(self, pins: Pins) -> None:
        """Note what moved."""
        p = self._prefix
        if moves(pins, f"{p}_r"):
            self._beat = None
            self.read_beats += 1
        if moves(pins, f"{p}_b"):
            self._answer = None
        if moves(pins, f"{p}_w"):
            self._store(pins)
        for channel in ("ar", "aw"):
            if moves(pins, f"{p}_{channel}"):
                place = (
                    pins.get(f"{p}_{channel}_id"),
                    pins.get(f"{p}_{channel}_addr"),
                    pins.get(f"{p}_{channel}_len") + 1,
                )
                if channel == "ar":
                    self._reads.append(_Read(self._cycle + self._wait(), *place))
                else:
                    self._writes.append(_Write(*place))
        self._cycle += 1

    def _stalled(self) -> bool:
        return self.timing.stall > 0 and self._rng.random() < self.timing.stall

    def _wait(self) -> int:
        jitter = self.timing.jitter
        return self.timing.latency + (int(self._rng.integers(0, jitter + 1)) if jitter else 0)

    def _next_beat(self) -> tuple[int, int, int, int]:
        read = self._reads[0]
        place = self._place(read.address)
        word = int.from_bytes(self.data[place : place + self._word].tobytes(), "little")
        code = self._code(self.faults.reads, read.address)
        beat = read.ident, word, code, int(read.beats == 1)
        read.address += self._word
        read.beats -= 1
        if not read.beats:
            self._reads.popleft()
        return beat

    def _store(self, pins: Pins) -> None:
        p = self._prefix
        write = self._writes[0]
        address = write.address + write.done * self._word
        place = self._place(address)
        octets = pins.get(f"{p}_w_data").to_bytes(self._word, "little")
        strobes = pins.get(f"{p}_w_strb")
        bad = self._code(self.faults.writes, address)
        for number, octet in enumerate(octets):
            if strobes >> number & 1 and not bad:
                self.data[place + number] = octet
        self.write_beats += 1
        write.done += 1
        if pins.get(f"{p}_w_last"):
            self._writes.popleft()
            last = write.address + write.done * self._word - 1
            hit = any(a <= last and write.address <= b for a, b in self.faults.writes)
            due = self._cycle + self._wait()
            self._answers.append((due, write.ident, SLVERR if hit else 0))

    def _place(self, address: int) -> int:
        place = address - self.base
        if not 0 <= place <= len(self.data) - self._word:
            raise IndexError(f"access at {address:#x}, outside the memory")
        return place

    @staticmethod
    def _code(ranges: list[tuple[int, int]], address: int) -> int:
        return SLVERR if any(first <= address <= last for first, last in ranges) else 0
