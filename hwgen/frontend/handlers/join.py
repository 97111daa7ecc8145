"""Streams that meet: sums of several integer tensors, with or without a quantizer behind them.

A quantizer over two streams asks for multipliers ``(m_a, m_b)`` such that thresholds over
``m_a * a + m_b * b`` give the file's code for every pair of codes. Such vectors form an open cone:
for each level and each code ``b`` the smallest ``a`` that reaches the level is found exactly, and
every pair of a reached and an unreached point bounds the ratio. The simplest ratio inside is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from hwgen.frontend import interval
from hwgen.frontend.affine import as_array, coefficients, common_step
from hwgen.frontend.cone import Cone, cone_of, simplest
from hwgen.frontend.context import Context, Tie
from hwgen.frontend.dominator import split
from hwgen.frontend.evaluate import MIXED, approx, direction
from hwgen.frontend.expr import Array, Expr, Num, Var, apply, rebuild
from hwgen.frontend.functions import Pair
from hwgen.frontend.handlers.emit import emit, record_ties
from hwgen.frontend.model import FileNode
from hwgen.frontend.naming import layer_name
from hwgen.frontend.quantizer import Steps
from hwgen.frontend.tabulate import TooManyCodes, from_levels, tabulate
from hwgen.frontend.tensors import Dynamic, Problem
from hwgen.ir import ops

Ints = npt.NDArray[np.int64]

WIDEST = 32
"""Most bits of a sum of streams."""


def quantized(
    ctx: Context, node: FileNode, tensor: Dynamic, steps: Steps, *, bipolar: bool
) -> tuple[Dynamic, str, Expr]:
    """Return the codes of a quantizer over several streams, their tensor, and how it holds them."""
    assert len({ctx.builder.leaves[name].type.shape for name in tensor.leaves}) == 1
    ways = [_way(tensor, name) for name in tensor.leaves]
    if len(tensor.leaves) > 2 or any((way == MIXED).any() for way in ways):
        return _exact(ctx, node, tensor, steps, bipolar=bipolar)
    try:
        cone = cone_of(ctx, tensor, steps, ways)
    except interval.Undefined:
        raise Problem(
            "it divides by zero, or takes a root or logarithm outside its domain",
            "check the layer's parameters",
        ) from None
    chosen = _multipliers(cone)
    if chosen is None:
        return _exact(ctx, node, tensor, steps, bipolar=bipolar)
    return _emit_cone(ctx, node, tensor, cone, chosen, bipolar=bipolar)


def _way(tensor: Dynamic, name: str) -> Ints:
    """Return the direction of a sum in one of its streams, per channel."""
    return np.broadcast_to(direction(tensor.expr, name), (tensor.space[1],))


def _multipliers(cone: Cone) -> Ints | None:
    """Return (2, channels or 1) positive multipliers, None where no ratio fits a channel."""
    low, high = max(cone.low), min(cone.high, key=_order_key)
    shared = simplest(low, high)
    if shared is not None:
        return np.array([[shared.denominator], [shared.numerator]], dtype=np.int64)
    ratios = [simplest(a, b) for a, b in zip(cone.low, cone.high, strict=True)]
    found = [ratio for ratio in ratios if ratio is not None]
    if len(found) < len(ratios):
        return None
    return np.array([[r.denominator for r in found], [r.numerator for r in found]], dtype=np.int64)


def _order_key(value: Fraction | None) -> tuple[bool, Fraction]:
    return value is None, value or Fraction(0)


def _emit_cone(
    ctx: Context, node: FileNode, tensor: Dynamic, cone: Cone, chosen: Ints, *, bipolar: bool
) -> tuple[Dynamic, str, Expr]:
    """Append the sum and its thresholds."""
    channels = tensor.space[1]
    signed = [chosen[k] * cone.ways[k] for k in (0, 1)]
    signed = [v[:1] if (v == v[0]).all() else np.broadcast_to(v, (channels,)) for v in signed]
    op = ops.Add(*(np.ascontiguousarray(v, dtype=np.int64) for v in signed))
    names = (cone.wide, cone.narrow)
    types = [ctx.builder.leaves[name].type for name in names]
    low, high = (np.broadcast_to(v, (channels,)) for v in op.channel_range(*types))
    leaf = ctx.builder.add(op, names, f"{layer_name(node)}_sum", node.name, (low, high))
    if leaf.type.bits > WIDEST:
        raise _too_wide()
    levels, reached = cone.thresholds(chosen, low, high)
    stairs = from_levels(
        levels, reached - low, (low, high, np.ones(channels, dtype=np.int64)), cone.ends, ()
    )
    layer = layer_name(node)
    for channel in range(channels if len(cone.ties) else 0):
        factors = chosen[:, channel if chosen.shape[1] > 1 else 0]
        pairs = cone.ties[cone.ties[:, 0] == cone.likeness[channel], 1:]
        sums, at = np.unique(pairs @ factors, return_index=True)
        reals = _real(tensor, cone, pairs[at], channel)
        ctx.ties += [
            Tie(layer, channel, *found) for found in zip(sums.tolist(), reals, strict=True)
        ]
    summed = tensor.with_expr(Var(leaf.name))
    return emit(ctx, node, summed, stairs, bipolar=bipolar)


def _real(tensor: Dynamic, cone: Cone, pairs: Ints, channel: int) -> list[float]:
    """Return the real values of one channel at pairs of codes along their ways."""
    env: dict[str, Pair] = {}
    for k, name in enumerate((cone.wide, cone.narrow)):
        values = (pairs[:, k] * cone.ways[k, channel]).astype(np.float64)[:, None]
        env[name] = values, np.zeros((1, 1))
    expr = rebuild(tensor.expr, num=lambda v: v if v.ndim == 0 else v[channel : channel + 1])
    return np.broadcast_to(approx(expr, env)[0], (len(pairs), 1))[:, 0].tolist()


def _too_wide() -> Problem:
    return Problem(
        "it joins streams whose scales have no small common multiple",
        "quantize both branches with the same scale (share one quantizer), or quantize them to "
        "fewer bits",
    )


def _exact(
    ctx: Context, node: FileNode, tensor: Dynamic, steps: Steps, *, bipolar: bool
) -> tuple[Dynamic, str, Expr]:
    """Quantize the exact sum as one stream."""
    single = merged(ctx, node, tensor)
    (name,) = single.leaves
    leaf = ctx.builder.leaves[name]
    try:
        stairs = tabulate(single.expr, steps, name, leaf.low, leaf.high)
    except (TooManyCodes, interval.Undefined):
        raise _too_wide() from None
    record_ties(ctx, layer_name(node), single.expr, name, stairs)
    return emit(ctx, node, single, stairs, bipolar=bipolar)


@dataclass(frozen=True, eq=False)
class _Sum:
    """``step * (sum of multipliers * codes) + offset``."""

    multipliers: dict[str, Ints]
    step: Array
    offset: Array


def merged(ctx: Context, node: FileNode, tensor: Dynamic) -> Dynamic:
    """Return a tensor over several streams as a tensor over their exact sum."""
    if len(tensor.leaves) < 2:
        return tensor
    tensor = ctx.per_channel(tensor, node.name)
    inside, outer = split(tensor.expr)
    parts = _parts(inside, tensor.space[1])
    if parts is None:
        raise Problem(
            f"the sum of streams that enters {node.op} is not one of scaled integers",
            "quantize each branch, and the sum, with QuantIdentity here",
        )
    names = list(parts.multipliers)
    name, factor = names[0], parts.multipliers[names[0]]
    for other in names[1:]:
        op = ops.Add(factor, parts.multipliers[other])
        types = [ctx.builder.leaves[key].type for key in (name, other)]
        ranges = tuple(np.broadcast_to(v, (tensor.space[1],)) for v in op.channel_range(*types))
        label = f"{layer_name(node)}_sum"
        leaf = ctx.builder.add(op, (name, other), label, node.name, (ranges[0], ranges[1]))
        if leaf.type.bits > WIDEST:
            raise _too_wide()
        name, factor = leaf.name, np.ones(1, dtype=np.int64)
    value = apply("add", apply("mul", Var(name), Num(parts.step)), Num(parts.offset))
    return tensor.with_expr(outer(value))


def _parts(expr: Expr, channels: int) -> _Sum | None:
    """Return a sum of scaled integers on one grid per channel."""
    found = coefficients(expr)
    if found is None:
        return None
    scales, offset = found
    arrays = {name: np.broadcast_to(scale, (channels,)) for name, scale in scales.items()}
    step = np.empty(channels, dtype=object)
    for channel in range(channels):
        here = np.array([scale[channel] for scale in arrays.values()], dtype=object)
        step[channel] = common_step(here)
    factors: dict[str, Ints] = {}
    for name, scale in arrays.items():
        ratio = scale / step
        if max(abs(v) for v in ratio) >= 1 << WIDEST:
            return None
        whole = ratio.astype(np.int64)
        factors[name] = whole[:1].copy() if (whole == whole[0]).all() else whole
    short = step[:1].reshape(()) if (step == step[0]).all() else step
    return _Sum(factors, as_array(short), offset)
