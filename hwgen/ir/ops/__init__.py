"""Integer operations: what is computed, with a numpy reference each."""

from hwgen.ir.ops.base import IntArray, Op, exact_matmul
from hwgen.ir.ops.mvu import Mvu
from hwgen.ir.ops.shape import ArgMax, Reshape
from hwgen.ir.ops.threshold import Table, Threshold

__all__ = [
    "ArgMax",
    "IntArray",
    "Mvu",
    "Op",
    "Reshape",
    "Table",
    "Threshold",
    "exact_matmul",
]
