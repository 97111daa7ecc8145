"""Unit to component: one function per unit."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from amaranth.hdl import Shape
from amaranth.lib import wiring

from hwgen import rtl
from hwgen.dataflow import Element
from hwgen.dataflow import units as u


def shape(element: Element) -> Shape:
    """Return the Amaranth shape of one lane."""
    return Shape(element.bits, element.signed)


def mvu(unit: u.MvuUnit) -> wiring.Component:
    """Matrix-vector unit."""
    return rtl.Mvu(
        unit.weights,
        shape(unit.x),
        pe=unit.pe,
        simd=unit.simd,
        x_bipolar=unit.x.bipolar,
        style=unit.style,
        memory=unit.memory,
    )


def threshold(unit: u.ThresholdUnit) -> wiring.Component:
    """Comparators."""
    return rtl.Threshold(unit.thresholds, shape(unit.x), pe=unit.pe)


def table(unit: u.TableUnit) -> wiring.Component:
    """Lookup."""
    return rtl.Table(unit.values, unit.first, shape(unit.x), pe=unit.pe)


def argmax(unit: u.ArgMaxUnit) -> wiring.Component:
    """Running maximum."""
    return rtl.ArgMax(unit.channels, shape(unit.x), pe=unit.pe)


def replay(unit: u.ReplayUnit) -> wiring.Component:
    """Vector memory."""
    return rtl.Replay(
        shape(unit.x), unit.lanes, words=unit.words, times=unit.times, depth=unit.depth
    )


def converter(unit: u.ConverterUnit) -> wiring.Component:
    """Gearbox."""
    return rtl.WidthConverter(
        shape(unit.x), unit.elements, unit.lanes_in, unit.elements, unit.lanes_out
    )


def fifo(unit: u.FifoUnit) -> wiring.Component:
    """Queue of a chosen depth."""
    assert unit.depth is not None, f"{unit.name} is not sized"
    return rtl.Fifo(shape(unit.x), unit.lanes, unit.depth)


def fork(unit: u.ForkUnit) -> wiring.Component:
    """Copies."""
    return rtl.Fork(shape(unit.x), unit.lanes, unit.copies)


_MAKERS: Mapping[type[u.Unit], Callable[..., wiring.Component]] = {
    u.MvuUnit: mvu,
    u.ThresholdUnit: threshold,
    u.TableUnit: table,
    u.ArgMaxUnit: argmax,
    u.ReplayUnit: replay,
    u.ConverterUnit: converter,
    u.FifoUnit: fifo,
    u.ForkUnit: fork,
}


def component(unit: u.Unit) -> wiring.Component:
    """Return the component that a unit describes."""
    return _MAKERS[type(unit)](unit)
