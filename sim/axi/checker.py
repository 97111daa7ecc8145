"""Rules of AXI3, checked in every cycle. Source: AMBA AXI specification, IHI 0022, AXI3 parts."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from sim.axi.pins import Pins, moves

_FIELDS = {
    "aw": ("id", "addr", "len", "size", "burst", "lock", "cache", "prot", "qos"),
    "w": ("id", "data", "strb", "last"),
    "b": ("id", "resp"),
    "ar": ("id", "addr", "len", "size", "burst", "lock", "cache", "prot", "qos"),
    "r": ("id", "data", "resp", "last"),
}


class ProtocolError(AssertionError):
    """A rule was broken."""


class _Burst(NamedTuple):
    ident: int
    beats: int


class ProtocolChecker:
    """Watches one AXI3 port of ``word_bytes``.

    A5.3.1 what is offered stays until it is taken; A3.4.1 no burst crosses 4 KiB; beats, ``last``
    and IDs of data and answers are those of the addresses; no answer before its data.

    read_bursts, write_bursts : addresses seen; outstanding : most reads under way at once
    """

    def __init__(self, prefix: str, *, word_bytes: int = 8) -> None:
        self.read_bursts = self.write_bursts = self.outstanding = 0
        self._prefix = prefix
        self._word = word_bytes
        self._offered: dict[str, tuple[int, ...]] = {}
        self._reads: deque[_Burst] = deque()
        self._writes: deque[_Burst] = deque()
        self._unanswered: deque[_Burst] = deque()
        self._read_beats = self._write_beats = 0

    @property
    def idle(self) -> bool:
        """Whether every burst got its data and its answer."""
        return not (self._reads or self._writes or self._unanswered or self._write_beats)

    def drive(self, pins: Pins) -> None:
        """Only watches."""

    def sample(self, pins: Pins) -> None:
        """Check this cycle."""
        for channel in _FIELDS:
            self._stable(pins, channel)
        if self._moves(pins, "r"):
            self._read_beat(pins)
        if self._moves(pins, "b"):
            self._answer(pins)
        if self._moves(pins, "ar"):
            self._reads.append(self._address(pins, "ar"))
            self.read_bursts += 1
            self.outstanding = max(self.outstanding, len(self._reads))
        if self._moves(pins, "aw"):
            self._writes.append(self._address(pins, "aw"))
            self.write_bursts += 1
        if self._moves(pins, "w"):
            self._write_beat(pins)

    def _moves(self, pins: Pins, channel: str) -> bool:
        return moves(pins, f"{self._prefix}_{channel}")

    def _get(self, pins: Pins, name: str) -> int:
        return pins.get(f"{self._prefix}_{name}")

    def _fail(self, text: str) -> None:
        raise ProtocolError(f"{self._prefix}: {text}")

    def _stable(self, pins: Pins, channel: str) -> None:
        valid = self._get(pins, f"{channel}_valid")
        shown = tuple(self._get(pins, f"{channel}_{name}") for name in _FIELDS[channel])
        before = self._offered.pop(channel, None)
        if before is not None and (not valid or shown != before):
            self._fail(f"{channel} offered {before}, then {shown if valid else 'nothing'}")
        if valid and not self._get(pins, f"{channel}_ready"):
            self._offered[channel] = shown

    def _address(self, pins: Pins, channel: str) -> _Burst:
        address, beats = self._get(pins, f"{channel}_addr"), self._get(pins, f"{channel}_len") + 1
        size, burst = self._get(pins, f"{channel}_size"), self._get(pins, f"{channel}_burst")
        if 1 << size != self._word or burst != 1 or address % self._word:
            self._fail(f"{channel} at {address:#x} has size {size}, burst type {burst}")
        if address // 4096 != (address + beats * self._word - 1) // 4096:
            self._fail(f"{channel} at {address:#x} with {beats} beats crosses 4 KiB")
        if self._get(pins, f"{channel}_lock"):
            self._fail(f"{channel} locks")
        return _Burst(self._get(pins, f"{channel}_id"), beats)

    def _read_beat(self, pins: Pins) -> None:
        if not self._reads:
            self._fail("r came without an address")
        self._read_beats += 1
        ident, beats = self._reads[0]
        last = self._get(pins, "r_last")
        if self._get(pins, "r_id") != ident or bool(last) != (self._read_beats == beats):
            self._fail(f"r beat {self._read_beats} of {beats} has last {last}")
        if last:
            self._reads.popleft()
            self._read_beats = 0

    def _write_beat(self, pins: Pins) -> None:
        if not self._writes:
            self._fail("w came before its address, which this master never does")
        self._write_beats += 1
        ident, beats = self._writes[0]
        last = self._get(pins, "w_last")
        if self._get(pins, "w_id") != ident or bool(last) != (self._write_beats == beats):
            self._fail(f"w beat {self._write_beats} of {beats} has last {last}")
        if last:
            self._unanswered.append(self._writes.popleft())
            self._write_beats = 0

    def _answer(self, pins: Pins) -> None:
        if not self._unanswered:
            self._fail("b came before its data")
        if self._get(pins, "b_id") != self._unanswered.popleft().ident:
            self._fail("b has another ID than its address")
