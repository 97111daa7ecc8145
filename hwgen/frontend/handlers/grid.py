"""Inputs of contractions that are not yet scaled integers, but lie on an exact grid."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from hwgen.frontend import interval
from hwgen.frontend.affine import common_step
from hwgen.frontend.context import Context
from hwgen.frontend.evaluate import exact_at
from hwgen.frontend.expr import Var, apply, number
from hwgen.frontend.model import FileNode
from hwgen.frontend.tensors import Dynamic, Problem
from hwgen.ir import ops

CODES = 4096
"""Most codes per channel that are put on a grid by a table."""
STEPS = 256
"""Most grid steps that a table's output may span."""


def on_grid(ctx: Context, node: FileNode, tensor: Dynamic) -> Dynamic:
    """Return ``tensor`` as scale times table, where its values lie on one small exact grid."""
    problem = Problem(
        f"an unquantized tensor ({node.inputs[0]}) enters {node.op}",
        "quantize it with QuantIdentity here",
    )
    tensor = ctx.per_channel(tensor, node.name)
    (name,) = tensor.leaves
    leaf = ctx.builder.leaves[name]
    if leaf.type.high - leaf.type.low >= CODES:
        raise problem
    channels = leaf.type.channels
    codes = range(leaf.type.low, leaf.type.high + 1)
    values = np.empty((channels, len(codes)), dtype=object)
    for channel in range(channels):
        for at, code in enumerate(codes):
            try:
                low, high = exact_at(tensor.expr, {name: Fraction(code)}, (channel,), 96)
            except interval.Undefined:
                raise problem from None
            if low != high:
                raise problem
            values[channel, at] = low
    if (values == values[:1]).all():
        values = values[:1]
    step = common_step(values)
    grid = np.array([[int(v / step) for v in row] for row in values], dtype=object)
    if grid.max() - grid.min() >= STEPS:
        raise problem
    table = ops.Table(grid.astype(np.int64), leaf.type.low)
    out = ctx.builder.add(table, (name,), f"{name}_grid", node.name)
    return tensor.with_expr(apply("mul", Var(out.name), number(step)))
