"""Schedules of the components that store and reshape streams."""

from __future__ import annotations

import numpy as np

from hwgen.timing.schedule import Buffer, Pipe, Queue


def replay(words: int, times: int, depth: int, *, latency: int = 1) -> Buffer:
    """Store vectors of ``words`` transfers in ``depth`` words of memory, emit each ``times`` times.

    A word may overwrite the one ``depth`` words before it once that one's last repetition is read.
    """
    assert depth >= words, "the memory holds a whole vector"
    first = np.arange(words * times, dtype=np.int64)
    needs = np.minimum(first, words - 1)
    old = np.arange(words, dtype=np.int64) - depth
    vector, word = old // words, old % words
    frees = vector * words * times + words * (times - 1) + word
    return Buffer(needs, frees, latency)


def width_converter(elements_in: int, lanes_in: int, elements_out: int, lanes_out: int) -> Pipe:
    """Regroup each ``elements_in`` elements from words of ``lanes_in`` into words of ``lanes_out``.

    ``elements_out`` of them leave (surplus ones are dropped, missing ones are padding); the last
    word of a group may be partly padding on either side. Each step takes a word as soon as
    what is held does not suffice, and emits as soon as it does.
    """
    takes, emits = width_steps(elements_in, lanes_in, elements_out, lanes_out)
    return Pipe(takes[:, None], emits[:, None], 1, 1)


def width_steps(
    elements_in: int, lanes_in: int, elements_out: int, lanes_out: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return per step whether it takes and whether it emits, each bool (steps,)."""
    assert min(elements_in, lanes_in, elements_out, lanes_out) >= 1, "sizes are positive"
    words_in, words_out = -(-elements_in // lanes_in), -(-elements_out // lanes_out)
    takes: list[bool] = []
    emits: list[bool] = []
    taken = emitted = 0
    while taken < words_in or emitted < words_out:
        wanted = min((emitted + 1) * lanes_out, elements_out, elements_in)
        short = emitted < words_out and min(taken * lanes_in, elements_in) < wanted
        take = taken < words_in and (short or emitted == words_out)
        taken += take
        emit = emitted < words_out and min(taken * lanes_in, elements_in) >= wanted
        emitted += emit
        takes.append(take)
        emits.append(emit)
    return np.array(takes), np.array(emits)


def fifo_style(depth: int) -> str:
    """Return how a queue of ``depth`` is built unless told otherwise."""
    if depth <= 2:
        return "reg"
    return "lutram" if depth <= 64 else "bram"


def fifo(depth: int | None, style: str | None = None) -> Queue:
    """Queue of ``depth`` transfers; None for no bound.

    style : "reg", "lutram" or "bram" (one cycle slower: its output register is filled ahead);
        None chooses by depth
    """
    assert style in (None, "reg", "lutram", "bram"), f"no FIFO of style {style!r}"
    if style is None:
        style = "lutram" if depth is None else fifo_style(depth)
    return Queue(depth, 2 if style == "bram" else 1)
