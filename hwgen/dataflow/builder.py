"""Collects units and streams while a graph is planned, and joins layers of different lanes."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from math import ceil

from hwgen.dataflow.dataflow import Dataflow
from hwgen.dataflow.delays import delays, waiting
from hwgen.dataflow.regroup import regroup
from hwgen.dataflow.streams import Stream
from hwgen.dataflow.units import ConverterUnit, FifoUnit, ForkUnit, ReplayUnit, Unit
from hwgen.errors import UnsupportedError, check_within
from hwgen.ir import Fold, Folding, Graph, Node, TensorType, ops

LEAST_DEPTH = 2  # one word moves in while another moves out
# Ops that take their windows tap by tap or whole, as suits them.
WINDOWED = (ops.Mvu, ops.GroupedMvu, ops.Vvu, ops.MaxPool, ops.SumPool)


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
        self._begins = delays(graph)
        self._windows = _windows(graph)
        self._readers = _readers(graph, self._roots, self._windows)

    def fold(self, node: Node, otherwise: Fold | None = None) -> Fold:
        """Return the node's fold; ``otherwise`` or all ones where the folding names none.

        Raises ``FoldingError`` where a row has not so many pixels.
        """
        fold = self.folding.get(node.name) or otherwise or Fold()
        check_within(node.name, "M", fold.m, "pixels of a row", self.row(node))
        return fold

    def row(self, node: Node) -> int:
        """Return the pixels of a row of what a node gives: the most that M can be."""
        return self.graph.types[node.name].row

    def window(self, node: Node) -> Node | None:
        """Return the window node in front of ``node`` that is planned together with it."""
        before = node.inputs[0]
        return self.graph[before] if before in self._windows else None

    def absorbed(self, node: Node) -> bool:
        """Return whether the node is a window that is planned together with its readers."""
        return node.name in self._windows

    def kind(self, node: Node, number: int = 0) -> TensorType:
        """Return the type of input ``number`` of a node."""
        return self.graph.types[node.inputs[number]]

    def arriving(self, node: Node, number: int = 0) -> int | None:
        """Return the lanes on which input ``number`` arrives, None if it enters the core here."""
        streams = self._ready.get(self._roots[node.inputs[number]])
        return streams[0].lanes if streams else None

    def beside(self, node: Node, number: int = 0) -> int:
        """Return how many pixels of input ``number`` arrive side by side."""
        streams = self._ready.get(self._roots[node.inputs[number]])
        return streams[0].m if streams else 1

    def take(
        self,
        node: Node,
        lanes: int,
        number: int = 0,
        *,
        fifo: bool,
        shape: tuple[int, ...] | None = None,
        layer: str = "",
        m: int = 1,
    ) -> Stream:
        """Return input ``number`` of a node as a stream of ``lanes``, to be read by one unit.

        fifo : the node starts a new layer, so a FIFO stands in front of it
        shape : another view of the tensor, whose last axis is what lanes pad
        layer : the node that the units serve, if not this one
        m : pixels side by side
        """
        tensor, kind = node.inputs[number], self.kind(node, number)
        if shape is not None:
            kind = replace(kind, shape=shape)
        root = self._roots[tensor]
        wanted = Stream("", tensor, kind, lanes, m=m)
        if root not in self._ready:
            assert not self._input, f"{node.name} reads {tensor} before it is computed"
            stream = self._stream(_entering(wanted), root)
            self._input = stream.name
            self._offer(root, stream, "")
        stream = self._ready[root].pop(0)
        if (stream.type.low, stream.type.high) != (kind.low, kind.high):  # see ``give``
            wanted = replace(wanted, type=replace(kind, low=stream.type.low, high=stream.type.high))
        name = layer or node.name
        prefix = name if len(node.inputs) == 1 else f"{name}_{number}"
        source = next((unit for unit in self._units if stream.name in unit.outputs), None)
        if source is not None and (fifo or isinstance(source, ForkUnit)):
            stream = self._fifo(prefix, name, stream, self._waits(node, number))
        return self.convert(prefix, name, stream, wanted)

    def give(
        self,
        node: Node,
        lanes: int,
        shape: tuple[int, ...] | None = None,
        m: int = 1,
        bound: int | None = None,
    ) -> Stream:
        """Return the stream on which the node's unit will give its tensor.

        shape : another view of the tensor, whose last axis is what lanes pad
        m : pixels side by side
        bound : largest magnitude of a code, where it may exceed the tensor's
        """
        kind = self.graph.types[node.name]
        if bound is not None:
            kind = replace(kind, low=min(kind.low, -bound), high=max(kind.high, bound))
        if shape is not None:
            kind = replace(kind, shape=shape)
        return self._stream(Stream("", node.name, kind, lanes, m=m), node.name)

    def between(self, stream: Stream) -> Stream:
        """Add a stream between units of one layer."""
        assert stream.name not in self._streams, f"stream {stream.name} exists"
        self._streams[stream.name] = stream
        return stream

    def insert(self, unit: Unit) -> None:
        """Append a unit whose outputs only its own layer reads."""
        self._units.append(unit)

    def finished(self, node: Node, stream: Stream) -> None:
        """Say that ``stream``, which a unit already gives, carries a node's tensor."""
        self._offer(self._roots[node.name], stream, node.name)

    def free(self, name: str) -> str:
        """Return ``name``, with a number behind it if another stream has it."""
        number, found = 1, name
        while found in self._streams:
            number += 1
            found = f"{name}_{number}"
        return found

    def add(self, unit: Unit) -> None:
        """Append the unit that computes a node; fork its output if several nodes read it."""
        self._units.append(unit)
        (name,) = unit.outputs
        stream = self._streams[name]
        self._offer(stream.tensor, stream, unit.node)

    def replay(self, node: Node, stream: Stream, times: int, *, slow: bool = False) -> Stream:
        """Return a stream on which every vector of ``stream`` comes ``times`` times.

        slow : the words of a vector do not come one per cycle
        """
        name = f"{node.name}.replay"
        out = self._stream(replace(stream, times=times), name)
        place = (name, node.name, (stream.name,), (out.name,))
        words = stream.words
        # Where the next vector may come slowly, it comes while this one is replayed.
        source = next((unit for unit in self._units if stream.name in unit.outputs), None)
        widened = isinstance(source, ConverterUnit) and source.lanes_in < source.lanes_out
        slow = slow or stream.name == self._input or words == 1 or widened
        depth = 2 * words if slow else words
        self._units.append(ReplayUnit(*place, stream.raw, stream.codes, words, times, depth))
        return out

    def finish(self) -> Dataflow:
        """Return what was collected."""
        (output,) = self.graph.outputs
        left = self._ready.pop(self._roots[output], [])
        if not self._units or len(left) != 1:
            raise UnsupportedError(f"{output}: the network computes nothing that needs hardware")
        (last,) = left
        if last.m > 1:  # the world takes rows in their own order, without padding
            wanted = replace(last, name="", lanes=last.type.channels, m=_divisor(last.row, last.m))
            last = self.convert(f"{output}.out", self._units[-1].node, last, wanted)
        unread = sorted(name for name, streams in self._ready.items() if streams)
        assert not unread, f"nobody reads {unread}: the passes remove such nodes"
        return Dataflow(tuple(self._units), dict(self._streams), self._input, last.name)

    def _stream(self, stream: Stream, name: str) -> Stream:
        """Add ``stream`` under a name of its own."""
        assert name not in self._streams, f"stream {name} exists"
        self._streams[name] = replace(stream, name=name)
        return self._streams[name]

    def _offer(self, root: str, stream: Stream, node: str) -> None:
        """Make a tensor available, once for each of its readers."""
        readers = self._readers[root]
        assert readers, f"nobody reads {root}: the passes remove such nodes"
        if readers == 1:
            self._ready[root] = [stream]
            return
        name = f"{stream.name}.fork"
        copies = [self._stream(stream, f"{name}_{number}") for number in range(readers)]
        place = (name, node, (stream.name,), tuple(copy.name for copy in copies))
        self._units.append(ForkUnit(*place, stream.raw, stream.codes, readers))
        self._ready[root] = copies

    def _waits(self, node: Node, number: int) -> float:
        """Return which part of a frame waits at this input for the others."""
        return waiting(self.graph, node, self._begins)[number]

    def _fifo(self, prefix: str, node: str, stream: Stream, part: float) -> Stream:
        name = f"{prefix}.fifo"
        out = self._stream(stream, name)
        place = (name, node, (stream.name,), (out.name,))
        likely = LEAST_DEPTH + ceil(part * stream.transfers)
        self._units.append(FifoUnit(*place, stream.raw, stream.codes, None, likely))
        return out

    def convert(self, prefix: str, node: str, stream: Stream, wanted: Stream) -> Stream:
        """Bring ``stream`` into the layout of ``wanted``, whose name does not matter."""
        kept = {
            "tensor": stream.tensor,
            "times": stream.times,
            "permuted": stream.permuted,
        }
        for part in regroup(stream, wanted):
            name = f"{prefix}.{part.suffix}"
            out = self._stream(replace(part.out, **kept), name)
            place = (name, node, (stream.name,), (out.name,))
            sizes = part.elements, part.lanes_in, part.lanes_out, part.m
            self._units.append(ConverterUnit(*place, stream.raw, *sizes))
            stream = out
        return replace(wanted, name=stream.name, **kept)


def _entering(wanted: Stream) -> Stream:
    """Return the stream on which the world gives what ``wanted`` needs: rows without padding."""
    if wanted.m == 1:
        return wanted
    return replace(wanted, lanes=wanted.type.channels, m=_divisor(wanted.row, wanted.m))


def _divisor(size: int, most: int) -> int:
    """Return the largest number up to ``most`` that divides ``size``."""
    return max(n for n in range(1, most + 1) if size % n == 0)


def _roots(graph: Graph) -> dict[str, str]:
    """Return for each tensor the one whose stream carries it: reshapes move nothing."""
    roots = {entry.name: entry.name for entry in graph.inputs}
    for node in graph.nodes:
        reshape = isinstance(node.op, ops.Reshape)
        roots[node.name] = roots[node.inputs[0]] if reshape else node.name
    return roots


def _windows(graph: Graph) -> frozenset[str]:
    """Return the windows that are planned together with what reads them."""
    return frozenset(
        node.name
        for node in graph.nodes
        if isinstance(node.op, ops.Swu)
        and node.name not in graph.outputs
        and all(isinstance(reader.op, WINDOWED) for reader in graph.consumers(node.name))
    )


def _readers(graph: Graph, roots: dict[str, str], windows: frozenset[str]) -> Counter[str]:
    """Return how many unit inputs read each root, the core's output included."""
    readers = Counter(roots[name] for name in graph.outputs)
    for node in graph.nodes:
        if isinstance(node.op, ops.Reshape) or node.name in windows:
            continue
        # each reader of a window has window hardware of its own, which reads the window's input
        before = (graph[n].inputs[0] if n in windows else n for n in node.inputs)
        readers.update(roots[name] for name in before)
    return readers
