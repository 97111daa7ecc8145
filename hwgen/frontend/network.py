"""A lowered network: the integer graph and all that surrounds it."""

from __future__ import annotations

from dataclasses import dataclass

from hwgen.frontend.context import Choice, MatrixSite, Pool, Site, Tie, WeightSite
from hwgen.frontend.hostio import HostInput, HostOutput
from hwgen.frontend.model import Model
from hwgen.frontend.tensors import Dynamic
from hwgen.frontend.walk import LayerReport
from hwgen.ir import Graph, ops, range_bits


@dataclass(frozen=True, eq=False)
class Trace:
    """How the file's tensors lie in the graph, for comparison with ONNX execution.

    source : the file's input, as real numbers over the graph's input or what the host feeds
    """

    model: Model
    source: Dynamic
    sites: tuple[Site, ...]
    weights: tuple[WeightSite, ...]
    matrices: tuple[MatrixSite, ...]
    choices: tuple[Choice, ...]
    pools: tuple[Pool, ...]


@dataclass(frozen=True, eq=False)
class Network:
    """A network of a file as integers.

    graph : what the hardware computes
    name, sha256 : of the file
    ties : codes whose real value lies exactly where a rounding rule decides
    input, output : the host's side
    layers : a report for each layer of the file; notes : what the user should know
    trace : how the file's tensors lie in the graph
    """

    graph: Graph
    name: str
    sha256: str
    ties: tuple[Tie, ...]
    input: HostInput
    output: HostOutput
    layers: tuple[LayerReport, ...]
    notes: tuple[str, ...]
    trace: Trace

    @property
    def macs(self) -> int:
        """Multiply-accumulates per frame."""
        total = 0
        for node in self.graph.nodes:
            if isinstance(node.op, (ops.Mvu, ops.Vvu, ops.GroupedMvu)):
                total += node.op.weights.size * self.graph.types[node.name].pixels
        return total

    @property
    def weight_bits(self) -> int:
        """Bits of all weights, each layer at its own width."""
        total = 0
        for node in self.graph.nodes:
            if isinstance(node.op, (ops.Mvu, ops.Vvu, ops.GroupedMvu)):
                weights = node.op.weights
                width = 1 if node.op.bipolar else range_bits(int(weights.min()), int(weights.max()))
                total += weights.size * width
        return total
