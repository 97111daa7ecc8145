"""Runs frames on a board behind a serial port."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np
import serial

from hwgen.errors import HwgenError
from hwgen.host.hwgen_driver import encode, pack, unpack
from hwgen.link.packets import ANSWER, ASK, PROTOCOL, RUN, Identity, Packet, Unwrapper, wrap

if TYPE_CHECKING:
    from hwgen.host.hwgen_driver import Array, Meta

_POLL_S = 0.01


class LinkError(HwgenError):
    """The board does not answer, or is not the one that was built for."""

    exit_code = 1


class Wire(Protocol):
    """An open serial port."""

    def read(self, size: int, /) -> bytes:
        """Return up to ``size`` bytes, fewer where none come for a moment."""
        ...

    def write(self, data: bytes, /) -> object:
        """Send bytes."""
        ...

    def close(self) -> None:
        """Let others open the port."""
        ...


def open_port(port: str, baud: int) -> Wire:
    """Open a serial port; raise ``LinkError`` where that cannot be done."""
    try:
        return serial.Serial(port, baud, timeout=_POLL_S, write_timeout=5, exclusive=True)
    except (serial.SerialException, ValueError, OSError) as error:
        if "exclusively lock" in str(error):
            raise LinkError(
                f"port {port} is in use by another program; end that one first"
            ) from None
        raise LinkError(
            f"port {port} cannot be opened: {error}; is the board plugged in?"
        ) from None


@dataclass
class SerialLink:
    """Sends requests and awaits their answers, one at a time; what is lost is sent again.

    wire : open port
    answer_s : time that a frame's answer takes at most, beside the line itself
    tries : how often a request is sent before giving up
    retries : requests sent again so far
    """

    wire: Wire
    answer_s: float = 1.0
    tries: int = 5
    retries: int = 0
    _sequence: int = 0
    _unwrapper: Unwrapper = field(default_factory=Unwrapper)

    def identify(self) -> Identity:
        """Return what the board is; raise ``LinkError`` where no hwgen shell answers."""
        identity = Identity.parse(self._request(ASK, b""))
        if identity is None or identity.protocol != PROTOCOL:
            raise LinkError("the board answers in another version of the protocol; build it again")
        return identity

    def check(self, build: str) -> None:
        """Raise ``LinkError`` unless the board holds this build."""
        found = f"{self.identify().build:016x}"
        if found != build:
            raise LinkError(
                f"the board holds build {found}, the folder is {build}; load its bitstream"
            )

    def run(self, x: Array, meta: Meta, told: Callable[[int], None] = lambda _: None) -> Array:
        """Return output codes (frames, pixels, channels) of frames.

        meta : of the build
        told : is told the number of finished frames
        """
        octets = pack(encode(x, meta["input"]), meta["input"])
        size = meta["output"]["bytes"]
        answers = np.zeros((len(octets), size), np.uint8)
        for number, frame in enumerate(octets):
            payload = self._request(RUN, frame.tobytes())
            if len(payload) != size:
                raise LinkError(f"frame {number} has an answer of {len(payload)} bytes, not {size}")
            answers[number] = np.frombuffer(payload, np.uint8)
            told(number + 1)
        return unpack(answers, meta["output"])

    def _request(self, kind: int, payload: bytes) -> bytes:
        sent: set[int] = set()
        for attempt in range(self.tries):
            self._sequence = (self._sequence + 1) % 256
            sent.add(self._sequence)
            self.retries += attempt > 0
            answer = self._once(Packet(kind, self._sequence, payload), sent)
            if answer is not None:
                return answer.payload
        raise LinkError(
            f"the board does not answer ({self.tries} tries, {self.answer_s:g} s each); check "
            f"cable, port and that its bitstream is loaded"
        )

    def _once(self, request: Packet, sent: set[int]) -> Packet | None:
        """Send a request; return an answer to it, None if none comes in time.

        sent : numbers under which it was sent; a late answer to an earlier try is as good
        """
        try:
            self.wire.write(wrap(request))
            limit = time.monotonic() + self.answer_s
            while time.monotonic() < limit:
                for packet in self._unwrapper.feed(self.wire.read(4096)):
                    if packet.kind == request.kind | ANSWER and packet.sequence in sent:
                        return packet
        except (serial.SerialException, OSError) as error:
            raise LinkError(f"the connection broke: {error}; plug the board in again") from None
        return None
