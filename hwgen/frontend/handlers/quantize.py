"""Turn "expression, then quantizer" into an integer tensor: the heart of the lowering."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hwgen.frontend import interval
from hwgen.frontend.builder import Leaf
from hwgen.frontend.context import HOST, Context, Site, Tie, WeightSite
from hwgen.frontend.decide import decide
from hwgen.frontend.evaluate import approx
from hwgen.frontend.expr import Expr, Num, Var, apply, number, rebuild
from hwgen.frontend.handlers import join
from hwgen.frontend.handlers.elementwise import combine
from hwgen.frontend.model import FileNode
from hwgen.frontend.naming import layer_name
from hwgen.frontend.quantizer import Steps
from hwgen.frontend.tabulate import Staircase, TooManyCodes, tabulate
from hwgen.frontend.tensors import Const, Dynamic, Problem, Tensor
from hwgen.ir import TensorType, ops

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
    coded, leaf, code = _codes(ctx, node, rounded, how)
    value = combine(ctx, "add", combine(ctx, "mul", coded, how.scale), how.offset)
    assert isinstance(value, Dynamic)
    ways = ctx.turned.get(rounded.leaves[0])
    if ways is not None:  # the accumulators of some channels are negated now
        (name,) = rounded.leaves
        rounded = rounded.with_expr(renamed(rounded.expr, apply("mul", Var(name), Num(ways))))
    rounded_expr = rounded.expr
    if rounded.space != coded.space:
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
    if tensor.leaves == (HOST,):
        return _host_codes(ctx, node, tensor, how)
    tensor = ctx.per_channel(tensor, node.name)
    if len(tensor.leaves) > 1:
        return join.quantized(ctx, node, tensor, how.steps, bipolar=how.bipolar)
    name = tensor.leaves[0]
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
    record_ties(ctx, node, tensor.expr, name, stairs)
    return found


def record_ties(ctx: Context, node: FileNode, expr: Expr, name: str, stairs: Staircase) -> None:
    """Note every exact tie with its real value."""
    if not stairs.ties:
        return
    channels = len(stairs.low)
    ways = ctx.turned.get(name, np.ones(channels, dtype=np.int64))
    for channel, code in stairs.ties:
        at = np.full((1, channels), code, dtype=np.float64)
        value = np.broadcast_to(approx(expr, {name: (at, np.zeros_like(at))})[0], (1, channels))
        seen = code * int(ways[channel])
        ctx.ties.append(Tie(layer_name(node), channel, seen, float(value[0, channel])))


def emit(
    ctx: Context, node: FileNode, tensor: Dynamic, stairs: Staircase, *, bipolar: bool
) -> tuple[Dynamic, str, Expr]:
    """Append the integer nodes that compute a staircase; none where it only shifts the code."""
    (name,) = tensor.leaves
    leaf = ctx.builder.leaves[name]
    shift = _pure_shift(stairs, bipolar=leaf.type.bipolar)
    if shift is not None:
        code = apply("add", Var(name), number(shift))
        return tensor.with_expr(code), name, code
    label = layer_name(node)
    if _table_is_smaller(stairs, leaf):
        out = _table(ctx, leaf, stairs, label, node.name, bipolar=bipolar)
    else:
        out = _thresholds(ctx, leaf, stairs, label, node.name, bipolar=bipolar)
    return tensor.with_expr(Var(out.name)), out.name, Var(out.name)


def _pure_shift(stairs: Staircase, *, bipolar: bool) -> int | None:
    """Return k where every channel's output is its code plus k."""
    if bipolar:
        return 0 if (stairs.table(-1, 3)[:, ::2] == [-1, 1]).all() else None
    gap = stairs.codes - stairs.starts
    real = stairs.starts < stairs.end[:, None]
    pieces = real.sum(axis=1)
    if (pieces != stairs.end - stairs.low).any() or len({*gap[real].tolist()}) != 1:
        return None
    return int(gap[0, 0])


def _entries(leaf: Leaf) -> int:
    return leaf.type.high - leaf.type.low + 1


def _table_is_smaller(stairs: Staircase, leaf: Leaf) -> bool:
    entries, pieces = _entries(leaf), stairs.starts.shape[1]
    if entries > 4096:
        return False
    if not (stairs.rising | stairs.falling).all():
        return entries <= 256 or entries <= 4 * pieces
    bits = int(stairs.codes.max() - stairs.codes.min()).bit_length()
    return entries * bits <= 2 * (pieces - 1) * leaf.type.bits


def _table(
    ctx: Context, leaf: Leaf, stairs: Staircase, label: str, source: str, *, bipolar: bool
) -> Leaf:
    values = stairs.table(leaf.type.low, _entries(leaf))
    low, high = stairs.codes.min(axis=1), stairs.codes.max(axis=1)
    if (values == values[:1]).all():
        values = values[:1]
    values = np.ascontiguousarray(values)
    op = ops.Table(values, leaf.type.low, bipolar)
    return ctx.builder.add(op, (leaf.name,), label, source, (low, high))


def _thresholds(
    ctx: Context, leaf: Leaf, stairs: Staircase, label: str, source: str, *, bipolar: bool
) -> Leaf:
    rising, falling = stairs.rising, stairs.falling
    turned = falling & ~rising
    if turned.any() and (rising | falling).all() and _may_turn(ctx, leaf):
        ctx.builder.negate_rows(leaf.name, turned)
        ctx.turned[leaf.name] = np.where(turned, -1, 1)
        stairs = _mirrored(stairs, turned)
        rising = np.ones_like(rising)
    leaf = ctx.builder.leaves[leaf.name]
    span = (leaf.type.low, leaf.type.high + 1)
    low, high = stairs.codes.min(axis=1), stairs.codes.max(axis=1)
    if rising.all():
        levels, start = level_matrix(stairs, span, bipolar=bipolar)
        step = ops.Threshold(levels, start, bipolar)
        return ctx.builder.add(step, (leaf.name,), label, source, (low, high))
    starts = stairs.starts[:, 1:]
    levels = np.where(starts >= stairs.end[:, None], span[1], starts)
    piece = ctx.builder.add(ops.Threshold(levels), (leaf.name,), f"{label}_piece", source)
    table = ops.Table(np.ascontiguousarray(stairs.codes), 0, bipolar)
    return ctx.builder.add(table, (piece.name,), label, source, (low, high))


def level_matrix(stairs: Staircase, span: tuple[int, int], *, bipolar: bool) -> tuple[Ints, int]:
    """Return (channels, steps) thresholds of a rising staircase and the lowest code.

    There is one step at least; a bipolar staircase has exactly one, from -1 to +1.
    span : values that mean "always reached" and "never reached"
    """
    start, stop = int(stairs.codes.min()), int(stairs.codes.max())
    wanted = np.arange(start + 1, max(stop, start + 1) + 1)
    if bipolar:
        start, wanted = -1, np.array([1])
    levels = np.full((len(stairs.codes), len(wanted)), span[1], dtype=np.int64)
    for channel, codes in enumerate(stairs.codes):
        first = np.searchsorted(codes, wanted, side="left")
        reached = first < len(codes)
        levels[channel, reached] = stairs.starts[channel, first[reached]]
        levels[channel, wanted <= codes[0]] = span[0]
    levels = np.where(levels >= stairs.end[:, None], span[1], levels)
    return levels, start


def _may_turn(ctx: Context, leaf: Leaf) -> bool:
    return isinstance(ctx.builder.op(leaf.name), ops.Mvu) and ctx.sole_reader(leaf.name)


def _mirrored(stairs: Staircase, rows: npt.NDArray[np.bool_]) -> Staircase:
    """Return the staircase over the negated code on channels ``rows``."""
    starts, codes = stairs.starts.copy(), stairs.codes.copy()
    low, end = stairs.low.copy(), stairs.end.copy()
    for channel in np.flatnonzero(rows):
        last = int((starts[channel] < end[channel]).sum())
        stops = np.append(starts[channel, 1:last], end[channel])  # one past each piece
        low[channel], end[channel] = 1 - stairs.end[channel], 1 - stairs.low[channel]
        starts[channel, :last] = 1 - stops[::-1]
        starts[channel, last:] = end[channel]
        codes[channel, :last] = codes[channel, :last][::-1]
        codes[channel, last:] = codes[channel, last - 1]
    return Staircase(starts, codes, low, end, stairs.ties)


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
    if not tensor.whole():
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
