"""A layer of the graph as the folding search sees it, and one way to build its head."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hwgen.boards import Family, Resources
from hwgen.dataflow.rows import framed, window_of
from hwgen.ir import Fold, Graph, Node, TensorType, ops
from hwgen.search.goal import Pin
from hwgen.search.points import Takes

PLACE = ("", "", (), ())
# Pixels at once that are tried where everything else is unfolded.
_PIXELS = (1, 2, 4, 8)


@dataclass(frozen=True)
class Head:
    """One way to build the head of a layer.

    cycles, fill : as for ``Point``
    cost : of its units, without what joins it to the layer in front
    """

    fold: Fold
    cycles: int
    cost: Resources
    fill: int
    takes: Takes


@dataclass(frozen=True, eq=False)
class Layer:
    """A node and what it reads; ``window`` is the window in front of it, if there is one."""

    node: Node
    window: ops.Swu | None
    x: TensorType
    y: TensorType
    entry: bool
    family: Family

    @classmethod
    def of(cls, graph: Graph, node: Node, family: Family) -> Layer:
        """Return a node of the graph with its surroundings."""
        before = node.inputs[0]
        window = graph[before].op if before in graph else None
        window = window if isinstance(window, ops.Swu) else None
        x = graph.types[graph[before].inputs[0] if window else before]
        entry = before in {one.name for one in graph.inputs}
        return cls(node, window, x, graph.types[node.name], entry, family)


def pixels_at_once(layer: Layer, pin: Pin, *, unfolded: bool) -> Iterator[int]:
    """Yield the pixels at once that are worth trying.

    unfolded : all of a pixel is computed at once, so that only more pixels are faster
    """
    if pin.m is not None:
        yield pin.m
        return
    yield from (m for m in _PIXELS if m == 1 or (unfolded and layer.y.row % m == 0))


def fill_cycles(layer: Layer, cycles: int) -> int:
    """Return the cycles from the first input to the first output of a window or of a pool."""
    if layer.window is None:
        whole = isinstance(layer.node.op, ops.SumPool | ops.MaxPool)
        return cycles if whole else 1
    window = window_of(*framed(layer.window, layer.x)[:2])
    rows_needed = window.reach[0] - 1 - window.pads[0]
    return max(1, cycles * max(rows_needed, 0) // window.height)


def transfers(kind: TensorType, m: int) -> int:
    """Return in how many groups of ``m`` the pixels of a frame come."""
    return kind.pixels // kind.row * -(-kind.row // m)
