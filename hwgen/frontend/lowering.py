"""From a file to a network of integers, or to a list of everything that stands in the way."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from math import prod
from pathlib import Path

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from hwgen.errors import InputError, UnsupportedError
from hwgen.frontend.context import HOST, Context, Relayout
from hwgen.frontend.expr import Expr, Num, Var, apply, number
from hwgen.frontend.handlers import join, pending
from hwgen.frontend.hostio import HostInput, HostOutput
from hwgen.frontend.model import Model, read_model
from hwgen.frontend.network import Network, Trace
from hwgen.frontend.options import InputOptions, finn_range
from hwgen.frontend.tensors import Const, Dynamic, Problem, Tail, Tensor, Unknown, spread
from hwgen.frontend.walk import LayerReport, start, walk
from hwgen.ir import TensorType, check

Ints = npt.NDArray[np.int64]

ELEMENTS: dict[int, str] = {
    TensorProto.UINT8: "UINT8",
    TensorProto.INT8: "INT8",
    TensorProto.UINT4: "UINT4",
    TensorProto.INT4: "INT4",
}


@dataclass(frozen=True)
class Diagnosis:
    """Every layer of a file and whether it can become hardware."""

    name: str
    layers: tuple[LayerReport, ...]
    notes: tuple[str, ...]

    @property
    def problems(self) -> tuple[LayerReport, ...]:
        """The layers that cannot."""
        return tuple(layer for layer in self.layers if not layer.supported)


def lower(path: str | Path, *, input: InputOptions | None = None) -> Network:
    """Return the network of integers in ``path``.

    input : what the user says about the numbers fed; it overrides what the file says
    Raises ``ModelError`` for a file that cannot be read, ``UnsupportedError`` with every problem of
    the network at once.
    """
    model = read_model(path)
    ctx, layers = _lowered(model, input)
    problems = [layer for layer in layers if not layer.supported]
    if not problems:
        problems = _output_problems(ctx)
    if problems:
        count = f"{len(problems)} layers" if len(problems) > 1 else "a layer"
        text = "\n".join(f"- {problem}" for problem in problems)
        raise UnsupportedError(f"{path}: {count} cannot become hardware:\n{text}")
    network = _network(ctx, layers)
    check(network.graph)
    return network


def diagnose(path: str | Path, *, input: InputOptions | None = None) -> Diagnosis:
    """Return a report on every layer of ``path``; raises ``ModelError`` only for a broken file."""
    model = read_model(path)
    ctx, layers = _lowered(model, input)
    if all(layer.supported for layer in layers):
        layers = (*layers, *_output_problems(ctx))
    return Diagnosis(model.name, layers, tuple(ctx.notes))


def _lowered(model: Model, options: InputOptions | None) -> tuple[Context, tuple[LayerReport, ...]]:
    options = options or InputOptions.from_metadata(model.metadata)
    order, shape = _channels_last(model.shape[1:])
    settled = False
    wishes = 0
    while True:
        ctx = Context(model, order=order, settled=settled)
        start(ctx)
        ctx.tensors[model.input] = _input_tensor(ctx, shape, options)
        try:
            return ctx, walk(ctx)
        except Relayout as wish:
            order, shape = wish.order, wish.shape
            wishes += 1
            settled = wishes > 2


def _channels_last(shape: tuple[int, ...]) -> tuple[Ints, tuple[int, ...]]:
    """Return the file's positions in stream order, and the stream's shape."""
    positions = np.arange(prod(shape), dtype=np.int64).reshape(shape)
    if len(shape) in (2, 3):
        positions = np.moveaxis(positions, 0, -1)
        return positions.reshape(-1), positions.shape
    return positions.reshape(-1), (prod(shape),)


def _input_tensor(ctx: Context, shape: tuple[int, ...], options: InputOptions | None) -> Dynamic:
    model = ctx.model
    index = np.empty(len(ctx.order), dtype=np.int64)
    index[ctx.order] = np.arange(len(ctx.order))
    index = index.reshape(model.shape)
    kind = _integer_type(model, shape, options)
    if kind is None:
        leaf = ctx.builder.host(HOST, shape)
        return Dynamic(Var(HOST), index, leaf.space)
    leaf = ctx.builder.input(model.input, kind)
    tensor = Dynamic(Var(leaf.name), index, leaf.space)
    return tensor if options is None else _scaled(tensor, options)


def _integer_type(
    model: Model, shape: tuple[int, ...], options: InputOptions | None
) -> TensorType | None:
    if options is not None:
        return TensorType(shape, *options.range())
    name = model.annotations.get(model.input) or ELEMENTS.get(model.elem, "")
    found = finn_range(name)
    return None if found is None else TensorType(shape, found[0], found[1], found[2])


def _scaled(tensor: Dynamic, options: InputOptions) -> Dynamic:
    """Return (code * scale - mean) / std."""
    expr = apply("mul", tensor.expr, number(options.scale))
    for fn, values in (("sub", options.mean), ("div", options.std)):
        if values:
            expr = apply(fn, expr, _per_channel(tensor, values))
    return tensor.with_expr(expr)


def _per_channel(tensor: Dynamic, values: tuple[Fraction, ...]) -> Expr:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    if len(values) == 1:
        return number(values[0])
    rank = len(tensor.shape)
    for axis in (1, rank - 1):
        if tensor.shape[axis] == len(values):
            shape = tuple(-1 if k == axis else 1 for k in range(rank))
            array = array.reshape(shape)
            return spread(Const(Num(array), array.shape), tensor)
    raise InputError(
        f"the input mean or std has {len(values)} numbers, the network's input has "
        f"shape {tensor.shape}; give one number, or one per channel"
    )


def _output_problems(ctx: Context) -> list[LayerReport]:
    """Return what is wrong with the network's ends."""
    model = ctx.model
    if len(model.outputs) != 1:
        names = ", ".join(model.outputs)
        return [
            LayerReport(
                names,
                "output",
                "",
                False,
                f"the network has {len(model.outputs)} outputs",
                "hwgen builds networks with one output; export the one you need",
            )
        ]
    (name,) = model.outputs
    base = _base(ctx.tensors[name])
    if base is not None and HOST not in base.leaves:
        try:
            base = _single(ctx, name, base)
        except Problem as problem:
            return [LayerReport(name, "output", "", False, problem.reason, problem.remedy)]
    if base is None or not base.leaves:
        reason, remedy = "it does not depend on the network's input", "export the network again"
    elif base.leaves == (HOST,):
        reason = "nothing between input and output is quantized"
        remedy = "quantize the network (Brevitas, QKeras, ONNX QDQ) and export it again"
    elif not ctx.builder.nodes:
        reason = "no layer stands between the codes of the input and the output"
        remedy = "there is nothing to build; export the whole network"
    else:
        return []
    return [LayerReport(name, "output", "", False, reason, remedy)]


def _single(ctx: Context, name: str, base: Dynamic) -> Dynamic:
    """Build what is still pending at the network's end; sums become one stream."""
    node = next(node for node in ctx.model.nodes if name in node.outputs)
    base = join.merged(ctx, node, pending.settled(ctx, node, base))
    tensor = ctx.tensors[name]
    ctx.tensors[name] = replace(tensor, base=base) if isinstance(tensor, Tail) else base
    return base


def _base(tensor: Tensor) -> Dynamic | None:
    if isinstance(tensor, Tail):
        return tensor.base
    return None if isinstance(tensor, (Const, Unknown)) else tensor


def _network(ctx: Context, layers: tuple[LayerReport, ...]) -> Network:
    model = ctx.model
    tensor = ctx.tensors[model.outputs[0]]
    base = _base(tensor)
    assert base is not None
    (name,) = base.leaves
    graph = ctx.builder.graph((name,))
    source = ctx.tensors[model.input]
    assert isinstance(source, Dynamic)
    tail = tensor if isinstance(tensor, Tail) else Tail(base, (), {})
    output = HostOutput(
        name, graph.types[name], base.expr, base.index, tail.nodes, tail.constants, model.opset
    )
    return Network(
        graph,
        model.name,
        model.sha256,
        tuple(ctx.ties),
        _host_input(ctx),
        output,
        layers,
        tuple(ctx.notes),
        Trace(
            model,
            source,
            tuple(ctx.sites),
            tuple(ctx.weights),
            tuple(ctx.matrices),
            tuple(ctx.choices),
            tuple(ctx.pooled),
        ),
    )


def _host_input(ctx: Context) -> HostInput:
    (entry,) = ctx.builder.inputs
    site = next((site for site in ctx.sites if site.leaf == ctx.host_codes), None)
    expr, steps = (
        (None, None) if ctx.host_codes is None or site is None else (site.expr, site.steps)
    )
    return HostInput(entry.name, entry.type, ctx.model.shape[1:], ctx.order, expr, steps)
