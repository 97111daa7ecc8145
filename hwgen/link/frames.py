"""How a frame lies in memory and on a serial line."""

from __future__ import annotations

from dataclasses import dataclass


def slot_bits(bits: int) -> int:
    """Return the room a code of ``bits`` takes: the next power of two, so that slots fill bytes."""
    assert bits >= 1, "a code has bits"
    return 1 << (bits - 1).bit_length()


@dataclass(frozen=True)
class FrameFormat:
    """The codes of a frame in bytes, in the order in which the core's stream carries them.

    Each code lies in a slot of 1, 2, 4, ... bits, signed codes sign-extended, bipolar ones as one
    bit; slots fill bytes from the lowest bit on, bytes fill words from the lowest byte on. The
    lanes that pad a pixel have slots too and may hold anything. A frame begins at a word.

    bits : of one code
    signed : whether slots are sign-extended
    lanes, transfers : codes of a transfer, transfers of a frame
    word_bytes : bytes of the link's word, to which a frame is padded
    """

    bits: int
    signed: bool
    lanes: int
    transfers: int
    word_bytes: int

    def __post_init__(self) -> None:
        assert min(self.bits, self.lanes, self.transfers, self.word_bytes) >= 1, "sizes are above 0"

    @property
    def slot(self) -> int:
        """Bits of a code's room."""
        return slot_bits(self.bits)

    @property
    def grains(self) -> tuple[int, int, int, int]:
        """Bits of what slots and words consist of; how many of it frame, word and transfer have."""
        grain = min(self.slot, 8 * self.word_bytes)
        each = self.slot // grain
        return grain, self.slots * each, 8 * self.word_bytes // grain, self.lanes * each

    @property
    def slots(self) -> int:
        """Codes of a frame, padding lanes included."""
        return self.lanes * self.transfers

    @property
    def words(self) -> int:
        """Words of a frame."""
        return -(-self.slots * self.slot // (8 * self.word_bytes))

    @property
    def bytes(self) -> int:
        """Bytes of a frame, in whole words."""
        return self.words * self.word_bytes
