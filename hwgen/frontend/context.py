"""The state of one lowering: tensors by name, the integer graph so far, findings."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import prod

import numpy as np
import numpy.typing as npt

from hwgen.frontend.builder import Builder
from hwgen.frontend.expr import Array, Expr, Var, rebuild
from hwgen.frontend.model import FileNode, Model
from hwgen.frontend.quantizer import Steps
from hwgen.frontend.tensors import Const, Dynamic, Problem, Tail, Tensor
from hwgen.ir.ops import Swu

Ints = npt.NDArray[np.int64]

HOST = "host"
"""Variable that stands for the host's real numbers."""


class Relayout(Exception):  # noqa: N818 - a signal, not an error
    """The input should enter in another order: lower again with it.

    order : positions in the file's frame, in stream order; shape : of the hardware's input
    """

    def __init__(self, order: Ints, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.order = order
        self.shape = shape


@dataclass(frozen=True)
class Tie:
    """A code whose real value lies exactly where the rounding rule decides.

    layer : node of the file; channel and code : of the integer tensor it reads
    value : the real number before rounding, in output steps
    """

    layer: str
    channel: int
    code: int
    value: float


@dataclass(frozen=True, eq=False)
class Site:
    """A quantizer of the file, and where its codes are in the graph.

    output : the tensor of the file that it computes
    expr, steps : what it rounds, over ``leaves``, and how
    code : its codes, as an expression over tensor ``leaf``
    value : its output, as an expression over tensor ``leaf``
    index : shape in the file; position of each element in the stream order of ``leaf``
    """

    layer: str
    output: str
    expr: Expr
    steps: Steps
    leaf: str
    code: Expr
    value: Expr
    index: Ints


@dataclass(frozen=True, eq=False)
class WeightSite:
    """A quantizer of constants: its exact codes, its output and the size of a code."""

    layer: str
    output: str
    expr: Expr
    steps: Steps
    codes: Ints
    value: Expr
    scale: Expr
    shape: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class MatrixSite:
    """A contraction, for its float32 error: real input is ``(code + shift) * scale``.

    leaf : the accumulators; source : the codes it multiplies
    shift : float64, added to the codes before their size is taken (offset over scale)
    terms : number of products in a sum
    sizes : (outputs, inputs) sums of absolute weights where several share an input, else None
    """

    leaf: str
    source: str
    shift: npt.NDArray[np.float64]
    terms: int
    sizes: npt.NDArray[np.float64] | None = None


@dataclass(frozen=True, eq=False)
class Choice:
    """An ArgMax on chip: ``expr`` is what the file compares, over an integer tensor's channels."""

    layer: str
    output: str
    expr: Expr


@dataclass(frozen=True, eq=False)
class Pool:
    """A MaxPool whose windows are chosen by real values: over name ``name``, of ``inner``.

    label : the file's node; inner : channels-last data; window : without a padding code
    """

    name: str
    label: str
    inner: Dynamic
    window: Swu


@dataclass
class Context:
    """Everything one walk over the file's nodes collects.

    tensors : the file's tensors so far; uses : how often each is still to be read
    pools : MaxPools that wait for a quantizer; pooled : those that were moved behind theirs
    built : what stands for a pool that was built on the codes it had
    turned : for accumulators with negated channels, -1 there and +1 elsewhere
    order : position in the file's frame of each input element in stream order
    host_codes : the input tensor that holds the codes of the first quantizer
    settled : the input's order is not up to change any more
    readers : the nodes that read each of the file's tensors
    """

    model: Model
    builder: Builder = field(default_factory=Builder)
    tensors: dict[str, Tensor] = field(default_factory=dict[str, Tensor])
    uses: dict[str, int] = field(default_factory=dict[str, int])
    sites: list[Site] = field(default_factory=list[Site])
    weights: list[WeightSite] = field(default_factory=list[WeightSite])
    matrices: list[MatrixSite] = field(default_factory=list[MatrixSite])
    pools: dict[str, Pool] = field(default_factory=dict[str, Pool])
    pooled: list[Pool] = field(default_factory=list[Pool])
    built: dict[str, Expr] = field(default_factory=dict[str, Expr])
    choices: list[Choice] = field(default_factory=list[Choice])
    turned: dict[str, Ints] = field(default_factory=dict[str, Ints])
    notes: list[str] = field(default_factory=list[str])
    ties: list[Tie] = field(default_factory=list[Tie])
    order: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    host_codes: str | None = None
    settled: bool = False
    readers: dict[str, list[FileNode]] = field(default_factory=dict[str, "list[FileNode]"])

    def constant(self, node: FileNode, position: int) -> Const | None:
        """Return input ``position`` as a constant, None where absent; ``Problem`` otherwise."""
        if position >= len(node.inputs) or not node.inputs[position]:
            return None
        tensor = self.tensors[node.inputs[position]]
        if not isinstance(tensor, Const):
            raise Problem(
                f"its input {position} ({node.inputs[position]}) depends on the data",
                "make it a constant of the network",
            )
        return tensor

    def clip_behind(self, node: FileNode) -> FileNode | None:
        """Return the ``Clip`` that alone reads ``node``'s output (QCDQ narrows codes so)."""
        (output,) = node.outputs
        readers = self.readers.get(output, [])
        if len(readers) == 1 and readers[0].op == "Clip" and output not in self.model.outputs:
            return readers[0]
        return None

    def merged(self, node: FileNode) -> FileNode:
        """Return ``node`` with the output of the ``Clip`` behind it, where there is one."""
        clip = self.clip_behind(node)
        return node if clip is None else replace(node, outputs=clip.outputs)

    def sole_reader(self, leaf: str) -> bool:
        """Whether only the node being lowered still reads integer tensor ``leaf``.

        ``uses`` counts the readings of each file tensor that are still to come, this one excluded.
        """
        for name, tensor in self.tensors.items():
            if self.uses.get(name, 0) > 0 and leaf in self._sources(tensor):
                return False
        return not any(leaf in node.inputs for node in self.builder.nodes)

    def _sources(self, tensor: Tensor) -> set[str]:
        """Return the integer tensors that a tensor depends on, through pending pools too."""
        if isinstance(tensor, Tail):
            tensor = tensor.base
        found = set(tensor.leaves) if isinstance(tensor, Dynamic) else set[str]()
        for name in tuple(found):
            if name in self.pools:
                found |= self._sources(self.pools[name].inner)
        return found

    def is_pooled(self, tensor: Dynamic) -> bool:
        """Whether a tensor is over a pool that was moved behind its quantizer."""
        return any(pool.name in tensor.leaves for pool in self.pooled)

    def reshaped(self, tensor: Dynamic, shape: tuple[int, ...], source: str) -> Dynamic:
        """Return ``tensor`` over leaves of another shape, in the same stream order."""
        space = (prod(shape[:-1]), shape[-1])
        names = {name: self.builder.reshape(name, shape, source) for name in tensor.leaves}

        def move(values: Array) -> Array:
            if values.ndim == 0 or space == tensor.space:
                return values
            full = np.broadcast_to(values, tensor.space).reshape(space)
            return full[0] if (full == full[:1]).all() else full

        expr = rebuild(tensor.expr, num=move, var=lambda name: Var(names[name]))
        return replace(tensor, expr=expr, space=space)

    def per_channel(self, tensor: Dynamic, source: str, *others: Dynamic) -> Dynamic:
        """Return ``tensor`` so that no constant varies over pixels, flattening it if needed."""
        if max_rank(tensor.expr) < 2:
            return tensor
        return self.reshaped(tensor, (prod(tensor.space),), source)


def max_rank(expr: Expr) -> int:
    """Return the largest number of axes of a constant array in ``expr``."""
    found = 0

    def look(values: Array) -> Array:
        nonlocal found
        found = max(found, values.ndim)
        return values

    rebuild(expr, num=look)
    return found
