"""Codes to transfers and back: how a frame lies on a stream."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hwgen.dataflow.streams import Stream
from hwgen.ir.ops import IntArray

Words = npt.NDArray[np.uint32]


def words_of(bits: int) -> int:
    """Return how many 32-bit words hold a payload of ``bits``."""
    return -(-bits // 32)


def pack(codes: IntArray, stream: Stream, rng: np.random.Generator | None = None) -> Words:
    """Lay frames out as payloads of ``stream``.

    codes : int64, shape (frames, *stream.type.shape)
    rng : fills the padding lanes with random bits; zeros without it
    returns uint32, shape (frames * stream.transfers, words), lowest bits first
    """
    kind = stream.type
    vectors = codes.reshape(-1, stream.row, kind.channels)
    if kind.bipolar:
        vectors = vectors > 0
    groups, padded = -(-stream.row // stream.m), stream.words * stream.lanes
    shape = (len(vectors), groups * stream.m, padded)
    lanes = np.zeros(shape, dtype=np.int64)
    if rng is not None and shape[1:] != vectors.shape[1:]:
        lanes[:] = rng.integers(0, 1 << kind.bits, shape)
    lanes[:, : stream.row, : kind.channels] = vectors
    lanes = lanes.reshape(-1, 1, stream.m, stream.words, stream.lanes).swapaxes(2, 3)
    lanes = np.broadcast_to(lanes, (len(lanes), stream.times, *lanes.shape[2:]))
    return _to_words(lanes.reshape(-1, stream.codes), kind.bits)


def unpack(words: Words, stream: Stream) -> IntArray:
    """Return the codes of whole frames, int64 (frames, *stream.type.shape), padding dropped.

    words : uint32, shape (frames * stream.transfers, words) as ``pack`` makes them; of a vector
        sent several times the first is taken
    """
    kind = stream.type
    lanes = _from_words(words, stream.codes, kind.bits, kind.signed)
    groups = -(-stream.row // stream.m)
    vectors = lanes.reshape(-1, stream.times, stream.words, stream.m, stream.lanes)[:, 0]
    vectors = vectors.swapaxes(1, 2).reshape(-1, groups * stream.m, stream.words * stream.lanes)
    vectors = vectors[:, : stream.row, : kind.channels]
    if kind.bipolar:
        vectors = 2 * vectors - 1
    return vectors.reshape(-1, *kind.shape)


def _to_words(lanes: IntArray, bits: int) -> Words:
    count, width = lanes.shape
    octets = -(-bits // 8)
    flags = np.unpackbits(
        lanes.astype("<i8").view(np.uint8).reshape(count, width, 8)[..., :octets],
        axis=2,
        bitorder="little",
    )[..., :bits]
    length = words_of(width * bits)
    packed = np.zeros((count, length * 4), dtype=np.uint8)
    filled = np.packbits(flags.reshape(count, width * bits), axis=1, bitorder="little")
    packed[:, : filled.shape[1]] = filled
    return packed.view("<u4").astype(np.uint32)


def _from_words(words: Words, lanes: int, bits: int, signed: bool) -> IntArray:
    octets = np.ascontiguousarray(words, dtype="<u4").view(np.uint8)
    flags = np.unpackbits(octets, axis=1, count=lanes * bits, bitorder="little")
    weights = np.left_shift(np.int64(1), np.arange(bits, dtype=np.int64))
    if signed:
        weights[-1] = -weights[-1]
    return flags.reshape(len(words), lanes, bits).astype(np.int64) @ weights
