"""Integer tensor types: shape, range and how a code lies on the wire."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from hwgen.errors import ShapeError


def range_bits(low: int, high: int) -> int:
    """Return the bits that hold each of ``low..high`` (two's complement if ``low < 0``)."""
    if low >= 0:
        return max(1, high.bit_length())
    return max((-low - 1).bit_length(), max(high, 0).bit_length()) + 1


@dataclass(frozen=True)
class TensorType:
    """An integer tensor of one frame, channels last.

    shape : sizes without the frame axis: ``(C,)``, ``(L, C)`` or ``(H, W, C)``
    low, high : smallest and largest code that can occur
    bipolar : codes are -1 and +1 only; one bit on the wire, 1 for +1 and 0 for -1
    """

    shape: tuple[int, ...]
    low: int
    high: int
    bipolar: bool = False

    def __post_init__(self) -> None:
        if not self.shape or any(size < 1 for size in self.shape):
            raise ShapeError(f"tensor shape {self.shape} must have at least one axis, none empty")
        if self.low > self.high:
            raise ShapeError(f"tensor range {self.low}..{self.high} is empty")
        if self.bipolar and (self.low, self.high) != (-1, 1):
            raise ShapeError(f"a bipolar tensor has range -1..1, not {self.low}..{self.high}")

    @property
    def channels(self) -> int:
        """Size of the last axis."""
        return self.shape[-1]

    @property
    def pixels(self) -> int:
        """Number of channel vectors in a frame."""
        return prod(self.shape[:-1])

    @property
    def row(self) -> int:
        """Number of channel vectors in a row; 1 where there is no axis but the channels."""
        return prod(self.shape[-2:-1])

    @property
    def size(self) -> int:
        """Number of elements in a frame."""
        return prod(self.shape)

    @property
    def signed(self) -> bool:
        """Whether a code needs a sign bit on the wire."""
        return self.low < 0 and not self.bipolar

    @property
    def bits(self) -> int:
        """Bits of one code on the wire."""
        return 1 if self.bipolar else range_bits(self.low, self.high)

    @property
    def magnitude(self) -> int:
        """Largest absolute value of a code."""
        return max(abs(self.low), abs(self.high))
