"""Walk over a file's nodes in order, lower each, and collect every problem on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import onnx
from onnx import TensorProto

from hwgen.frontend.context import Context
from hwgen.frontend.expr import Num
from hwgen.frontend.handlers import (
    conv,
    elementwise,
    matrix,
    output,
    pool,
    product,
    quant_nodes,
    shape,
    shaping,
)
from hwgen.frontend.handlers.validity import check_node
from hwgen.frontend.model import FileNode
from hwgen.frontend.naming import layer_name
from hwgen.frontend.tensors import Const, Problem, Tail, Tensor, Unknown

Handler = Callable[[Context, FileNode], list[Tensor]]

HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        **dict.fromkeys(shape.MOVES, shape.move),
        **dict.fromkeys(elementwise.UNARY, elementwise.lower_unary),
        **dict.fromkeys(elementwise.BINARY, elementwise.lower_binary),
        **dict.fromkeys(("Identity", "Dropout"), shape.identity),
        **dict.fromkeys(
            ("Greater", "GreaterOrEqual", "Less", "LessOrEqual"), elementwise.lower_compare
        ),
        **dict.fromkeys(("Quant", "IntQuant"), quant_nodes.lower_quant),
        **dict.fromkeys(("TopK", "ArgMax"), output.lower_argmax),
        **dict.fromkeys(("Softmax", "LogSoftmax"), output.lower_softmax),
        "Cast": shape.cast,
        "Constant": shape.constant,
        "ConstantOfShape": shape.constant_of_shape,
        "Shape": shape.shape_of,
        "Relu": elementwise.lower_relu,
        "Clip": elementwise.lower_clip,
        "Pow": elementwise.lower_pow,
        "PRelu": elementwise.lower_prelu,
        "Where": elementwise.lower_where,
        "BatchNormalization": elementwise.lower_batch_norm,
        "BipolarQuant": quant_nodes.lower_bipolar,
        "Trunc": quant_nodes.lower_trunc,
        "MultiThreshold": quant_nodes.lower_multithreshold,
        "QuantizeLinear": quant_nodes.lower_quantize_linear,
        "DequantizeLinear": quant_nodes.lower_dequantize_linear,
        "MatMul": matrix.lower_matmul,
        "Gemm": matrix.lower_gemm,
        "Conv": conv.lower_conv,
        "ConvTranspose": conv.lower_conv_transpose,
        "Im2Col": conv.lower_im2col,
        **pool.HANDLERS,
        "Concat": shaping.lower_concat,
        "Pad": shaping.lower_pad,
        "Resize": shaping.lower_resize,
        "Upsample": shaping.lower_resize,
    }
)
"""How each operator is lowered; immutable."""


@dataclass(frozen=True)
class LayerReport:
    """Whether one layer of a file can become hardware.

    name : of the layer; op : its operator; module : the source layer, "" where the file is silent
    supported : whether hwgen builds it; reason, remedy : "" where it does
    """

    name: str
    op: str
    module: str
    supported: bool
    reason: str = ""
    remedy: str = ""

    def __str__(self) -> str:
        """The finding as one sentence."""
        where = f" (from {self.module})" if self.module else ""
        return f"{self.name}, {self.op}{where}: {self.reason}; {self.remedy}"


def walk(ctx: Context) -> tuple[LayerReport, ...]:
    """Lower every node of ``ctx.model``; return one report for each that is not constant."""
    reports: list[LayerReport] = []
    for node in ctx.model.nodes:
        for name in node.inputs:
            ctx.uses[name] = ctx.uses.get(name, 0) - 1
        try:
            outputs = lower_node(ctx, node)
            found = LayerReport(layer_name(node), node.op, node.module, True)
        except Problem as problem:
            outputs = [Unknown(_shape(ctx, node))] * len(node.outputs)
            found = LayerReport(
                layer_name(node), node.op, node.module, False, problem.reason, problem.remedy
            )
        for name, tensor in zip(node.outputs, outputs, strict=False):
            ctx.tensors[name] = tensor
        if not found.supported or any(not isinstance(tensor, Const) for tensor in outputs):
            reports.append(found)
    return tuple(reports)


def lower_node(ctx: Context, node: FileNode) -> list[Tensor]:
    """Return the outputs of one node; ``Problem`` where it cannot be lowered."""
    if node.op in HANDLERS:
        check_node(ctx, node)
    tensors = [ctx.tensors[name] for name in node.inputs if name]
    if tensors and all(isinstance(tensor, Const) for tensor in tensors):
        folded = shape.fold(ctx, node)
        if folded is None and node.op == "Concat":
            folded = shape.concat_constants(ctx, node)
        if folded is not None:
            return folded
    handler = HANDLERS.get(node.op)
    if handler is None:
        raise Problem(
            f"operator {node.op} is not supported",
            "replace the layer by supported ones, or remove it from the network",
        )
    if any(isinstance(tensor, Unknown) for tensor in tensors):
        return _behind_unknown(ctx, node)
    if any(isinstance(tensor, Tail) for tensor in tensors):
        return output.on_host(ctx, node)
    return handler(ctx, node)


def _behind_unknown(ctx: Context, node: FileNode) -> list[Tensor]:
    """Go on behind a refused layer: a quantizer makes its data known again."""
    restarted = output.restart(ctx, node)
    if restarted is not None:
        return restarted
    if node.op in ("MatMul", "Gemm", "Conv"):
        product.check_weights_only(ctx, node)
    return [Unknown(_shape(ctx, node))] * len(node.outputs)


def _shape(ctx: Context, node: FileNode) -> tuple[int, ...] | None:
    """Return the shape of a node's first output by ONNX's own inference, None if it cannot tell."""
    types: dict[str, onnx.TypeProto] = {}
    data: dict[str, onnx.TensorProto] = {}
    for name in node.inputs:
        tensor = ctx.tensors.get(name)
        known = None if tensor is None else tensor.shape
        if tensor is None or known is None:
            if tensor is not None:
                types[name] = onnx.helper.make_tensor_type_proto(TensorProto.FLOAT, None)
            continue
        kind = TensorProto.FLOAT
        if isinstance(tensor, Const) and tensor.raw is not None and tensor.raw.dtype.kind == "i":
            kind = TensorProto.INT64
            data[name] = onnx.numpy_helper.from_array(np.ascontiguousarray(tensor.raw), name)
        types[name] = onnx.helper.make_tensor_type_proto(kind, known)
    if node.op not in _STANDARD:
        first = ctx.tensors.get(node.inputs[0]) if node.inputs else None
        return None if first is None else first.shape
    if any(name and name not in types for name in node.inputs):
        return None
    try:
        schema = onnx.defs.get_schema(node.op, max(ctx.model.opset, 1), "")
        found = onnx.shape_inference.infer_node_outputs(schema, node.proto, types, data)
    except (
        onnx.shape_inference.InferenceError,
        onnx.checker.ValidationError,
        onnx.defs.SchemaError,
        RuntimeError,
        ValueError,
    ):
        return None
    kind = found.get(node.outputs[0])
    if kind is None or not kind.tensor_type.HasField("shape"):
        return None
    sizes = tuple(dim.dim_value for dim in kind.tensor_type.shape.dim)
    return sizes if all(size > 0 for size in sizes) else None


_STANDARD = frozenset(schema.name for schema in onnx.defs.get_all_schemas() if not schema.domain)


def start(ctx: Context) -> None:
    """Enter the file's constants and count how often each tensor is read."""
    for name, tensor in ctx.model.constants.items():
        ctx.tensors[name] = Const(Num(tensor.values), tensor.values.shape, tensor.elem)
    for node in ctx.model.nodes:
        for name in node.inputs:
            ctx.uses[name] = ctx.uses.get(name, 0) + 1
            ctx.readers.setdefault(name, []).append(node)
    for name in ctx.model.outputs:
        ctx.uses[name] = ctx.uses.get(name, 0) + 1
