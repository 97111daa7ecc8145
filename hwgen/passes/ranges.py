"""What each channel of a tensor can hold, and functions of one channel's code."""

from __future__ import annotations

import numpy as np

from hwgen.ir import Graph
from hwgen.ir.ops import Add, Affine, GroupedMvu, IntArray, Mvu, Table, Threshold, Vvu


def channel_range(graph: Graph, tensor: str) -> tuple[IntArray, IntArray]:
    """Return the smallest and largest code of each channel of ``tensor``, each int64 (C,).

    Exact per channel behind a product, a sum or a scaling, the tensor's own range elsewhere.
    """
    kind = graph.types[tensor]
    low, high = np.array([kind.low]), np.array([kind.high])
    if tensor in graph:
        node = graph[tensor]
        inputs = [graph.types[name] for name in node.inputs]
        match node.op:
            case Mvu() | Vvu() | GroupedMvu() | Affine():
                low, high = node.op.channel_range(*inputs)
            case Add():
                low, high = node.op.channel_range(*inputs)
            case _:
                pass
    full = np.ones(kind.channels, dtype=np.int64)
    return full * low, full * high


def apply(op: Threshold | Table, codes: IntArray, channels: int) -> IntArray:
    """Return ``op`` on the same codes (N,) in each channel, as (channels, N)."""
    spread = np.repeat(codes[:, None], channels, axis=1)
    return np.asarray(op.reference(spread), dtype=np.int64).T
