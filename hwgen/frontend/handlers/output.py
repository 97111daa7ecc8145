"""The network's end: ArgMax on chip where it compares integers, else on the host."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np

from hwgen.frontend import interval
from hwgen.frontend.affine import Affine, affine, common_step
from hwgen.frontend.builder import MATRICES
from hwgen.frontend.context import HOST, Choice, Context
from hwgen.frontend.evaluate import direction, signs
from hwgen.frontend.expr import App, Array, Expr, Num, Var, apply, rebuild, variables
from hwgen.frontend.handlers import join, pending
from hwgen.frontend.handlers.quant_nodes import (
    lower_bipolar,
    lower_multithreshold,
    lower_quant,
    lower_quantize_linear,
    lower_trunc,
)
from hwgen.frontend.model import FileNode
from hwgen.frontend.naming import layer_name
from hwgen.frontend.tensors import Dynamic, Problem, Tail, Tensor, Unknown
from hwgen.ir import TensorType, ops

STRICT = frozenset({"sigmoid", "tanh", "softplus", "erf", "exp", "log", "sqrt"})
"""Functions of one argument that keep every difference."""

QUANTIZERS: tuple[tuple[str, Callable[[Context, FileNode], list[Tensor]]], ...] = (
    ("Quant", lower_quant),
    ("IntQuant", lower_quant),
    ("BipolarQuant", lower_bipolar),
    ("Trunc", lower_trunc),
    ("MultiThreshold", lower_multithreshold),
    ("QuantizeLinear", lower_quantize_linear),
)


def lower_softmax(ctx: Context, node: FileNode) -> list[Tensor]:
    """Lower ``Softmax``: left to the host, at the network's end."""
    return on_host(ctx, node)


def on_host(ctx: Context, node: FileNode) -> list[Tensor]:
    """Leave a node to the host; only the network's end may be."""
    tensor = ctx.tensors[node.inputs[0]]
    if node.op in dict(QUANTIZERS) or node.op in ("MatMul", "Gemm", "Conv"):
        raise Problem(
            "it follows a layer that only the host computes",
            "such a layer (Softmax) may stand at the end of the network alone",
        )
    constants: dict[str, Array] = {}
    for position in range(1, len(node.inputs)):
        const = ctx.constant(node, position)
        if const is not None:
            if const.raw is None:
                raise Problem(
                    "a parameter of this layer of the host is not a plain number",
                    "fold it into one constant",
                )
            constants[node.inputs[position]] = const.raw
    if isinstance(tensor, Tail):
        if node.op in ("TopK", "ArgMax") and _keeps_order(tensor, node):
            return _argmax(ctx, node, tensor.base)
        tail = Tail(tensor.base, (*tensor.nodes, node), {**tensor.constants, **constants})
    else:
        assert isinstance(tensor, Dynamic)
        tail = Tail(tensor, (node,), constants)
    return [tail] * len(node.outputs)


def _keeps_order(tail: Tail, node: FileNode) -> bool:
    """Whether only a softmax over the same axis comes before an ArgMax."""
    if [entry.op for entry in tail.nodes] not in (["Softmax"], ["LogSoftmax"]):
        return False
    rank = len(tail.base.shape)
    default = -1 if tail.nodes[0].opset >= 13 else 1
    axis = int(tail.nodes[0].attribute("axis", default)) % rank
    flat = prod(tail.base.shape[axis:]) == tail.base.shape[axis]
    return flat and axis == _axis(node, rank)


def _axis(node: FileNode, rank: int) -> int:
    return int(node.attribute("axis", 0 if node.op == "ArgMax" else -1)) % rank


def lower_argmax(ctx: Context, node: FileNode) -> list[Tensor]:
    """Lower ``TopK`` with k = 1, or ``ArgMax``: the index of the largest channel."""
    tensor = ctx.tensors[node.inputs[0]]
    assert isinstance(tensor, Dynamic)
    return _argmax(ctx, node, tensor)


def _argmax(ctx: Context, node: FileNode, tensor: Dynamic) -> list[Tensor]:
    axis = _axis(node, len(tensor.shape))
    found = _comparable(ctx, node, tensor, axis) if _is_plain(ctx, node) else None
    if found is None:
        ctx.notes.append(
            f"{layer_name(node)}: {node.op} is left to the host, its inputs do not "
            f"compare as integers"
        )
        ctx.tensors[node.inputs[0]] = tensor
        return on_host(ctx, node)
    name, expr = found
    ctx.choices.append(Choice(layer_name(node), node.outputs[-1], expr))
    leaf = ctx.builder.add(ops.ArgMax(), (name,), layer_name(node), node.name)
    shape = [1 if k == axis else size for k, size in enumerate(tensor.shape)]
    if node.op == "ArgMax" and not node.attribute("keepdims", 1):
        del shape[axis]
    index = np.arange(prod(leaf.type.shape), dtype=np.int64).reshape(shape)
    value = Dynamic(Var(leaf.name), index, leaf.space)
    return [value] if node.op == "ArgMax" else [Unknown(None), value]


def _is_plain(ctx: Context, node: FileNode) -> bool:
    """Whether the node finds one largest value, the first of equal ones, and only its index."""
    if node.op == "ArgMax":
        return not node.attribute("select_last_index", 0)
    count = ctx.constant(node, 1)
    k = node.attribute("k", 1) if count is None or count.raw is None else count.raw.reshape(-1)[0]
    unused = node.outputs[0] not in ctx.readers and node.outputs[0] not in ctx.model.outputs
    return int(k) == 1 and bool(node.attribute("largest", 1)) and unused


def _comparable(
    ctx: Context, node: FileNode, tensor: Dynamic, axis: int
) -> tuple[str, Expr] | None:
    """Return the integer tensor whose largest code is the largest value, and what is compared.

    None where no integer tensor compares as the real values do.
    """
    if HOST in tensor.leaves:
        return None
    tensor = join.merged(ctx, node, pending.settled(ctx, node, tensor))
    rows = np.moveaxis(tensor.index, axis, -1).reshape(-1, tensor.shape[axis])
    if not np.array_equal(rows.reshape(-1), np.arange(prod(tensor.space))):
        return None
    if rows.shape[1] != tensor.space[1]:
        if len(rows) > 1:
            return None
        tensor = ctx.reshaped(tensor, (rows.shape[1],), node.name)
    (name,) = tensor.leaves
    if strictly_rising(tensor.expr):
        return name, tensor.expr
    if _falls(tensor.expr) and isinstance(ctx.builder.op(name), MATRICES) and ctx.sole_reader(name):
        ctx.builder.negate_rows(name, np.ones(tensor.space[1], dtype=np.bool_))
        ctx.turned[name] = np.full(tensor.space[1], -1)
        return name, rebuild(tensor.expr, var=lambda _: apply("neg", Var(name)))
    view = affine(tensor.expr)
    aligned = None if view is None else _aligned(ctx, node, tensor, view)
    return None if aligned is None else (aligned, tensor.expr)


def _falls(expr: Expr) -> bool:
    return strictly_rising(apply("neg", expr))


def strictly_rising(expr: Expr) -> bool:
    """Whether ``expr`` is one strictly rising function of its variable for all channels."""
    return _strict(expr) == 1 and bool((direction(expr) == 1).all())


def _strict(expr: Expr) -> int:
    """Return 1 or -1 for a strictly rising or falling function of all channels, else 0."""
    if isinstance(expr, Var):
        return 1
    if isinstance(expr, Num):
        return 0
    assert isinstance(expr, App)
    if expr.fn == "neg":
        return -_strict(expr.args[0])
    if len(expr.args) == 1:
        return _strict(expr.args[0]) if expr.fn in STRICT else 0
    left, right = expr.args
    if variables(left) and variables(right):
        return 0
    inner, const = (left, right) if variables(left) else (right, left)
    if not _is_scalar(const) or (expr.fn == "div" and inner is right):
        return 0
    if expr.fn in ("mul", "div"):
        return _strict(inner) * int(signs(const).reshape(-1)[0])
    if expr.fn in ("add", "sub"):
        return -_strict(inner) if expr.fn == "sub" and inner is right else _strict(inner)
    return 0


def _is_scalar(expr: Expr) -> bool:
    if isinstance(expr, App):
        return all(_is_scalar(arg) for arg in expr.args)
    return isinstance(expr, Num) and expr.values.size == 1


def _aligned(ctx: Context, node: FileNode, tensor: Dynamic, view: Affine) -> str | None:
    """Bring channels of unequal scale or offset to one grid by integers, where they are small."""
    (name,) = tensor.leaves
    channels = tensor.space[1]
    if max(view.scale.ndim, view.offset.ndim) > 1:
        return None
    scale = np.broadcast_to(view.scale, (channels,))
    offset = np.broadcast_to(view.offset, (channels,))
    gap = offset - offset.min()
    step = common_step(np.concatenate([scale, gap]))
    factor, bias = (np.array([int(v / step) for v in part], dtype=object) for part in (scale, gap))
    if max(abs(factor)) >= 1 << 16 or max(abs(bias)) >= 1 << 40:
        return None
    op = ops.Affine(factor.astype(np.int64), bias.astype(np.int64))
    kind = op.infer(ctx.builder.leaves[name].type)
    if kind.bits > 32:
        return None
    return ctx.builder.add(op, (name,), f"{layer_name(node)}_grid", node.name).name


def restart(ctx: Context, node: FileNode) -> list[Tensor] | None:
    """Lower a quantizer behind a refused layer as if its data came from there; None for others."""
    handler = dict(QUANTIZERS).get(node.op)
    tensor = ctx.tensors[node.inputs[0]]
    if handler is None or not isinstance(tensor, Unknown) or tensor.shape is None:
        return None
    if len(tensor.shape) < 2 or any(
        isinstance(ctx.tensors[name], Unknown) for name in node.inputs[1:] if name
    ):
        return None
    _, *rest = tensor.shape
    frame = (*rest[1:], rest[0])
    leaf = ctx.builder.input("unknown", TensorType(frame, -32, 31), free=False)
    index = np.moveaxis(np.arange(prod(frame)).reshape(frame), -1, 0)[None]
    ctx.tensors[node.inputs[0]] = Dynamic(Var(leaf.name), index, leaf.space)
    try:
        return handler(ctx, node)
    except interval.Undefined:
        return None
    finally:
        ctx.tensors[node.inputs[0]] = tensor
