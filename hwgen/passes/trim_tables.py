"""Make tables as small as the codes that reach them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hwgen.ir import Graph, TensorType
from hwgen.ir.ops import Table


@dataclass(frozen=True)
class TrimTables:
    """Cut a Table to its input's range, and share one row between channels with equal rows."""

    name: ClassVar[str] = "trim-tables"

    def __call__(self, graph: Graph) -> Graph:
        for node in graph.nodes:
            if isinstance(node.op, Table):
                trimmed = _trim(node.op, graph.types[node.inputs[0]])
                if trimmed.values.shape != node.op.values.shape:
                    graph = graph.replace_op(node.name, trimmed)
        return graph


def _trim(op: Table, x: TensorType) -> Table:
    values = op.values[:, x.low - op.first : x.high - op.first + 1]
    if (values == values[0]).all():
        values = values[:1]
    return Table(np.ascontiguousarray(values), x.low, op.bipolar)
