"""Resources of units and of whole dataflows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from operator import mul

from hwgen.boards import Board, Family, Resources
from hwgen.dataflow import Dataflow
from hwgen.dataflow import units as u
from hwgen.estimate.calibration import calibration
from hwgen.estimate.parts import Terms
from hwgen.estimate.terms import terms


@dataclass(frozen=True)
class Estimate:
    """What a dataflow takes, before synthesis.

    total : all units
    layers : units by the graph node they serve, queues and converters in front of it included
    units : each unit
    lut_error : relative error to expect of ``total.lut``, as measured on synthesised components
    """

    total: Resources
    layers: Mapping[str, Resources]
    units: Mapping[str, Resources]
    lut_error: float


def priced(made_of: Terms, family: Family) -> Resources:
    """Return what something made of these terms takes."""
    prices = calibration(family).kinds.get(made_of.kind)
    if prices is None:  # counts of its very structure
        return Resources(sum(made_of.lut), sum(made_of.ff), made_of.bram36, made_of.dsp)
    assert len(prices.lut) == len(made_of.lut), "a price for every count"
    assert len(prices.ff) == len(made_of.ff), "a price for every count"
    lut = sum(map(mul, prices.lut, made_of.lut))  # asked for thousands of folds
    ff = sum(map(mul, prices.ff, made_of.ff))
    return Resources(lut, ff, made_of.bram36, made_of.dsp)


def unit_cost(unit: u.Unit, family: Family) -> Resources:
    """Return what one unit takes."""
    return priced(terms(unit, family), family)


def estimate(dataflow: Dataflow, board: Board) -> Estimate:
    """Return what ``dataflow`` takes on ``board``; FIFOs that are not sized count as shallow."""
    units: dict[str, Resources] = {}
    layers: dict[str, Resources] = {}
    for unit in dataflow.units:
        cost = unit_cost(unit, board.family)
        units[unit.name] = cost
        layers[unit.node] = layers.get(unit.node, Resources()) + cost
    total = sum(units.values(), Resources())
    return Estimate(total, layers, units, calibration(board.family).error)
