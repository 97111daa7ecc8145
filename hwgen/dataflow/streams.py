"""What crosses a stream: element type, lanes and how often."""

from __future__ import annotations

from dataclasses import dataclass

from hwgen.ir import TensorType


@dataclass(frozen=True)
class Element:
    """One lane of a stream as it lies on the wire.

    bits : width
    signed : two's complement
    bipolar : one bit that stands for -1 (0) or +1 (1)
    """

    bits: int
    signed: bool = False
    bipolar: bool = False

    @classmethod
    def of(cls, kind: TensorType) -> Element:
        """Return the element that carries codes of a tensor."""
        return cls(kind.bits, kind.signed, kind.bipolar)


@dataclass(frozen=True)
class Stream:
    """A tensor on its way, pixel by pixel, ``lanes`` channels per transfer.

    name : unique in the dataflow
    tensor : the graph tensor whose codes it carries
    type : that tensor's type; its last axis is the group that lanes pad
    lanes : channels per transfer; the lanes past the last channel hold anything
    times : how often each pixel's vector is sent, more than 1 behind a replay
    """

    name: str
    tensor: str
    type: TensorType
    lanes: int
    times: int = 1

    @property
    def element(self) -> Element:
        """The type of one lane."""
        return Element.of(self.type)

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
