"""Remove what no output needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from hwgen.ir import Graph


@dataclass(frozen=True)
class DropDead:
    """Remove nodes from which no output can be reached; inputs stay."""

    name: ClassVar[str] = "drop-dead"

    def __call__(self, graph: Graph) -> Graph:
        needed = set(graph.outputs)
        for node in reversed(graph.nodes):
            if node.name in needed:
                needed.update(node.inputs)
        kept = [node for node in graph.nodes if node.name in needed]
        return graph if len(kept) == len(graph.nodes) else graph.with_nodes(kept)
