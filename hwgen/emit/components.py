"""Unit to component: one function per unit."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from amaranth.lib import wiring

from hwgen.dataflow import units as u
from hwgen.emit import conv
from hwgen.rtl.argmax import ArgMax
from hwgen.rtl.const_mvu import ConstMvu
from hwgen.rtl.dsp_mvu import DspMvu
from hwgen.rtl.fifo import Fifo
from hwgen.rtl.fork import Fork
from hwgen.rtl.mvu import Mvu
from hwgen.rtl.replay import Replay
from hwgen.rtl.table import Table
from hwgen.rtl.threshold import Threshold
from hwgen.rtl.width_converter import WidthConverter


def mvu(unit: u.MvuUnit) -> wiring.Component:
    """Matrix-vector unit."""
    if unit.style == "const":
        return ConstMvu(
            unit.weights,
            unit.x.wire,
            x_bipolar=unit.x.bipolar,
            acc_shape=unit.acc.wire,
            m=unit.m,
        )
    component = DspMvu if unit.style == "dsp" else Mvu
    return component(
        unit.weights,
        unit.x.wire,
        pe=unit.pe,
        simd=unit.simd,
        x_bipolar=unit.x.bipolar,
        acc_shape=unit.acc.wire,
        memory=unit.memory,
        m=unit.m,
    )


def threshold(unit: u.ThresholdUnit) -> wiring.Component:
    """Comparators."""
    return Threshold(unit.thresholds, unit.x.wire, pe=unit.pe, low=unit.low, bipolar=unit.y.bipolar)


def table(unit: u.TableUnit) -> wiring.Component:
    """Lookup."""
    return Table(
        unit.values,
        unit.first,
        unit.x.wire,
        pe=unit.pe,
        bipolar=unit.y.bipolar,
        x_bipolar=unit.x.bipolar,
    )


def argmax(unit: u.ArgMaxUnit) -> wiring.Component:
    """Running maximum; of bipolar codes the bits are in the same order."""
    return ArgMax(unit.channels, unit.x.wire, pe=unit.pe)


def replay(unit: u.ReplayUnit) -> wiring.Component:
    """Vector memory."""
    return Replay(unit.x.wire, unit.lanes, words=unit.words, times=unit.times, depth=unit.depth)


def converter(unit: u.ConverterUnit) -> wiring.Component:
    """Gearbox."""
    sizes = unit.elements, unit.lanes_in, unit.elements, unit.lanes_out
    return WidthConverter(unit.x.wire, *sizes, m=unit.m)


def fifo(unit: u.FifoUnit) -> wiring.Component:
    """Queue of a chosen depth."""
    assert unit.depth is not None, f"{unit.name} is not sized"
    return Fifo(unit.x.wire, unit.lanes, unit.depth, unit.style)


def fork(unit: u.ForkUnit) -> wiring.Component:
    """Copies."""
    return Fork(unit.x.wire, unit.lanes, unit.copies)


_MAKERS: Mapping[type[u.Unit], Callable[..., wiring.Component]] = {
    u.MvuUnit: mvu,
    u.ThresholdUnit: threshold,
    u.TableUnit: table,
    u.ArgMaxUnit: argmax,
    u.ReplayUnit: replay,
    u.ConverterUnit: converter,
    u.FifoUnit: fifo,
    u.ForkUnit: fork,
    **conv.MAKERS,
}


def component(unit: u.Unit) -> wiring.Component:
    """Return the component that a unit describes."""
    return _MAKERS[type(unit)](unit)
