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
    group = _group(have, want)
    if group is None:
        elements, wanted = have.type.channels, want.type.channels
        common = gcd(elements, wanted)
        lanes = next(n for n in range(min(have.lanes, common), common + 1) if common % n == 0)
        packed = replace(have, lanes=lanes)
        yield _one("pack", elements, have.lanes, packed)
        if packed.same_layout(want):
            return
        have, group = packed, _group(packed, want)
        assert group is not None, "words that divide both vectors suit both"
    yield _one("width", group, have.lanes, out, lanes=want.lanes)


def _group(have: Stream, want: Stream) -> int | None:
    """Return the elements of which one converter makes others; None where it takes two.

    A vector that ends in padding, on either side, begins in a word of its own on both.
    """
    elements, wanted = have.type.channels, want.type.channels
    padded, pads = elements % have.lanes != 0, wanted % want.lanes != 0
    if elements == wanted:
        return elements
    if not (padded or pads):
        return lcm(have.lanes, want.lanes)
    if padded and not pads and elements % want.lanes == 0:
        return elements
    if pads and not padded and wanted % have.lanes == 0:
        return wanted
    return None


def _one(
    suffix: str, elements: int, lanes_in: int, out: Stream, m: int = 1, lanes: int | None = None
) -> Regroup:
    lanes_out = out.lanes if lanes is None else lanes
    common = lcm(lanes_in, lanes_out)
    if elements % common == 0:
        elements = common
    return Regroup(suffix, out, elements, lanes_in, lanes_out, m)
