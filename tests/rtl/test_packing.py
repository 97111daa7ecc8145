"""Codes in and out of a link's words, against the words that numpy packs."""

from __future__ import annotations

import numpy as np
import pytest

from hwgen.link import FrameFormat, slot_bits
from hwgen.rtl.packing import Pack, Unpack
from tests.rtl.axi.bench import Sink, Source, simulate

# bits, signed, lanes, transfers, bytes of a word
FORMATS = [
    (8, False, 3, 5, 8),
    (2, False, 49, 4, 8),
    (1, False, 7, 3, 8),
    (5, True, 3, 7, 8),
    (11, True, 10, 1, 8),
    (11, True, 2, 3, 1),
    (3, False, 4, 5, 1),
    (8, False, 4, 6, 1),
]


def packed(codes: np.ndarray, frame: FrameFormat) -> list[int]:
    """Return the words of frames of codes (frames, slots), by the definition."""
    rows = []
    for row in codes:
        number = sum(
            (int(code) & ((1 << frame.slot) - 1)) << (place * frame.slot)
            for place, code in enumerate(row)
        )
        rows += [
            number >> (8 * frame.word_bytes * word) & ((1 << 8 * frame.word_bytes) - 1)
            for word in range(frame.words)
        ]
    return rows


def transfers(codes: np.ndarray, frame: FrameFormat) -> list[int]:
    return [
        sum((int(c) & ((1 << frame.bits) - 1)) << (n * frame.bits) for n, c in enumerate(row))
        for row in codes.reshape(-1, frame.lanes)
    ]


@pytest.mark.parametrize("stall", [0.0, 0.4])
@pytest.mark.parametrize("fields", FORMATS)
def test_words_and_transfers_hold_the_same_codes(fields, stall):
    frame = FrameFormat(*fields)
    rng = np.random.default_rng(5)
    half = 1 << frame.bits - 1
    low, high = (-half, half) if frame.signed else (0, 2 * half)
    codes = rng.integers(low, high, (3, frame.slots))
    codes[0, :2] = low, high - 1
    words, moved = packed(codes, frame), transfers(codes, frame)

    assert through(Unpack(frame), words, stall) == moved
    assert through(Pack(frame), moved, stall) == words


def test_slots_are_powers_of_two():
    found = [slot_bits(bits) for bits in (1, 2, 3, 4, 5, 8, 9, 16, 17)]
    assert found == [1, 2, 4, 4, 8, 8, 16, 16, 32]


def through(dut, given: list[int], stall: float) -> list[int]:
    """Return the words that come out, as many as three frames give."""
    wanted = 3 * (dut.frame.transfers if isinstance(dut, Unpack) else dut.frame.words)
    source, sink = Source(stall, given), Sink(stall)

    def script(pins):
        while len(sink.words) < wanted:
            yield
        for _ in range(5):
            yield

    simulate(dut, [source, sink], script)
    assert not source.words
    return sink.words
