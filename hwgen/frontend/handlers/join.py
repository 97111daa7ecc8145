"""Two streams that meet before a quantizer."""

from __future__ import annotations

from hwgen.frontend.context import Context
from hwgen.frontend.expr import Expr
from hwgen.frontend.model import FileNode
from hwgen.frontend.quantizer import Steps
from hwgen.frontend.tensors import Dynamic, Problem


def quantized(
    ctx: Context, node: FileNode, tensor: Dynamic, steps: Steps, *, bipolar: bool
) -> tuple[Dynamic, str, Expr]:
    """Return the codes of a quantizer over several streams, their tensor, and how it holds them."""
    raise Problem("it joins streams of data", "quantize a single stream")


def merged(ctx: Context, node: FileNode, tensor: Dynamic, position: int) -> Dynamic:
    """Return a sum of streams as one stream."""
    if len(tensor.leaves) > 1:
        raise Problem(f"the sum of two streams ({node.inputs[position]}) enters {node.op} "
                      f"unquantized", "quantize the sum with QuantIdentity here")
    return tensor
