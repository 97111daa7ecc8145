"""Collects units and streams while a graph is planned, and joins layers of different lanes."""

from __future__ import annotations

from collections import Counter
from math import gcd, lcm

from hwgen.dataflow.dataflow import Dataflow
from hwgen.dataflow.streams import Stream
from hwgen.dataflow.units import ConverterUnit, FifoUnit, ForkUnit, ReplayUnit, Unit
from hwgen.errors import FoldingError, UnsupportedError
from hwgen.ir import Fold, Folding, Graph, Node, TensorType, ops


class Builder:
    """The state of one ``plan`` call; op functions call ``take``, ``give`` and ``add``.

    A reshaped tensor lies on the stream of the tensor it came from. The graph's input has no stream
    until its first reader takes it, with the lanes that this one wants.
    """

    def __init__(self, graph: Graph, folding: Folding) -> None:
        if len(graph.inputs) != 1 or len(graph.outputs) != 1:
            raise UnsupportedError(
                f"the network has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs; "
                f"hardware takes one of each, split the model there"
            )
        self.graph = graph
        self.folding = folding
        self._units: list[Unit] = []
        self._streams: dict[str, Stream] = {}
        self._ready: dict[str, list[Stream]] = {}
        self._input = ""
        self._roots = _roots(graph)
        self._readers = _readers(graph, self._roots)

    def fold(self, node: Node) -> Fold:
        """Return the node's fold, all ones where the folding does not name it."""
        fold = self.folding.get(node.name) or Fold()
        if fold.m != 1:
            raise FoldingError(
                f"{node.name}: M={fold.m}, but only 1 pixel at a time can be built; "
                f"raise PE or SIMD instead"
            )
        return fold

    def kind(self, node: Node, number: int = 0) -> TensorType:
        """Return the type of input ``number`` of a node."""
        return self.graph.types[node.inputs[number]]

    def arriving(self, node: Node, number: int = 0) -> int | None:
        """Return the lanes on which input ``number`` arrives, None if it enters the core here."""
        streams = self._ready.get(self._roots[node.inputs[number]])
        return streams[0].lanes if streams else None

    def take(self, node: Node, lanes: int, number: int = 0, *, fifo: bool) -> Stream:
        """Return input ``number`` of a node as a stream of ``lanes``, to be read by one unit.

        fifo : the node starts a new layer, so a FIFO stands in front of it
        """
        tensor, kind = node.inputs[number], self.kind(node, number)
        root = self._roots[tensor]
        if root not in self._ready:
            assert not self._input, f"{node.name} reads {tensor} before it is computed"
            stream = self._stream(root, tensor, kind, lanes)
            self._input = stream.name
            self._offer(root, stream, "")
        stream = self._ready[root].pop(0)
        prefix = node.name if len(node.inputs) == 1 else f"{node.name}_{number}"
        source = next((unit for unit in self._units if stream.name in unit.outputs), None)
        if source is not None and (fifo or isinstance(source, ForkUnit)):
            stream = self._fifo(prefix, node.name, stream)
        return self._convert(prefix, node.name, stream, kind, lanes)

    def give(self, node: Node, lanes: int) -> Stream:
        """Return the stream on which the node's unit will give its tensor."""
        return self._stream(node.name, node.name, self.graph.types[node.name], lanes)

    def add(self, unit: Unit) -> None:
        """Append the unit that computes a node; fork its output if several nodes read it."""
        self._units.append(unit)
        (name,) = unit.outputs
        stream = self._streams[name]
        self._offer(stream.tensor, stream, unit.node)

    def replay(self, node: Node, stream: Stream, times: int) -> Stream:
        """Return a stream on which every vector of ``stream`` comes ``times`` times."""
        name = f"{node.name}.replay"
        out = self._stream(name, stream.tensor, stream.type, stream.lanes, times)
        place = (name, node.name, (stream.name,), (out.name,))
        words = stream.words
        # Where the next vector may come slowly, it comes while this one is replayed.
        source = next((unit for unit in self._units if stream.name in unit.outputs), None)
        widened = isinstance(source, ConverterUnit) and source.lanes_in < source.lanes_out
        slow = stream.name == self._input or words == 1 or widened
        depth = 2 * words if slow else words
        self._units.append(ReplayUnit(*place, stream.raw, stream.lanes, words, times, depth))
        return out

    def finish(self) -> Dataflow:
        """Return what was collected."""
        (output,) = self.graph.outputs
        left = self._ready.pop(self._roots[output], [])
        if not self._units or len(left) != 1:
            raise UnsupportedError(f"{output}: the network computes nothing that needs hardware")
        unread = sorted(name for name, streams in self._ready.items() if streams)
        assert not unread, f"nobody reads {unread}: the passes remove such nodes"
        return Dataflow(tuple(self._units), dict(self._streams), self._input, left[0].name)

    def _stream(
        self, name: str, tensor: str, kind: TensorType, lanes: int, times: int = 1
    ) -> Stream:
        assert name not in self._streams, f"stream {name} exists"
        self._streams[name] = Stream(name, tensor, kind, lanes, times)
        return self._streams[name]

    def _offer(self, root: str, stream: Stream, node: str) -> None:
        """Make a tensor available, once for each of its readers."""
        readers = self._readers[root]
        assert readers, f"nobody reads {root}: the passes remove such nodes"
        if readers == 1:
            self._ready[root] = [stream]
            return
        name = f"{stream.name}.fork"
        copies = [
            self._stream(f"{name}_{number}", stream.tensor, stream.type, stream.lanes)
            for number in range(readers)
        ]
        place = (name, node, (stream.name,), tuple(copy.name for copy in copies))
        self._units.append(ForkUnit(*place, stream.raw, stream.lanes, readers))
        self._ready[root] = copies

    def _fifo(self, prefix: str, node: str, stream: Stream) -> Stream:
        name = f"{prefix}.fifo"
        out = self._stream(name, stream.tensor, stream.type, stream.lanes)
        place = (name, node, (stream.name,), (out.name,))
        self._units.append(FifoUnit(*place, stream.raw, stream.lanes, None))
        return out

    def _convert(
        self, prefix: str, node: str, stream: Stream, kind: TensorType, lanes: int
    ) -> Stream:
        """Bring ``stream`` into the layout of ``lanes`` for elements grouped as in ``kind``.

        Where a reshape moved the padding, elements pass through words without padding first.
        """
        wanted = Stream("", stream.tensor, kind, lanes)
        if stream.same_layout(wanted):
            return stream
        have, want = stream.type.channels, kind.channels
        if have != want and (have % stream.lanes or want % stream.lanes):
            common = gcd(have, want)
            lanes_between = next(
                n for n in range(min(stream.lanes, common), common + 1) if common % n == 0
            )
            stream = self._converter(f"{prefix}.pack", node, stream, stream.type, lanes_between)
            if stream.same_layout(wanted):
                return stream
        return self._converter(f"{prefix}.width", node, stream, kind, lanes)

    def _converter(
        self, name: str, node: str, stream: Stream, kind: TensorType, lanes: int
    ) -> Stream:
        out = self._stream(name, stream.tensor, kind, lanes)
        place = (name, node, (stream.name,), (out.name,))
        elements, common = kind.channels, lcm(stream.lanes, lanes)
        if elements % common == 0:
            elements = common
        self._units.append(ConverterUnit(*place, stream.raw, elements, stream.lanes, lanes))
        return out


def _roots(graph: Graph) -> dict[str, str]:
    """Return for each tensor the one whose stream carries it: reshapes move nothing."""
    roots = {entry.name: entry.name for entry in graph.inputs}
    for node in graph.nodes:
        reshape = isinstance(node.op, ops.Reshape)
        roots[node.name] = roots[node.inputs[0]] if reshape else node.name
    return roots


def _readers(graph: Graph, roots: dict[str, str]) -> Counter[str]:
    """Return how many unit inputs read each root, the core's output included."""
    readers = Counter(roots[name] for name in graph.outputs)
    for node in graph.nodes:
        if not isinstance(node.op, ops.Reshape):
            readers.update(roots[name] for name in node.inputs)
    return readers
