"""Unit to component, for convolutions, pools and joins: one function per unit."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from amaranth.lib import wiring

from hwgen.dataflow import units as u
from hwgen.rtl.add import Add
from hwgen.rtl.affine import Affine
from hwgen.rtl.concat import Concat
from hwgen.rtl.insert import Insert
from hwgen.rtl.line_buffer import LineBuffer
from hwgen.rtl.lines import Lines
from hwgen.rtl.pool import MaxPool, SumPool
from hwgen.rtl.slice import Slice
from hwgen.rtl.vvu import Vvu
from hwgen.rtl.windows import Windows


def swu(unit: u.SwuUnit) -> wiring.Component:
    """Sliding windows, tap by tap."""
    return LineBuffer(
        unit.walk,
        unit.x.wire,
        unit.y.wire,
        lanes=unit.lanes,
        depth=unit.depth,
        pad_code=unit.pad_code,
        bipolar=unit.x.bipolar,
        out_bipolar=unit.y.bipolar,
        memory=unit.style,
    )


def walk(unit: u.WalkUnit) -> wiring.Component:
    """Line buffer without padding: enlargement, pixel shuffle."""
    return LineBuffer(
        unit.walk,
        unit.x.wire,
        lanes=unit.lanes,
        depth=unit.depth,
        bipolar=unit.x.bipolar,
        memory=unit.style,
    )


def lines(unit: u.LinesUnit) -> wiring.Component:
    """Line memories."""
    return Lines(
        unit.window,
        unit.x.wire,
        unit.y.wire,
        words=unit.words,
        lanes=unit.lanes,
        across=unit.across,
        banks=unit.banks,
        pad_code=unit.pad_code,
        bipolar=unit.x.bipolar,
        out_bipolar=unit.y.bipolar,
        memory=unit.style,
    )


def windows(unit: u.WindowsUnit) -> wiring.Component:
    """Whole windows; the columns come in their output's codes."""
    return Windows(
        unit.window,
        unit.y.wire,
        words=unit.words,
        lanes=unit.lanes,
        across=unit.across,
        m=unit.m,
        pad_code=unit.pad_code,
        bipolar=unit.y.bipolar,
    )


def insert(unit: u.InsertUnit) -> wiring.Component:
    """Pixels of a constant."""
    return Insert(
        unit.rows,
        unit.cols,
        unit.x.wire,
        unit.y.wire,
        words=unit.words,
        lanes=unit.lanes,
        code=unit.code,
        bipolar=unit.x.bipolar,
        out_bipolar=unit.y.bipolar,
    )


def pool(unit: u.PoolUnit) -> wiring.Component:
    """Maximum or sum of taps."""
    sizes = {"words": unit.words, "lanes": unit.lanes, "simd": unit.simd, "m": unit.m}
    if unit.kind == "max":
        return MaxPool(unit.taps, unit.x.wire, bipolar=unit.x.bipolar, **sizes)
    return SumPool(unit.taps, unit.x.wire, unit.y.wire, bipolar=unit.x.bipolar, **sizes)


def vvu(unit: u.VvuUnit) -> wiring.Component:
    """Depthwise products."""
    return Vvu(
        unit.weights,
        unit.x.wire,
        unit.acc.wire,
        pe=unit.pe,
        simd=unit.simd,
        x_bipolar=unit.x.bipolar,
        memory=unit.memory,
        m=unit.m,
    )


def add(unit: u.AddUnit) -> wiring.Component:
    """Join of two branches."""
    return Add(
        unit.m_a,
        unit.m_b,
        (unit.a.wire, unit.b.wire),
        unit.y.wire,
        words=unit.words,
        lanes=unit.lanes,
        bipolar=(unit.a.bipolar, unit.b.bipolar),
    )


def affine(unit: u.AffineUnit) -> wiring.Component:
    """Factor and addend."""
    return Affine(
        unit.scale,
        unit.bias,
        unit.x.wire,
        unit.y.wire,
        words=unit.words,
        lanes=unit.lanes,
        bipolar=unit.x.bipolar,
    )


def concat(unit: u.ConcatUnit) -> wiring.Component:
    """Concatenation."""
    return Concat(
        unit.words,
        [x.wire for x in unit.xs],
        unit.y.wire,
        lanes=unit.lanes,
        bipolar=[x.bipolar for x in unit.xs],
        out_bipolar=unit.y.bipolar,
    )


def cut(unit: u.SliceUnit) -> wiring.Component:
    """Range of channels."""
    return Slice(unit.words, unit.start, unit.stop, unit.x.wire, lanes=unit.lanes)


MAKERS: Mapping[type[u.Unit], Callable[..., wiring.Component]] = {
    u.SwuUnit: swu,
    u.UpsampleUnit: walk,
    u.DepthToSpaceUnit: walk,
    u.LinesUnit: lines,
    u.WindowsUnit: windows,
    u.InsertUnit: insert,
    u.PoolUnit: pool,
    u.VvuUnit: vvu,
    u.AddUnit: add,
    u.AffineUnit: affine,
    u.ConcatUnit: concat,
    u.SliceUnit: cut,
}
