"""What crosses a stream: element type, lanes and how often."""

from __future__ import annotations

from dataclasses import dataclass

from hwgen.ir import TensorType, range_bits


@dataclass(frozen=True)
class Element:
    """One lane of a stream as it lies on the wire.

    low, high : codes that can occur; padding lanes hold any bits
    bipolar : one bit that stands for -1 (0) or +1 (1)
    """

    low: int
    high: int
    bipolar: bool = False

    @classmethod
    def of(cls, kind: TensorType) -> Element:
        """Return the element that carries codes of a tensor."""
        return cls(kind.low, kind.high, kind.bipolar)

    @classmethod
    def raw(cls, bits: int) -> Element:
        """Return bits without a meaning, for what only stores and moves them."""
        return cls(0, 2**bits - 1)

    @property
    def bits(self) -> int:
        """Width on the wire."""
        return 1 if self.bipolar else range_bits(self.low, self.high)

    @property
    def wire(self) -> range:
        """What the bits hold, read as a number: 0 and 1 if bipolar."""
        return range(2) if self.bipolar else range(self.low, self.high + 1)


@dataclass(frozen=True)
class Stream:
    """A tensor on its way, pixel by pixel, ``lanes`` channels per transfer.

    name : unique in the dataflow
    tensor : the graph tensor whose codes it carries
    type : that tensor's type; its last axis is the group that lanes pad
    lanes : channels per transfer; the lanes past the last channel hold anything
    times : how often each pixel's vector is sent, more than 1 behind a replay
    permuted : the codes come in an order of their own, ``type`` only counts them
    """

    name: str
    tensor: str
    type: TensorType
    lanes: int
    times: int = 1
    permuted: bool = False

    @property
    def element(self) -> Element:
        """The type of one lane."""
        return Element.of(self.type)

    @property
    def raw(self) -> Element:
        """One lane as bits without a meaning."""
        return Element.raw(self.type.bits)

    @property
    def words(self) -> int:
        """Transfers that carry one pixel once."""
        return -(-self.type.channels // self.lanes)

    @property
    def transfers(self) -> int:
        """Transfers per frame."""
        return self.type.pixels * self.words * self.times

    @property
    def bits(self) -> int:
        """Payload bits of one transfer."""
        return self.lanes * self.type.bits

    def same_layout(self, other: Stream) -> bool:
        """Whether both lay their elements out alike, so that no converter is needed."""
        if self.lanes != other.lanes:
            return False
        mine, theirs = self.type.channels, other.type.channels
        return mine == theirs or not (mine % self.lanes or theirs % self.lanes)
