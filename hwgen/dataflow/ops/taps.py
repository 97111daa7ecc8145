"""Units that reduce the taps of a window channel by channel."""

from __future__ import annotations

from dataclasses import replace

from hwgen.dataflow.builder import Builder
from hwgen.dataflow.ops import windows
from hwgen.dataflow.rows import taps as feed
from hwgen.dataflow.streams import Stream
from hwgen.dataflow.units import PoolUnit, VvuUnit
from hwgen.errors import FoldingError, check_within
from hwgen.ir import Fold, Node, ops


def pool(builder: Builder, node: Node) -> None:
    """Reduce windows, or all pixels of a frame, on PE channels at once."""
    assert isinstance(node.op, ops.MaxPool | ops.SumPool)
    channels, swu = builder.graph.types[node.name].channels, builder.window(node)
    natural = builder.arriving(swu or node)
    fold = builder.fold(node, Fold(pe=min(natural or 1, channels)))
    x = _tapped(builder, node, fold, channels, node.op.taps)
    y = builder.give(node, fold.pe, m=fold.m)
    builder.add(
        PoolUnit(
            *(node.name, node.name, (x.name,), (y.name,)),
            kind="max" if isinstance(node.op, ops.MaxPool) else "sum",
            taps=node.op.taps,
            x=x.element,
            y=y.element,
            words=-(-channels // fold.pe),
            lanes=fold.pe,
            simd=fold.simd,
            m=fold.m,
        )
    )


def vvu(builder: Builder, node: Node) -> None:
    """Weigh taps, one at a time or several."""
    assert isinstance(node.op, ops.Vvu)
    weights = node.op.weights
    fold = builder.fold(node)
    if fold.style not in ("auto", "lut"):
        raise FoldingError(
            f"{node.name}: style={fold.style!r} cannot be built for a depthwise layer, whose "
            f"products share neither inputs nor weights; use 'lut' or leave the style out"
        )
    if fold.memory == "writable":
        raise FoldingError(
            f"{node.name}: memory='writable' cannot be built for a depthwise layer; use 'const' or "
            f"'bram', or leave the memory out"
        )
    x = _tapped(builder, node, fold, *weights.shape)
    y = builder.give(node, fold.pe, m=fold.m)
    builder.add(
        VvuUnit(
            *(node.name, node.name, (x.name,), (y.name,)),
            weights=weights,
            x=x.element,
            acc=y.element,
            pe=fold.pe,
            simd=fold.simd,
            memory="bram" if fold.memory == "bram" else "const",
            m=fold.m,
        )
    )


def _tapped(builder: Builder, node: Node, fold: Fold, channels: int, count: int) -> Stream:
    """Return a stream on which each tap, or SIMD of them, come with PE channels of M pixels."""
    check_within(node.name, "PE", fold.pe, "channels", channels)
    check_within(node.name, "SIMD", fold.simd, "kernel", count)
    swu = builder.window(node)
    if swu is not None:
        return _windowed(builder, node, swu, fold)
    shape = (*builder.kind(node).shape[:-1], count, channels)
    if fold.m == 1:  # taps follow one another as pixels do
        return builder.take(node, fold.pe, fifo=True, shape=shape, m=fold.simd)
    if count > 1:
        raise FoldingError(
            f"{node.name}: M={fold.m} cannot be built without a window in front; "
            f"raise PE or SIMD instead"
        )
    return builder.take(node, fold.pe, fifo=True, m=fold.m)


def _windowed(builder: Builder, node: Node, swu: Node, fold: Fold) -> Stream:
    assert isinstance(swu.op, ops.Swu)
    kind, count = builder.kind(swu), swu.op.taps
    chosen = feed(swu.op, kind, fold.pe, fold.simd, fold.m)
    if chosen is None:
        raise FoldingError(
            f"{node.name}: PE={fold.pe}, SIMD={fold.simd}, M={fold.m} cannot be fed; several taps "
            f"or pixels at once need SIMD={count} (kernel) or PE={kind.channels} (channels), "
            f"and no more windows in a row than pixels"
        )
    if chosen.mode == "taps":
        return windows.taps(builder, node, swu, fold.pe)
    if chosen.mode == "whole":
        x = windows.whole(builder, node, swu, chosen.lanes, chosen.cycles, chosen.across, fold.m)
        wanted = replace(x, lanes=fold.simd * fold.pe)
    else:
        x = windows.taps(builder, node, swu, fold.pe)
        row = replace(x.type, shape=(*x.type.shape[:-2], count * fold.pe))
        wanted = replace(x, type=row, lanes=fold.simd * fold.pe)
    return builder.convert(f"{node.name}.rows", node.name, x, wanted)
