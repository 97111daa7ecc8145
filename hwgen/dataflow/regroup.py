"""From one layout of a stream to another: which converters, one behind the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import gcd, lcm

from hwgen.dataflow.streams import Stream


@dataclass(frozen=True)
class Regroup:
    """One width converter.

    suffix : tells it from others of its place
    out : what it gives
    elements, lanes_in, lanes_out : elements of a group, and lanes in and out
    m : codes of an element, one of each pixel side by side
    """

    suffix: str
    out: Stream
    elements: int
    lanes_in: int
    lanes_out: int
    m: int = 1


def regroup(have: Stream, want: Stream) -> Iterator[Regroup]:
    """Yield the converters that bring ``have`` into the layout of ``want``; none if it has it.

    Where a reshape moved the padding, elements pass through words without padding. Where another
    number of pixels lies side by side, whole pixels are brought together first: only then does
    every row come in its own order.
    """
    if have.same_layout(want):
        return
    kind = want.type
    if have.m == want.m > 1 and (have.row, have.type.channels) == (want.row, kind.channels):
        yield _one("width", kind.channels, have.lanes, want, want.m)
        return
    if not have.natural:
        channels = have.type.channels
        joined = replace(have, lanes=channels)
        yield _one("pixels", channels, have.lanes, joined, have.m)
        have = joined
    whole = want if want.natural else replace(want, lanes=kind.channels)
    yield from _flat(have.flat, whole.flat, whole)
    if not want.natural:
        yield _one("split", kind.channels, kind.channels, want, want.m)


def _flat(have: Stream, want: Stream, out: Stream) -> Iterator[Regroup]:
    """Yield converters between streams in natural order; ``out`` says what the last one gives."""
    if have.same_layout(want):
        return
    elements, wanted = have.type.channels, want.type.channels
    if elements != wanted and (elements % have.lanes or wanted % want.lanes):
        common = gcd(elements, wanted)
        lanes = next(n for n in range(min(have.lanes, common), common + 1) if common % n == 0)
        if lanes != have.lanes:
            packed = replace(have, lanes=lanes)
            yield _one("pack", elements, have.lanes, packed)
            have = packed
    if not have.same_layout(want):
        yield _one("width", wanted, have.lanes, out, lanes=want.lanes)


def _one(
    suffix: str, elements: int, lanes_in: int, out: Stream, m: int = 1, lanes: int | None = None
) -> Regroup:
    lanes_out = out.lanes if lanes is None else lanes
    common = lcm(lanes_in, lanes_out)
    if elements % common == 0:
        elements = common
    return Regroup(suffix, out, elements, lanes_in, lanes_out, m)
