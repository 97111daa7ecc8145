"""The integer graph: types, operations, nodes, folding choices."""

from hwgen.ir import ops
from hwgen.ir.check import check
from hwgen.ir.dtypes import TensorType, range_bits
from hwgen.ir.folding import Fold, Folding
from hwgen.ir.graph import Graph, Input, Node

__all__ = ["Fold", "Folding", "Graph", "Input", "Node", "TensorType", "check", "ops", "range_bits"]
