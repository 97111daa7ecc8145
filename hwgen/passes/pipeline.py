"""The order of the passes, by name, and the loop that runs and checks them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Protocol

from hwgen.ir import Graph, check
from hwgen.passes.drop_dead import DropDead
from hwgen.passes.drop_identity import DropIdentity
from hwgen.passes.merge_codes import MergeCodes
from hwgen.passes.merge_reshapes import MergeReshapes
from hwgen.passes.trim_tables import TrimTables
from hwgen.passes.trim_thresholds import TrimThresholds


class Pass(Protocol):
    """A rewrite that keeps what the graph computes, for every input."""

    name: ClassVar[str]  # what reports and messages call it

    def __call__(self, graph: Graph) -> Graph:
        """Return the rewritten graph, or the very same object where nothing changes."""
        ...


PIPELINE: tuple[Pass, ...] = (
    DropDead(),
    MergeReshapes(),
    MergeCodes(),
    TrimTables(),
    TrimThresholds(),
    DropIdentity(),
)


def run(graph: Graph, passes: Sequence[Pass] = PIPELINE) -> Graph:
    """Apply the passes in order, each checked by ``ir.check``, until none changes anything."""
    while True:
        before = graph
        for rewrite in passes:
            graph = rewrite(graph)
            check(graph)
        if graph is before:
            return graph
