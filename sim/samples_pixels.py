"""Units of convolutional networks for the calibration: windows, pools, joins, moves of pixels."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

import numpy as np

from hwgen import dataflow
from hwgen.dataflow import units as u
from hwgen.ir import Fold, Folding, Graph, Input, Node, TensorType, ops
from hwgen.ir.folding import Memory
from hwgen.ir.ops import IntArray, Op

_COUNTED = (
    u.SwuUnit,
    u.LinesUnit,
    u.WindowsUnit,
    u.InsertUnit,
    u.UpsampleUnit,
    u.DepthToSpaceUnit,
    u.PoolUnit,
    u.VvuUnit,
    u.AddUnit,
    u.AffineUnit,
    u.ConcatUnit,
    u.SliceUnit,
)
# Shape and largest code of the input, kernel, stride, padding, outputs, folds (PE, SIMD, M)
_CONVOLUTIONS: tuple[
    tuple[tuple[int, ...], int, int, int, int, int, tuple[tuple[int, int, int], ...]], ...
] = (
    ((16, 16, 32), 3, 3, 1, 0, 64, ((1, 4, 1), (8, 8, 1), (64, 16, 1), (8, 96, 1), (64, 288, 1))),
    ((32, 32, 3), 255, 3, 1, 1, 16, ((1, 3, 1), (4, 27, 1), (16, 27, 2))),
    ((28, 28, 64), 1, 3, 1, 0, 64, ((2, 16, 1), (16, 192, 1), (64, 64, 1))),
    ((16, 16, 16), 15, 3, 2, 1, 32, ((1, 1, 1), (4, 8, 1), (8, 48, 1))),
    ((14, 14, 128), 3, 3, 1, 0, 16, ((1, 32, 1), (4, 128, 1))),
    ((256, 8), 15, 3, 1, 1, 16, ((1, 2, 1), (4, 8, 1), (16, 24, 1), (16, 24, 4))),
    ((8, 8, 32), 3, 1, 2, 0, 32, ((2, 4, 1),)),
)
# Channels, largest code, weight bits, where the weights lie, folds (PE, SIMD, M)
_DEPTHWISE: tuple[tuple[int, int, int, Memory, tuple[tuple[int, int, int], ...]], ...] = (
    (32, 15, 4, "const", ((1, 1, 1), (4, 1, 1), (8, 9, 1), (32, 9, 1))),
    (16, 3, 2, "const", ((2, 1, 1), (4, 9, 1), (16, 9, 2))),
    (24, 15, 8, "const", ((2, 1, 1), (24, 9, 1))),
    (64, 255, 4, "const", ((8, 1, 1), (2, 9, 1))),
    (32, 15, 4, "bram", ((4, 9, 1), (2, 1, 1))),
    (64, 15, 4, "bram", ((8, 1, 1), (1, 9, 1))),
)
_POOLS = (
    (ops.MaxPool, 3, ((1, 1, 1), (4, 1, 1), (16, 4, 1), (64, 4, 1))),
    (ops.MaxPool, 15, ((8, 1, 1),)),
    (ops.SumPool, 3, ((2, 1, 1), (8, 4, 1))),
)


def _square(size: int, stride: int, pad: int, axes: int = 2) -> ops.Swu:
    return ops.Swu((size,) * axes, (stride,) * axes, (1,) * axes, (pad,) * 2 * axes)


def _units(
    x: TensorType, chain: Sequence[tuple[str, Op, tuple[str, ...]]], fold: Fold
) -> dataflow.Dataflow:
    """Return the dataflow of nodes that all have one fold, where they have any."""
    nodes = tuple(Node(name, op, inputs) for name, op, inputs in chain)
    graph = Graph((Input("x", x),), nodes, (nodes[-1].name,))
    folds = {node.name: fold for node in nodes if not isinstance(node.op, ops.Swu)}
    return dataflow.plan(graph, Folding(folds))


def _signed(rng: np.random.Generator, shape: tuple[int, ...], bits: int) -> IntArray:
    limit = (1 << bits - 1) - 1
    return rng.integers(-limit, limit + 1, shape)


def _windowed() -> Iterator[dataflow.Dataflow]:
    rng = np.random.default_rng(0)
    for shape, high, size, stride, pad, outputs, folds in _CONVOLUTIONS:
        axes = len(shape) - 1
        weights = _signed(rng, (outputs, size**axes * shape[-1]), 2)
        for pe, simd, m in folds:
            fold = Fold(pe=pe, simd=simd, m=m, style="lut", memory="const")
            chain = [
                ("w", _square(size, stride, pad, axes), ("x",)),
                ("c", ops.Mvu(weights), ("w",)),
            ]
            yield _units(TensorType(shape, 0, high), chain, fold)
    for channels, high, bits, memory, folds in _DEPTHWISE:
        weights = _signed(rng, (channels, 9), bits)
        for pe, simd, m in folds:
            fold = Fold(pe=pe, simd=simd, m=m, memory=memory)
            chain = [("w", _square(3, 1, 1), ("x",)), ("c", ops.Vvu(weights), ("w",))]
            yield _units(TensorType((14, 14, channels), 0, high), chain, fold)
    for kind, high, folds in _POOLS:
        for pe, simd, m in folds:
            chain = [("w", _square(2, 2, 0), ("x",)), ("p", kind(4), ("w",))]
            yield _units(TensorType((28, 28, 64), 0, high), chain, Fold(pe=pe, simd=simd, m=m))


def _joined() -> Iterator[dataflow.Dataflow]:
    rng = np.random.default_rng(1)
    x = TensorType((8, 8, 16), 0, 15)
    one, three = np.array([1]), np.array([3])
    each = rng.integers(1, 8, 16)
    for pe in (1, 4, 16):
        for factors in ((one, one), (one, three), (each, one)):
            yield _units(x, [("s", ops.Add(*factors), ("x", "x"))], Fold(pe=pe))
        yield _units(x, [("j", ops.Concat(), ("x", "x"))], Fold(pe=pe))
        yield _units(x, [("f", ops.Affine(each, each), ("x",))], Fold(pe=pe))
    for pe in (2, 8):
        yield _units(x, [("p", ops.Pad((1, 1, 1, 1), 0), ("x",))], Fold(pe=pe))
        yield _units(x, [("b", ops.Upsample((2, 2)), ("x",))], Fold(pe=pe))
        yield _units(x, [("c", ops.Slice(0, 8), ("x",))], Fold(pe=pe))


def pixel_units() -> Iterator[u.Unit]:
    """Yield every unit of its kind once, always in the same order."""
    seen: set[Hashable] = set()
    for flows in (_windowed(), _joined()):
        for flow in flows:
            for unit in flow.units:
                if isinstance(unit, _COUNTED) and unit.key not in seen:
                    seen.add(unit.key)
                    yield unit
