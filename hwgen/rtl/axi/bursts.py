"""Cuts a range of memory into AXI3 bursts."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal

MOST_BEATS = 16


class Bursts:
    """Addresses of the bursts of a transfer, one after another, and how long each is.

    A burst ends where an address is a multiple of 16 words, so it has at most 16 beats and never
    crosses 4 KiB (AXI3 allows neither).

    address : of the next burst, a multiple of the word's bytes
    beats : its length less one
    left : words that no burst covers yet

    ``load`` begins with ``words`` words at ``address``, ``step`` moves on by a burst, ``stop``
    forgets the rest.
    """

    def __init__(self, m: Module, *, word_bytes, load, address, words, step, stop, prefix):
        self.address = Signal(32, name=f"{prefix}_address")
        self.left = Signal(32, name=f"{prefix}_left")
        shift = word_bytes.bit_length() - 1
        place = self.address[shift : shift + 4]
        room = Signal(4, name=f"{prefix}_room")
        short = Signal(name=f"{prefix}_short")
        self.beats = Signal(4, name=f"{prefix}_beats")
        m.d.comb += [
            room.eq(~place),
            short.eq(self.left <= room),
            self.beats.eq(Mux(short, self.left[:4] - 1, room)),
        ]
        with m.If(load):
            m.d.sync += [self.address.eq(address), self.left.eq(words)]
        with m.Elif(step):
            # every burst but the last ends at a multiple of 16 words
            moved = (self.address[shift + 4 :] + 1) << (shift + 4)
            m.d.sync += [
                self.address.eq(moved),
                self.left.eq(Mux(short, 0, self.left - room - 1)),
            ]
        with m.Elif(stop):
            m.d.sync += self.left.eq(0)
