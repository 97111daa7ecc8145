"""Hardware units as pure data: what each computes, on how many lanes, and when.

One class per component; ``hwgen.emit`` builds the component, ``schedule`` says when it moves.
"""

from hwgen.dataflow.units.base import Unit
from hwgen.dataflow.units.dense import ArgMaxUnit, MvuUnit, TableUnit, ThresholdUnit
from hwgen.dataflow.units.joins import AddUnit, AffineUnit, ConcatUnit, SliceUnit
from hwgen.dataflow.units.pixels import (
    DepthToSpaceUnit,
    InsertUnit,
    LinesUnit,
    SwuUnit,
    UpsampleUnit,
    WalkUnit,
    WindowsUnit,
)
from hwgen.dataflow.units.streams import ConverterUnit, FifoUnit, ForkUnit, ReplayUnit
from hwgen.dataflow.units.taps import PoolUnit, VvuUnit

__all__ = [
    "AddUnit",
    "AffineUnit",
    "ArgMaxUnit",
    "ConcatUnit",
    "ConverterUnit",
    "DepthToSpaceUnit",
    "FifoUnit",
    "ForkUnit",
    "InsertUnit",
    "LinesUnit",
    "MvuUnit",
    "PoolUnit",
    "ReplayUnit",
    "SliceUnit",
    "SwuUnit",
    "TableUnit",
    "ThresholdUnit",
    "Unit",
    "UpsampleUnit",
    "VvuUnit",
    "WalkUnit",
    "WindowsUnit",
]
