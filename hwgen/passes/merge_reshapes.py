"""Leave one Reshape where several follow each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from hwgen.ir import Graph
from hwgen.ir.ops import Reshape


@dataclass(frozen=True)
class MergeReshapes:
    """Join a Reshape with the Reshape behind it: only the last shape counts."""

    name: ClassVar[str] = "merge-reshapes"

    def __call__(self, graph: Graph) -> Graph:
        while pair := next(graph.pairs(Reshape, Reshape), None):
            graph = graph.fuse(*pair, pair[1].op)
        return graph
