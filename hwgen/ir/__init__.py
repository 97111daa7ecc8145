"""The integer graph: types, operations, nodes, folding choices."""

from hwgen.ir import ops
from hwgen.ir.check import check
from hwgen.ir.dtypes import TensorType, range_bits
from hwgen.ir.folding import Fold, Foldable, Folding, check_folding, foldable_layers
from hwgen.ir.folding_file import folding_text, read_folding, write_folding
from hwgen.ir.graph import Graph, Input, Node

__all__ = [
    "Fold",
    "Foldable",
    "Folding",
    "Graph",
    "Input",
    "Node",
    "TensorType",
    "check",
    "check_folding",
    "foldable_layers",
    "folding_text",
    "ops",
    "range_bits",
    "read_folding",
    "write_folding",
]
