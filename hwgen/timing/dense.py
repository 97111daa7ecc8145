"""Schedules of the components that dense layers need."""

from __future__ import annotations

import numpy as np

from hwgen.timing.schedule import Pipe


def mvu(words: int, folds: int, *, latency: int) -> Pipe:
    """Matrix-vector unit: ``folds`` times ``words`` input words, one output word per fold.

    words : input words per vector, ceil(MW / SIMD)
    folds : output words per vector, ceil(MH / PE)
    latency : register stages; the last of them accumulates
    """
    emits = np.zeros((words * folds, 1), np.bool_)
    emits[words - 1 :: words] = True
    return Pipe(np.ones_like(emits), emits, latency, latency)


def stream_mvu(words: int, *, latency: int) -> Pipe:
    """Matrix-vector unit with a stream of weights: both streams' words in, a word of sums out.

    words : steps per sum
    latency : register stages; the last of them accumulates
    """
    emits = np.zeros((words, 1), np.bool_)
    emits[-1] = True
    return Pipe(np.ones((words, 2), np.bool_), emits, latency, latency)


def elementwise(latency: int) -> Pipe:
    """One transfer in, one transfer out: thresholds, tables, registers."""
    every = np.ones((1, 1), np.bool_)
    return Pipe(every, every, latency, latency)


def argmax(words: int, *, latency: int) -> Pipe:
    """Swallow the ``words`` transfers of a pixel, emit one."""
    emits = np.zeros((words, 1), np.bool_)
    emits[-1] = True
    return Pipe(np.ones_like(emits), emits, latency, latency)


def fork(outputs: int) -> Pipe:
    """Copy each transfer to every output; the next one enters when all of them have left."""
    return Pipe(np.ones((1, 1), np.bool_), np.ones((1, outputs), np.bool_), 1, 1)


def threshold_latency(steps: int) -> int:
    """Return the stages of a binary search over ``steps`` thresholds, one per bit of the count."""
    return max(steps.bit_length(), 1)


def threshold(steps: int) -> Pipe:
    """One transfer in, one out, after a stage per bit of the count."""
    return elementwise(threshold_latency(steps))


def argmax_latency(pe: int) -> int:
    """Return the stages that compare ``pe`` codes and then the best so far."""
    return (pe - 1).bit_length() + 1
