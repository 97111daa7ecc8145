"""Collect integer nodes while a file is lowered, with the range of every channel."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from hwgen.ir import Graph, Input, Node, TensorType, ops

Ints = npt.NDArray[np.int64]

MATRICES = (ops.Mvu, ops.Vvu, ops.GroupedMvu)
"""Operations with a row of weights per output channel."""


@dataclass(frozen=True, eq=False)
class Leaf:
    """An integer tensor, or the real numbers that the host feeds.

    low, high : int64 (channels,), range of each channel's codes
    free : it follows from the network's input element by element, so its order may still be chosen
    real : it holds the host's real numbers, ``type`` then only tells the shape
    """

    name: str
    type: TensorType
    low: Ints
    high: Ints
    free: bool = False
    real: bool = False

    @property
    def space(self) -> tuple[int, int]:
        """(pixels, channels)."""
        return self.type.pixels, self.type.channels


class Builder:
    """Integer inputs and nodes in topological order; names are unique."""

    def __init__(self) -> None:
        self.inputs: list[Input] = []
        self.nodes: list[Node] = []
        self.leaves: dict[str, Leaf] = {}

    def graph(self, outputs: tuple[str, ...]) -> Graph:
        """Return the graph of what ``outputs`` need."""
        needed = set(outputs)
        for node in reversed(self.nodes):
            if node.name in needed:
                needed.update(node.inputs)
        nodes = tuple(node for node in self.nodes if node.name in needed)
        return Graph(tuple(self.inputs), nodes, outputs)

    def host(self, name: str, shape: tuple[int, ...]) -> Leaf:
        """Declare the host's real numbers, of one frame's shape."""
        zero = np.zeros(shape[-1], dtype=np.int64)
        return self._keep(Leaf(name, TensorType(shape, 0, 0), zero, zero, free=True, real=True))

    def input(self, name: str, kind: TensorType, *, free: bool = True) -> Leaf:
        """Declare an input of the hardware; ``free`` where its order may still be chosen."""
        name = self.unique(name)
        self.inputs.append(Input(name, kind))
        return self._keep(_whole_range(name, kind, free=free))

    def add(
        self,
        op: ops.Op,
        inputs: Sequence[str],
        name: str,
        source: str,
        ranges: tuple[Ints, Ints] | None = None,
    ) -> Leaf:
        """Append a node; ``ranges`` are its channels' ranges where they are known better."""
        name = self.unique(name)
        kind = op.infer(*(self.leaves[entry].type for entry in inputs))
        self.nodes.append(Node(name, op, tuple(inputs), source))
        pointwise = isinstance(op, (ops.Threshold, ops.Table, ops.Reshape))
        free = pointwise and self.leaves[inputs[0]].free
        leaf = _whole_range(name, kind, free=free)
        if ranges is not None:
            leaf = replace(leaf, low=ranges[0], high=ranges[1])
        return self._keep(leaf)

    def reshape(self, name: str, shape: tuple[int, ...], source: str) -> str:
        """Return the tensor in another shape of the same stream order."""
        leaf = self.leaves[name]
        if leaf.type.shape == shape:
            return name
        before = next((node for node in self.nodes if node.name == name), None)
        if before is not None and isinstance(before.op, ops.Reshape):
            return self.reshape(before.inputs[0], shape, source)
        for node in self.nodes:
            if (
                node.inputs == (name,)
                and isinstance(node.op, ops.Reshape)
                and node.op.shape == shape
            ):
                return node.name
        if leaf.real:
            return self._keep(
                replace(
                    leaf,
                    name=name,
                    type=TensorType(shape, 0, 0),
                    low=np.zeros(shape[-1], dtype=np.int64),
                    high=np.zeros(shape[-1], dtype=np.int64),
                )
            ).name
        low, high = (np.broadcast_to(v, leaf.space).reshape(-1) for v in (leaf.low, leaf.high))
        low, high = low.reshape(-1, shape[-1]).min(axis=0), high.reshape(-1, shape[-1]).max(axis=0)
        return self.add(ops.Reshape(shape), (name,), f"{name}_flat", source, (low, high)).name

    def same(self, op: ops.Op, source: str) -> str | None:
        """Return the tensor that an equal operation without arrays already makes of ``source``."""
        for node in self.nodes:
            alike = type(node.op) is type(op) and node.inputs == (source,)
            if alike and _parameters(node.op) == _parameters(op) is not None:
                return node.name
        return None

    def negate_rows(self, name: str, rows: npt.NDArray[np.bool_]) -> None:
        """Change the sign of some outputs of the ``Mvu`` called ``name``."""
        for at, node in enumerate(self.nodes):
            if node.name == name:
                assert isinstance(node.op, MATRICES)
                signs = np.where(rows, -1, 1).reshape(*node.op.weights.shape[:-1], 1)
                self.nodes[at] = replace(node, op=type(node.op)(node.op.weights * signs))
                leaf = self.leaves[name]
                kind = self.nodes[at].op.infer(self.leaves[node.inputs[0]].type)
                self.leaves[name] = replace(
                    leaf,
                    type=kind,
                    low=np.where(rows, -leaf.high, leaf.low),
                    high=np.where(rows, -leaf.low, leaf.high),
                )

    def op(self, name: str) -> ops.Op | None:
        """Return the operation that computes ``name``, None for an input."""
        return next((node.op for node in self.nodes if node.name == name), None)

    def unique(self, name: str) -> str:
        """Return ``name`` as an identifier that no tensor has yet."""
        base = re.sub(r"[^0-9A-Za-z]+", "_", name).strip("_") or "layer"
        if base[0].isdigit():
            base = f"t{base}"
        found, count = base, 1
        while found in self.leaves:
            count += 1
            found = f"{base}_{count}"
        return found

    def _keep(self, leaf: Leaf) -> Leaf:
        self.leaves[leaf.name] = leaf
        return leaf


def _parameters(op: ops.Op) -> tuple[object, ...] | None:
    """Return an operation's fields, None where one is an array."""
    values = tuple(vars(op).values())
    return None if any(isinstance(value, np.ndarray) for value in values) else values


def _whole_range(name: str, kind: TensorType, *, free: bool) -> Leaf:
    low = np.full(kind.channels, kind.low, dtype=np.int64)
    return Leaf(name, kind, low, np.full(kind.channels, kind.high, dtype=np.int64), free)
