"""Remove layers that change nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from hwgen.ir import Graph, Node
from hwgen.ir.ops import (
    MaxPool,
    Pad,
    Reshape,
    SumPool,
    Table,
    Threshold,
    Upsample,
    ZeroInsert,
)
from hwgen.passes.ranges import apply


@dataclass(frozen=True)
class DropIdentity:
    """Remove a Threshold, Table or Reshape that gives back every code it can receive.

    Also what would add pixels but adds none, as a ZeroInsert between the pixels of a single one,
    and pools of one code.

    Skips one whose input and output differ on the wire, and one that alone joins a graph input to
    an output.
    """

    name: ClassVar[str] = "drop-identity"

    def __call__(self, graph: Graph) -> Graph:
        for node in graph.nodes:
            if _identity(graph, node):
                return self(_bypass(graph, node))
        return graph


def _identity(graph: Graph, node: Node) -> bool:
    source = node.inputs[0]
    x, y = graph.types[source], graph.types[node.name]
    if node.name in graph.outputs and source not in graph:
        return False
    if isinstance(node.op, Reshape | Pad | ZeroInsert | Upsample):
        return x == y
    if isinstance(node.op, MaxPool | SumPool):
        return node.op.taps == 1
    if not isinstance(node.op, Threshold | Table) or x.bipolar != y.bipolar:
        return False
    if x.high - x.low > y.high - y.low:
        return False
    codes = np.array([-1, 1]) if x.bipolar else np.arange(x.low, x.high + 1)
    return bool((apply(node.op, codes.astype(np.int64), x.channels) == codes).all())


def _bypass(graph: Graph, gone: Node) -> Graph:
    source = gone.inputs[0]
    nodes = tuple(
        replace(n, inputs=tuple(source if i == gone.name else i for i in n.inputs))
        for n in graph.nodes
        if n.name != gone.name
    )
    outputs = tuple(source if name == gone.name else name for name in graph.outputs)
    return replace(graph, nodes=nodes, outputs=outputs)
