"""How long branches differ, before any folding: what waits at joins meanwhile."""

from __future__ import annotations

from math import prod

from hwgen.ir import Graph, Node, TensorType, ops


def delays(graph: Graph) -> dict[str, float]:
    """Return by which part of a frame each tensor begins after the input, at the least.

    A window's first row needs the input down to its lowest real tap; a pool of a whole frame needs
    all of it. Cycles within pixels are left out.
    """
    found = {entry.name: 0.0 for entry in graph.inputs}
    for node in graph.nodes:
        latest = max(found[name] for name in node.inputs)
        found[node.name] = latest + _own(node, graph.types[node.inputs[0]])
    return found


def waiting(graph: Graph, node: Node, begins: dict[str, float]) -> list[float]:
    """Return for each input of a join which part of a frame waits there for the others."""
    latest = max(begins[name] for name in node.inputs)
    return [latest - begins[name] for name in node.inputs]


def _own(node: Node, x: TensorType) -> float:
    match node.op:
        case ops.Swu() as op:
            spatial = x.shape[:-1]
            last = 0
            for axis, size in enumerate(spatial):
                reach = (op.kernel[axis] - 1) * op.dilation[axis] - op.pads[axis]
                last += max(reach, 0) * prod(spatial[axis + 1 :])
                last = min(last, size * prod(spatial[axis + 1 :]) - 1)
            return (last + 1) / x.pixels
        case ops.SumPool() | ops.MaxPool() if x.pixels == 1:
            return 1.0
        case _:
            return 0.0
