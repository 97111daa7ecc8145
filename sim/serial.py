"""The far end of a serial line, with bit errors."""

from __future__ import annotations

from collections import deque

import numpy as np

from sim.axi.pins import Pins


class Line:
    """Sends bytes on ``rx`` and receives those on ``tx``, bit by bit.

    divisor : clock cycles of a bit
    flip : probability that a bit arrives wrong, either way
    framing_errors : received bytes without a stop bit, which are not delivered
    """

    def __init__(self, divisor: int, *, flip: float = 0.0, seed: int = 0) -> None:
        self.framing_errors = 0
        self.flip = flip
        self._divisor = divisor
        self._rng = np.random.default_rng(seed)
        self._out: deque[int] = deque()
        self._bits: deque[int] = deque()
        self._level, self._left = 1, 0
        self._in = bytearray()
        self._wait, self._place, self._octet = 0, -1, 0

    @property
    def idle(self) -> bool:
        """Whether all was sent."""
        return not self._out and not self._bits and not self._left

    def send(self, octets: bytes) -> None:
        """Append bytes to what is sent."""
        self._out.extend(octets)

    def receive(self) -> bytes:
        """Return what came since the last call."""
        received = bytes(self._in)
        self._in.clear()
        return received

    def drive(self, pins: Pins) -> None:
        """Hold each bit for its time."""
        if not self._left:
            if not self._bits and self._out:
                octet = self._out.popleft()
                self._bits.extend([0, *(octet >> n & 1 for n in range(8)), 1])
            if self._bits:
                self._level, self._left = self._noisy(self._bits.popleft()), self._divisor
            else:
                self._level = 1
        self._left = max(0, self._left - 1)
        pins.set("rx", self._level)

    def sample(self, pins: Pins) -> None:
        """Look at each bit in its middle."""
        level = pins.get("tx")
        if self._place < 0:
            if not level:
                self._place, self._wait, self._octet = 0, self._divisor // 2, 0
            return
        self._wait -= 1
        if self._wait:
            return
        self._wait = self._divisor
        bit = self._noisy(level)
        if self._place == 9:
            if bit:
                self._in.append(self._octet)
            else:
                self.framing_errors += 1
            self._place = -1
            return
        if self._place:
            self._octet |= bit << (self._place - 1)
        self._place += 1

    def _noisy(self, bit: int) -> int:
        return bit ^ int(self.flip > 0 and self._rng.random() < self.flip)
