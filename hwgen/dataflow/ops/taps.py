"""Units that reduce the taps of a window channel by channel."""

from __future__ import annotations

from dataclasses import replace

from hwgen.dataflow.builder import Builder
from hwgen.dataflow.ops import windows
from hwgen.dataflow.rows import framed, whole_cycles
from hwgen.dataflow.streams import Stream
from hwgen.dataflow.units import PoolUnit, VvuUnit
from hwgen.errors import FoldingError, check_within
from hwgen.ir import Fold, Node, ops


def pool(builder: Builder, node: Node) -> None:
    """Reduce windows, or all pixels of a frame, on PE channels at once."""
    assert isinstance(node.op, ops.MaxPool | ops.SumPool)
    y_type = builder.graph.types[node.name]
    channels = y_type.channels
    x, lanes = _tapped(builder, node, node.op.taps, channels)
    y = builder.give(node, lanes)
    builder.add(
        PoolUnit(
            *(node.name, node.name, (x.name,), (y.name,)),
            kind="max" if isinstance(node.op, ops.MaxPool) else "sum",
            taps=node.op.taps,
            x=x.element,
            y=y.element,
            words=-(-channels // lanes),
            lanes=lanes,
        )
    )


def vvu(builder: Builder, node: Node) -> None:
    """Weigh taps, one at a time or several."""
    assert isinstance(node.op, ops.Vvu)
    weights = node.op.weights
    channels, count = weights.shape
    fold = builder.fold(node)
    check_within(node.name, "PE", fold.pe, "channels", channels)
    check_within(node.name, "SIMD", fold.simd, "kernel", count)
    if fold.simd == 1:
        x, _ = _tapped(builder, node, count, channels)
    else:
        x = _several(builder, node, fold, channels, count)
    y = builder.give(node, fold.pe)
    builder.add(
        VvuUnit(
            *(node.name, node.name, (x.name,), (y.name,)),
            weights=weights,
            x=x.element,
            acc=y.element,
            pe=fold.pe,
            simd=fold.simd,
            memory="bram" if fold.memory == "bram" else "const",
        )
    )


def _tapped(builder: Builder, node: Node, count: int, channels: int) -> tuple[Stream, int]:
    """Return a stream on which each tap comes with all its channels, and its lanes."""
    swu = builder.window(node)
    natural = builder.arriving(swu or node)
    fold = builder.fold(node, Fold(pe=min(natural or 1, channels)))
    check_within(node.name, "PE", fold.pe, "channels", channels)
    if swu is not None:
        return windows.taps(builder, node, swu, fold.pe), fold.pe
    shape = (*builder.kind(node).shape[:-1], count, channels)
    return builder.take(node, fold.pe, fifo=True, shape=shape), fold.pe


def _several(builder: Builder, node: Node, fold: Fold, channels: int, count: int) -> Stream:
    """Return a stream of ``simd`` taps at once."""
    swu = builder.window(node)
    if fold.pe == channels:
        x, _ = _tapped(builder, node, count, channels)
        kind = replace(x.type, shape=(*x.type.shape[:-2], count * channels))
        wanted = replace(x, type=kind, lanes=fold.simd * channels)
        return builder.convert(f"{node.name}.rows", node.name, x, wanted)
    if fold.simd == count and swu is not None and isinstance(swu.op, ops.Swu):
        op, kind, _ = framed(swu.op, builder.kind(swu))
        if whole_cycles(op, kind, 1) is not None:
            return windows.whole(builder, node, swu, fold.pe)
    raise FoldingError(
        f"{node.name}: SIMD={fold.simd} with PE={fold.pe} cannot be fed; several taps at once need "
        f"PE={channels} (channels), or SIMD={count} (kernel) on an unpadded or narrow window"
    )
