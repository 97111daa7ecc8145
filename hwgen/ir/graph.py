"""The integer graph: immutable nodes in topological order, and its numpy reference."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from hwgen.errors import InputError
from hwgen.ir.dtypes import TensorType
from hwgen.ir.ops.base import IntArray, Op

# elements of the largest tensor computed at once: a few megabytes
PORTION = 2**20


@dataclass(frozen=True)
class Input:
    """A tensor that enters the hardware, as codes."""

    name: str
    type: TensorType


@dataclass(frozen=True, eq=False)
class Node:
    """One operation; its only output tensor carries the node's name.

    inputs : names of the tensors it reads, in the op's order
    source : the layer of the model file it came from, for messages and reports
    """

    name: str
    op: Op
    inputs: tuple[str, ...]
    source: str = ""


@dataclass(frozen=True, eq=False)
class Graph:
    """Integer operations from ``inputs`` to ``outputs``, nodes in topological order."""

    inputs: tuple[Input, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]
    _by_name: dict[str, Node] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {node.name: node for node in self.nodes})

    def __getitem__(self, name: str) -> Node:
        return self._by_name[name]

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    @cached_property
    def types(self) -> dict[str, TensorType]:
        """The type of every tensor, by name."""
        types = {entry.name: entry.type for entry in self.inputs}
        for node in self.nodes:
            types[node.name] = node.op.infer(*(types[name] for name in node.inputs))
        return types

    @cached_property
    def _consumers(self) -> dict[str, tuple[Node, ...]]:
        found: dict[str, list[Node]] = {}
        for node in self.nodes:
            for name in dict.fromkeys(node.inputs):
                found.setdefault(name, []).append(node)
        return {name: tuple(nodes) for name, nodes in found.items()}

    def consumers(self, name: str) -> tuple[Node, ...]:
        """Return the nodes that read tensor ``name``, each once."""
        return self._consumers.get(name, ())

    def pairs(self, first: type[Op], second: type[Op]) -> Iterator[tuple[Node, Node]]:
        """Yield ``(a, b)`` of these ops where ``b`` is the only reader of ``a``."""
        for node in self.nodes:
            readers = self.consumers(node.name)
            if isinstance(node.op, first) and len(readers) == 1 and node.name not in self.outputs:
                (reader,) = readers
                if isinstance(reader.op, second):
                    yield node, reader

    def with_nodes(self, nodes: Iterable[Node]) -> Graph:
        """Return the graph with other nodes, same inputs and outputs."""
        return replace(self, nodes=tuple(nodes))

    def replace_op(self, name: str, op: Op) -> Graph:
        """Return the graph with the op of node ``name`` exchanged."""
        return self.with_nodes(replace(n, op=op) if n.name == name else n for n in self.nodes)

    def fuse(self, first: Node, second: Node, op: Op) -> Graph:
        """Return the graph with ``first`` gone and ``second`` computing ``op`` on its inputs."""
        merged = replace(second, op=op, inputs=first.inputs)
        return self.with_nodes(
            merged if n.name == second.name else n for n in self.nodes if n.name != first.name
        )

    def run_all(self, x: IntArray | Mapping[str, IntArray]) -> dict[str, IntArray]:
        """Compute every tensor, by name; ``x`` as for ``run``."""
        values = self._given(x)
        for node in self.nodes:
            values[node.name] = node.op.reference(*(values[name] for name in node.inputs))
        return values

    def run(self, x: IntArray | Mapping[str, IntArray]) -> IntArray:
        """Compute the first output for input codes ``x`` of shape ``(frames, *shape)``.

        Works through the frames in portions whose largest tensor fits a processor's cache,
        several at once where there are processors.
        """
        values = self._given(x)
        frames = len(next(iter(values.values())))
        largest = max(kind.size for kind in self.types.values())
        portion = max(1, PORTION // largest)
        starts = range(0, max(frames, 1), portion)
        cuts = ({k: given[at : at + portion] for k, given in values.items()} for at in starts)
        with ThreadPoolExecutor(min(len(starts), os.cpu_count() or 1, 8)) as pool:
            return np.concatenate(list(pool.map(self._last_of, cuts)))

    def _given(self, x: IntArray | Mapping[str, IntArray]) -> dict[str, IntArray]:
        given = x if isinstance(x, Mapping) else {self.inputs[0].name: x}
        return {entry.name: _checked(entry, np.asarray(given[entry.name])) for entry in self.inputs}

    def _last_of(self, values: dict[str, IntArray]) -> IntArray:
        for node in self.nodes:
            values[node.name] = node.op.reference(*(values[name] for name in node.inputs))
            for name in node.inputs:
                if self._last_reader[name] is node and name not in self.outputs:
                    values.pop(name, None)
        return values[self.outputs[0]]

    @cached_property
    def _last_reader(self) -> dict[str, Node]:
        return {name: node for node in self.nodes for name in node.inputs}


def _checked(entry: Input, codes: np.ndarray) -> IntArray:
    kind = entry.type
    if codes.shape[1:] != kind.shape:
        raise InputError(
            f"input {entry.name} has shape {codes.shape}, expected (frames, "
            f"{', '.join(map(str, kind.shape))})"
        )
    if codes.dtype.kind not in "iu":
        raise InputError(f"input {entry.name} has type {codes.dtype}, expected integer codes")
    codes = codes.astype(np.int64)
    if codes.size and (codes.min() < kind.low or codes.max() > kind.high):
        raise InputError(
            f"input {entry.name} has codes {codes.min()}..{codes.max()}, "
            f"allowed are {kind.low}..{kind.high}"
        )
    if kind.bipolar and (codes == 0).any():
        raise InputError(f"input {entry.name} holds 0, allowed are -1 and +1")
    return codes
