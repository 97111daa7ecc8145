"""Schedules of pools, depthwise products, joins and insertions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hwgen.timing.schedule import BoolArray, IntArray, Pipe

AFFINE_LATENCY = 2  # products, sums


def gather(taps: int, words: int, *, latency: int = 1) -> Pipe:
    """Take ``taps`` times ``words`` transfers, emit ``words`` with the last tap: pools, ``Vvu``.

    latency : register stages; the last one accumulates
    """
    emits = np.zeros((taps * words, 1), np.bool_)
    emits[-words:] = True
    return Pipe(np.ones_like(emits), emits, latency, latency)


def vvu_cuts(simd: int, memory: str) -> tuple[int, ...]:
    """Return the levels of a depthwise unit's adder tree behind which there are registers.

    The first level shares its stage with the products, later ones are two to a stage; level 0 are
    the products themselves. Weights out of block RAM arrive late: there, products have a stage of
    their own.
    """
    levels = (simd - 1).bit_length()
    return tuple(sorted({*range(memory != "bram", levels, 2), levels}))


def vvu_latency(simd: int, memory: str) -> int:
    """Return a depthwise unit's register stages: operands, products and tree, sums."""
    return 2 + len(vvu_cuts(simd, memory))


def add_latency(m_a: IntArray, m_b: IntArray) -> int:
    """Return the register stages of a join: products that are not mere shifts get their own."""
    factors = np.abs(np.concatenate([m_a, m_b]))
    varies = len(m_a) > 1 or len(m_b) > 1
    return 2 if varies or (factors & (factors - 1)).any() else 1


def add(latency: int) -> Pipe:
    """Join two streams transfer by transfer."""
    return Pipe(np.ones((1, 2), np.bool_), np.ones((1, 1), np.bool_), latency, latency)


def concat(words: Sequence[int]) -> Pipe:
    """Pass the transfers of a pixel of each input in turn; ``words`` of each."""
    takes = np.zeros((sum(words), len(words)), np.bool_)
    takes[np.arange(sum(words)), np.repeat(np.arange(len(words)), words)] = True
    return Pipe(takes, np.ones((sum(words), 1), np.bool_), 1, 1)


def slice_words(words: int, start: int, stop: int) -> Pipe:
    """Take ``words`` transfers of a pixel, pass those in ``start..stop - 1``."""
    emits = np.zeros((words, 1), np.bool_)
    emits[start:stop] = True
    return Pipe(np.ones_like(emits), emits, 1, 1)


def insert(rows: BoolArray, cols: BoolArray, words: int) -> Pipe:
    """Emit pixels of a constant wherever a row or a column holds no input.

    rows, cols : whether each output row and column holds input
    words : transfers of a pixel
    The first transfer of a frame waits for the frame's first input in any case, so that nothing
    of a frame appears before the frame does.
    """
    takes = np.repeat(np.outer(rows, cols).ravel(), words)
    if not takes[0]:
        takes[np.argmax(takes)] = False
        takes[0] = True
    return Pipe(takes[:, None], np.ones((len(takes), 1), np.bool_), 1, 1)
