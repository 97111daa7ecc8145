"""What crosses a stream: element type, lanes and how often."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hwgen.arith.mvu import Lane
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

    @property
    def lane(self) -> Lane:
        """The bits as arithmetic sees them: every code of that width."""
        return Lane(self.bits, self.wire[0] < 0, self.bipolar)


@dataclass(frozen=True)
class Stream:
    """A tensor on its way, ``m`` pixels at a time, ``lanes`` channels of each per transfer.

    name : unique in the dataflow
    tensor : the graph tensor whose codes it carries
    type : that tensor's type; its last axis is the group that lanes pad
    lanes : channels per transfer; the lanes past the last channel hold anything
    times : how often each pixel's vector is sent, more than 1 behind a replay
    permuted : the codes come in an order of their own, ``type`` only counts them
    m : neighbouring pixels of a row side by side in each transfer, code ``pixel * lanes + lane``;
        what lies past the end of a row holds anything
    """

    name: str
    tensor: str
    type: TensorType
    lanes: int
    times: int = 1
    permuted: bool = False
    m: int = 1

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
        """Transfers that carry ``m`` pixels once."""
        return -(-self.type.channels // self.lanes)

    @property
    def row(self) -> int:
        """Pixels of a row; the last transfers of a row hold those that are left."""
        return self.type.row

    @property
    def transfers(self) -> int:
        """Transfers per frame."""
        rows = self.type.pixels // self.row
        return rows * -(-self.row // self.m) * self.words * self.times

    @property
    def codes(self) -> int:
        """Codes of one transfer."""
        return self.m * self.lanes

    @property
    def bits(self) -> int:
        """Payload bits of one transfer."""
        return self.codes * self.type.bits

    @property
    def natural(self) -> bool:
        """Whether the codes of each row come in the tensor's own order."""
        return self.m == 1 or self.lanes == self.type.channels

    @property
    def flat(self) -> Stream:
        """The same codes, in natural order, as rows of one pixel where ``m`` is more than 1."""
        assert self.natural, f"{self.name} holds parts of {self.m} pixels side by side"
        if self.m == 1:
            return self
        *outer, row, channels = self.type.shape
        kind = replace(self.type, shape=(*outer, row * channels))
        return replace(self, type=kind, lanes=self.codes, m=1)

    def same_layout(self, other: Stream) -> bool:
        """Whether both lay their elements out alike, so that no converter is needed."""
        if self.m == other.m and self.lanes == other.lanes and self.m > 1:
            alike = self.row == other.row or not (self.row % self.m or other.row % self.m)
            if alike and self.type.channels == other.type.channels:
                return True
        if not (self.natural and other.natural):
            return False
        mine, theirs = self.flat, other.flat
        if mine.lanes != theirs.lanes:
            return False
        have, want = mine.type.channels, theirs.type.channels
        return have == want or not (have % mine.lanes or want % mine.lanes)
