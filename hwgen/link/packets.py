"""Packets of the serial shell.

A packet is a flag, its body with flags and escapes replaced, and a flag; one flag may stand between
two packets. The body is kind, sequence number, payload and a CRC-32 of these, lowest byte first
(byte stuffing as in RFC 1662, CRC as in IEEE 802.3). A receiver drops every packet that is not
whole and right, so after garbage it understands the next one.

Each answer has the kind of its request plus ``ANSWER`` and its sequence number. A request that is
dropped has no answer: the host asks again. Requests leave no state, so asking twice does no harm.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field

FLAG, ESCAPE, FLIP = 0x7E, 0x7D, 0x20
ASK, RUN, ANSWER = 0x01, 0x02, 0x80
PROTOCOL = 1
# What the CRC register holds behind a right body and its CRC.
RESIDUE = 0xDEBB20E3
OVERHEAD = 6  # bytes of a body beside its payload
IDENTITY_BYTES = 17


@dataclass(frozen=True)
class Packet:
    """A whole and right packet."""

    kind: int
    sequence: int
    payload: bytes


@dataclass(frozen=True)
class Identity:
    """What a shell answers to ``ASK``.

    build : hash of the core, 64 bits
    """

    protocol: int
    build: int
    frame_in_bytes: int
    frame_out_bytes: int

    def octets(self) -> bytes:
        """Return the answer's payload."""
        numbers = (self.protocol, 1), (self.build, 8)
        sizes = (self.frame_in_bytes, 4), (self.frame_out_bytes, 4)
        return b"".join(value.to_bytes(size, "little") for value, size in (*numbers, *sizes))

    @classmethod
    def parse(cls, payload: bytes) -> Identity | None:
        """Return the identity in a payload, None where it is none."""
        if len(payload) != IDENTITY_BYTES:
            return None
        parts = payload[:1], payload[1:9], payload[9:13], payload[13:]
        return cls(*(int.from_bytes(part, "little") for part in parts))


def wrap(packet: Packet) -> bytes:
    """Return the bytes of a packet on the line."""
    body = bytes((packet.kind, packet.sequence)) + packet.payload
    body += zlib.crc32(body).to_bytes(4, "little")
    stuffed = bytearray()
    for octet in body:
        stuffed += bytes((ESCAPE, octet ^ FLIP)) if octet in (FLAG, ESCAPE) else bytes((octet,))
    return bytes((FLAG, *stuffed, FLAG))


@dataclass
class Unwrapper:
    """Finds packets among received bytes.

    dropped : bodies that were not right
    """

    dropped: int = 0
    _body: bytearray = field(default_factory=bytearray)
    _escaped: bool = False

    def feed(self, received: bytes) -> list[Packet]:
        """Take the next bytes, return the packets that they end."""
        found: list[Packet] = []
        for octet in received:
            if octet == FLAG:
                packet = self._end()
                if packet is not None:
                    found.append(packet)
            elif octet == ESCAPE:
                self._escaped = True
            else:
                self._body.append(octet ^ FLIP if self._escaped else octet)
                self._escaped = False
        return found

    def _end(self) -> Packet | None:
        body, broken = bytes(self._body), self._escaped
        self._body.clear()
        self._escaped = False
        if not body:
            return None
        right = len(body) >= OVERHEAD and zlib.crc32(body[:-4]).to_bytes(4, "little") == body[-4:]
        if broken or not right:
            self.dropped += 1
            return None
        return Packet(body[0], body[1], body[2:-4])
