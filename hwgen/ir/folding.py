"""Folding choices, keyed by node name: how many lanes each layer gets and how it is built."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from hwgen.errors import FoldingError, check_within, suggest
from hwgen.ir.graph import Graph
from hwgen.ir.ops import (
    Add,
    Affine,
    Concat,
    DepthToSpace,
    GroupedMvu,
    MaxPool,
    Mvu,
    Pad,
    Reshape,
    Slice,
    SumPool,
    Table,
    Threshold,
    Upsample,
    Vvu,
    ZeroInsert,
)

# Layers without weights that work on lanes of their own, whatever comes before them.
STREAMING = (Add, Concat, Slice, MaxPool, SumPool, Pad, Upsample, ZeroInsert, DepthToSpace)

Style = Literal["auto", "lut", "dsp", "const"]
Memory = Literal["auto", "const", "lutram", "bram", "writable"]


@dataclass(frozen=True)
class Fold:
    """The lanes of one layer.

    pe : output channels computed at once (1..MH)
    simd : inputs of one output read at once (1..MW, or taps of a kernel); 1 for other layers
    m : neighbouring output pixels of a row computed at once
    style : how products are summed: ``lut`` for adders, ``dsp`` for multipliers that hold products
        of several rows, ``const`` for a matrix that is used whole in every cycle
    memory : where the weights lie; those in ``writable`` can be exchanged at run time
    """

    pe: int = 1
    simd: int = 1
    m: int = 1
    style: Style = "auto"
    memory: Memory = "auto"


@dataclass(frozen=True)
class Folding:
    """A fold for each layer that has one, by node name."""

    layers: Mapping[str, Fold]

    def __getitem__(self, name: str) -> Fold:
        return self.layers[name]

    def __contains__(self, name: str) -> bool:
        return name in self.layers

    def __iter__(self) -> Iterator[str]:
        return iter(self.layers)

    def get(self, name: str) -> Fold | None:
        """Return the fold of ``name``, or None where it has none of its own."""
        return self.layers.get(name)


@dataclass(frozen=True)
class Foldable:
    """The bounds of one layer's folding.

    kind : what the layer is; thresholds and tables are one kind, pools another, and so is all else
        that has no weights
    height : output channels (MH; of one group), the bound of PE
    width : inputs of one output (MW, or the taps of a kernel), the bound of SIMD; else 1
    pixels : output pixels of a row, the bound of M; 1 for what takes one after another
    """

    kind: Literal["mvu", "vvu", "pool", "threshold", "stream"]
    height: int
    width: int = 1
    pixels: int = 1

    def check(self, name: str, fold: Fold) -> None:
        """Raise ``FoldingError`` where a factor of ``fold`` lies outside its bounds."""
        check_within(name, "PE", fold.pe, "MH" if self.kind == "mvu" else "channels", self.height)
        width = {"mvu": "MW", "vvu": "kernel", "pool": "kernel"}.get(self.kind, "width")
        check_within(name, "SIMD", fold.simd, width, self.width)
        check_within(name, "M", fold.m, "pixels of a row", self.pixels)


def foldable_layers(graph: Graph) -> dict[str, Foldable]:
    """Return the layers of ``graph`` that take a fold, in order, by node name.

    These are the layers with weights, pools, joins and what moves pixels, and thresholds or tables
    that read the graph's input; all others work on the lanes on which their input comes.
    """
    found: dict[str, Foldable] = {}
    entering = {entry.name for entry in graph.inputs}
    for node in graph.nodes:
        x, y = graph.types[node.inputs[0]], graph.types[node.name]
        match node.op:
            case Reshape() if node.inputs[0] in entering:
                entering.add(node.name)
            case Mvu(weights=weights):
                found[node.name] = Foldable("mvu", *weights.shape, pixels=y.row)
            case GroupedMvu(weights=weights):
                found[node.name] = Foldable("mvu", *weights.shape[1:])
            case Vvu(weights=weights):
                found[node.name] = Foldable("vvu", *weights.shape, pixels=y.row)
            case MaxPool(taps=taps) | SumPool(taps=taps):
                found[node.name] = Foldable("pool", y.channels, taps, y.row)
            case op if isinstance(op, STREAMING):
                several = isinstance(op, Add | Concat | Slice)
                pixels = y.row if several else 1
                found[node.name] = Foldable("stream", y.channels, pixels=pixels)
            case Threshold() | Table() | Affine() if node.inputs[0] in entering:
                found[node.name] = Foldable("threshold", x.channels, pixels=x.row)
            case _:
                pass
    return found


def check_folding(folding: Folding, layers: Mapping[str, Foldable], where: str = "folding") -> None:
    """Raise ``FoldingError`` for a layer the network lacks or a factor out of bounds."""
    for name in folding:
        if name not in layers:
            raise FoldingError(f"{where}: layer {name!r} is unknown{suggest(name, layers)}")
        layers[name].check(f"{where}: {name}", folding[name])
