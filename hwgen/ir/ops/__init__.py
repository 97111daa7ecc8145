"""Integer operations: what is computed, with a numpy reference each."""

from hwgen.ir.ops.base import IntArray, Op, exact_matmul
from hwgen.ir.ops.join import Add, Affine, Concat, Slice
from hwgen.ir.ops.mvu import Mvu
from hwgen.ir.ops.pool import MaxPool, SumPool
from hwgen.ir.ops.resample import DepthToSpace, Pad, Upsample, ZeroInsert
from hwgen.ir.ops.shape import ArgMax, Reshape
from hwgen.ir.ops.swu import Swu
from hwgen.ir.ops.threshold import Table, Threshold
from hwgen.ir.ops.vvu import GroupedMvu, Vvu

__all__ = [
    "Add",
    "Affine",
    "ArgMax",
    "Concat",
    "DepthToSpace",
    "GroupedMvu",
    "IntArray",
    "MaxPool",
    "Mvu",
    "Op",
    "Pad",
    "Reshape",
    "Slice",
    "SumPool",
    "Swu",
    "Table",
    "Threshold",
    "Upsample",
    "Vvu",
    "ZeroInsert",
    "exact_matmul",
]
