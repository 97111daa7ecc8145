"""Rules every graph keeps; run after every pass."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from hwgen.errors import ShapeError
from hwgen.ir.graph import Graph


def check(graph: Graph) -> None:
    """Raise ``ShapeError`` at the first node that breaks a rule of the graph.

    Names are unique, tensors are defined before use, arrays are int64, types fit.
    """
    known = {entry.name for entry in graph.inputs}
    if len(known) != len(graph.inputs):
        raise ShapeError("two graph inputs share a name")
    types = {entry.name: entry.type for entry in graph.inputs}
    for node in graph.nodes:
        if node.name in known:
            raise ShapeError(f"{node.name}: the name is used twice")
        for name in node.inputs:
            if name not in known:
                raise ShapeError(f"{node.name}: reads {name}, which is not computed before it")
        for entry in fields(node.op):  # pyright: ignore[reportArgumentType]
            value = getattr(node.op, entry.name)
            if isinstance(value, np.ndarray) and value.dtype != np.int64:
                raise ShapeError(f"{node.name}: {entry.name} is {value.dtype}, must be int64")
        try:
            types[node.name] = node.op.infer(*(types[name] for name in node.inputs))
        except ShapeError as error:
            raise ShapeError(f"{node.name}: {error}") from None
        known.add(node.name)
    for name in graph.outputs:
        if name not in known:
            raise ShapeError(f"output {name} is not computed")
