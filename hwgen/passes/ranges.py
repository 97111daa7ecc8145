"""What each channel of a tensor can hold, and functions of one channel's code."""

from __future__ import annotations

import numpy as np

from hwgen.ir import Graph
from hwgen.ir.ops import IntArray, Mvu, Table, Threshold


def channel_range(graph: Graph, tensor: str) -> tuple[IntArray, IntArray]:
    """Return the smallest and largest code of each channel of ``tensor``, each int64 (C,).

    Exact per channel behind a matrix product, the tensor's own range elsewhere.
    """
    kind = graph.types[tensor]
    if tensor in graph and isinstance(op := graph[tensor].op, Mvu):
        return op.channel_range(graph.types[graph[tensor].inputs[0]])
    full = np.ones(kind.channels, dtype=np.int64)
    return full * kind.low, full * kind.high


def apply(op: Threshold | Table, codes: IntArray, channels: int) -> IntArray:
    """Return ``op`` on the same codes (N,) in each channel, as (channels, N)."""
    spread = np.repeat(codes[:, None], channels, axis=1)
    return np.asarray(op.reference(spread), dtype=np.int64).T
