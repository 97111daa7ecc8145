"""Graph and folding to units and streams."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hwgen.dataflow.builder import Builder
from hwgen.dataflow.dataflow import Dataflow
from hwgen.dataflow.ops import dense, joins, pixels, pointwise, taps, windows
from hwgen.errors import FoldingError, UnsupportedError, suggest
from hwgen.ir import Folding, Graph, Node, ops
from hwgen.ir.ops import Op

OPS: Mapping[type[Op], Callable[[Builder, Node], None]] = {
    ops.Mvu: dense.mvu,
    ops.Threshold: pointwise.threshold,
    ops.Table: pointwise.table,
    ops.ArgMax: pointwise.argmax,
    ops.GroupedMvu: dense.grouped,
    ops.Swu: windows.alone,
    ops.Vvu: taps.vvu,
    ops.MaxPool: taps.pool,
    ops.SumPool: taps.pool,
    ops.Add: joins.add,
    ops.Affine: joins.affine,
    ops.Concat: joins.concat,
    ops.Slice: joins.cut,
    ops.Pad: pixels.pad,
    ops.ZeroInsert: pixels.zero_insert,
    ops.Upsample: pixels.upsample,
    ops.DepthToSpace: pixels.depth_to_space,
}


def plan(graph: Graph, folding: Folding) -> Dataflow:
    """Return the units that compute ``graph`` with these folds, FIFOs not sized yet.

    Raises ``FoldingError`` for a fold that does not fit or names no layer, ``UnsupportedError``
    for an op without hardware.
    """
    names = [node.name for node in graph.nodes]
    for name in folding:
        if name not in names:
            raise FoldingError(
                f"the folding names layer {name}, which the network lacks{suggest(name, names)}"
            )
    builder = Builder(graph, folding)
    for node in graph.nodes:
        if isinstance(node.op, ops.Reshape) or builder.absorbed(node):
            continue  # elements keep their stream order; readers build their windows
        build = OPS.get(type(node.op))
        if build is None:
            kind = type(node.op).__name__
            raise UnsupportedError(f"{node.name}: there is no hardware for {kind}")
        build(builder, node)
    return builder.finish()
