"""Turn "expression, then quantizer" into an integer tensor: the heart of the lowering."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hwgen.frontend import interval
from hwgen.frontend.context import HOST, Context, Site, WeightSite
from hwgen.frontend.decide import decide
from hwgen.frontend.expr import Expr, Num, Var, apply, rebuild
from hwgen.frontend.handlers import join, pending
from hwgen.frontend.handlers.elementwise import combine
from hwgen.frontend.handlers.emit import emit, record_ties
from hwgen.frontend.model import FileNode
from hwgen.frontend.naming import layer_name
from hwgen.frontend.quantizer import Steps
from hwgen.frontend.tabulate import TooManyCodes, tabulate
from hwgen.frontend.tensors import Const, Dynamic, Problem, Tensor
from hwgen.ir import TensorType

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Quantizer:
    """What a quantizing node does to the tensor it reads.

    steps : from the number that is rounded to the code
    scale, offset : constants; its output is ``code * scale + offset``
    bipolar : the codes are -1 and +1 only
    """

    steps: Steps
    scale: Const
    offset: Const
    bipolar: bool = False


def quantize(ctx: Context, node: FileNode, rounded: Tensor, how: Quantizer) -> Tensor:
    """Return the output of a quantizing node that rounds ``rounded``."""
    if isinstance(rounded, Const):
        codes, sites = _constant_codes(ctx, node, rounded, how)
        value = combine(ctx, "add", combine(ctx, "mul", codes, how.scale), how.offset)
        if sites is not None:
            assert isinstance(value, Const)
            ctx.weights.append(
                WeightSite(
                    layer_name(node),
                    node.outputs[0],
                    rounded.expr,
                    how.steps,
                    sites,
                    value.expr,
                    how.scale.expr,
                    rounded.shape,
                )
            )
        return value
    assert isinstance(rounded, Dynamic)
    if pending.inner(ctx, rounded) is None:
        rounded = pending.settled(ctx, node, rounded)
    coded, leaf, code = _codes(ctx, node, rounded, how)
    value = combine(ctx, "add", combine(ctx, "mul", coded, how.scale), how.offset)
    assert isinstance(value, Dynamic)
    ways = ctx.turned.get(rounded.leaves[0])
    if ways is not None:  # the accumulators of some channels are negated now
        (name,) = rounded.leaves
        rounded = rounded.with_expr(renamed(rounded.expr, apply("mul", Var(name), Num(ways))))
    rounded_expr = rounded.expr
    if rounded.space != coded.space and rounded.leaves != (HOST,) and not ctx.is_pooled(rounded):
        rounded_expr = ctx.reshaped(rounded, ctx.builder.leaves[leaf].type.shape, node.name).expr
    ctx.sites.append(
        Site(
            layer_name(node),
            node.outputs[0],
            rounded_expr,
            how.steps,
            leaf,
            code,
            value.expr,
            coded.index,
        )
    )
    return value


def _constant_codes(
    ctx: Context, node: FileNode, tensor: Const, how: Quantizer
) -> tuple[Const, Ints | None]:
    shape = tensor.shape if tensor.shape else (1,)
    try:
        codes = decide(tensor.expr, how.steps, {}, shape).codes.reshape(tensor.shape)
    except interval.Undefined:
        raise Problem(
            "a constant that it quantizes is not a finite number", "check the layer's parameters"
        ) from None
    return Const(Num(codes), tensor.shape), codes


def _codes(
    ctx: Context, node: FileNode, tensor: Dynamic, how: Quantizer
) -> tuple[Dynamic, str, Expr]:
    """Return the codes as a tensor, the integer tensor that holds them, and how."""
    if HOST in tensor.leaves:
        return _host_codes(ctx, node, tensor, how)
    if any(name in ctx.pools for name in tensor.leaves):
        return _behind_pool(ctx, node, tensor, how)
    tensor = ctx.per_channel(tensor, node.name)
    if len(tensor.leaves) > 1:
        return join.quantized(ctx, node, tensor, how.steps, bipolar=how.bipolar)
    name = next(iter(tensor.leaves))
    leaf = ctx.builder.leaves[name]
    try:
        stairs = tabulate(tensor.expr, how.steps, name, leaf.low, leaf.high)
    except TooManyCodes:
        raise Problem(
            "a function that neither rises nor falls follows a wide accumulator",
            "quantize to fewer bits before the activation function",
        ) from None
    except interval.Undefined:
        raise Problem(
            "it divides by zero, or takes a root or logarithm outside its domain",
            "check the layer's parameters",
        ) from None
    found = emit(ctx, node, tensor, stairs, bipolar=how.bipolar)
    record_ties(ctx, layer_name(node), tensor.expr, name, stairs)
    return found


def _behind_pool(
    ctx: Context, node: FileNode, tensor: Dynamic, how: Quantizer
) -> tuple[Dynamic, str, Expr]:
    """Quantize before a pending pool, then pool the codes; else build the pool first."""
    before = pending.inner(ctx, tensor)
    assert before is not None
    pool = ctx.pools[tensor.leaves[0]]
    coded, _, code = _codes(ctx, node, before, how)
    pending.record(ctx, pool)
    value, behind = pending.pooled_codes(ctx, pool, coded, code)
    return Dynamic(behind, tensor.index, value.space), value.leaves[0], behind


def _host_codes(
    ctx: Context, node: FileNode, tensor: Dynamic, how: Quantizer
) -> tuple[Dynamic, str, Expr]:
    """The first quantizer: its codes are what enters the hardware."""
    if ctx.host_codes is not None:
        raise Problem(
            "the network's input is quantized a second time in another place",
            "quantize the input once (one QuantIdentity) and branch behind it, or give "
            "--input-type so that both quantizers are built on chip",
        )
    host = ctx.builder.leaves[HOST]
    if not tensor.whole() or len(tensor.leaves) > 1:
        raise Problem(
            "it quantizes only a part of the network's input",
            "quantize the whole input at once, or give --input-type",
        )
    kind = TensorType(host.type.shape, how.steps.low, how.steps.high, how.bipolar)
    leaf = ctx.builder.input(layer_name(node), kind)
    ctx.host_codes = leaf.name
    return tensor.with_expr(Var(leaf.name)), leaf.name, Var(leaf.name)


def renamed(expr: Expr, other: Expr) -> Expr:
    """Return ``expr`` with its variable exchanged."""
    return rebuild(expr, var=lambda _: other)
