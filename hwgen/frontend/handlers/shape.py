"""Nodes that only move elements, and arithmetic on shapes."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import onnx
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

from hwgen.frontend.context import Context
from hwgen.frontend.expr import Array, Num
from hwgen.frontend.model import FileNode, exact_array, file_tensor
from hwgen.frontend.tensors import Const, Dynamic, Problem, Tensor

MOVES = frozenset(
    {
        "Reshape",
        "Transpose",
        "Flatten",
        "Squeeze",
        "Unsqueeze",
        "Slice",
        "Split",
        "Gather",
        "DepthToSpace",
        "SpaceToDepth",
        "Expand",
        "Tile",
    }
)
"""Operators that move, repeat or drop elements of their first input."""

INTEGER = frozenset(
    {
        TensorProto.INT8,
        TensorProto.INT16,
        TensorProto.INT32,
        TensorProto.INT64,
        TensorProto.UINT8,
        TensorProto.UINT16,
        TensorProto.UINT32,
        TensorProto.UINT64,
        TensorProto.BOOL,
    }
)


def run_node(node: FileNode, values: list[Array | None], opset: int) -> list[Array]:
    """Execute a standard operator on plain arrays, as ONNX defines it."""
    names = [
        name if value is not None else ""
        for name, value in zip((f"i{k}" for k in range(len(values))), values, strict=True)
    ]
    proto = onnx.NodeProto()
    proto.CopyFrom(node.proto)
    del proto.input[:]
    proto.input.extend(names)
    proto.domain = ""
    evaluator = ReferenceEvaluator(_single(proto.SerializeToString(), max(opset, 1)))
    feeds = {n: v for n, v in zip(names, values, strict=True) if n and v is not None}
    return [np.asarray(v) for v in evaluator.run(None, feeds)]


@lru_cache(maxsize=256)
def _single(content: bytes, opset: int) -> onnx.ModelProto:
    proto = onnx.NodeProto.FromString(content)
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, None) for name in proto.input if name
    ]
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, None)
        for name in proto.output
        if name
    ]
    graph = helper.make_graph([proto], "node", inputs, outputs)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def move(ctx: Context, node: FileNode) -> list[Tensor]:
    """Lower an operator of ``MOVES``: no arithmetic, elements change places."""
    tensor = ctx.tensors[node.inputs[0]]
    others = [_plain(ctx.constant(node, k)) for k in range(1, len(node.inputs))]
    assert isinstance(tensor, (Const, Dynamic))
    if node.op == "Reshape" and isinstance(tensor, Dynamic) and others:
        others[0] = _one_frame(ctx, others[0])
    start = (
        tensor.index
        if isinstance(tensor, Dynamic)
        else np.arange(int(np.prod(tensor.shape, dtype=np.int64))).reshape(tensor.shape)
    )
    try:
        moved = run_node(node, [start, *others], ctx.model.opset)
    except (ValueError, IndexError, RuntimeError, TypeError) as error:
        raise Problem(
            f"{node.op} of shape {tensor.shape} does not work out ({error})",
            "check the shapes; export with a frame axis of 1",
        ) from None
    outputs: list[Tensor] = []
    for index in moved:
        index = np.ascontiguousarray(index, dtype=np.int64)
        if isinstance(tensor, Const):
            outputs.append(tensor.gathered(index))
        else:
            outputs.append(Dynamic(tensor.expr, index, tensor.space))
    return outputs


def _plain(const: Const | None) -> Array | None:
    if const is None:
        return None
    if const.raw is None:
        raise Problem("a shape or index is not a plain number", "export with fixed shapes")
    return const.raw


def _one_frame(ctx: Context, target: Array | None) -> Array | None:
    """Replace a baked-in frame count by 1: hardware takes frames one by one."""
    frames = ctx.model.frames
    if target is None or frames == 1 or target.size == 0 or int(target.reshape(-1)[0]) != frames:
        return target
    changed = target.copy()
    changed[0] = 1
    return changed


def fold(ctx: Context, node: FileNode) -> list[Tensor] | None:
    """Execute a node whose inputs are all plain integer constants; None where that is not so."""
    values: list[Array | None] = []
    for name in node.inputs:
        tensor = ctx.tensors[name] if name else None
        if tensor is None:
            values.append(None)
        elif (
            isinstance(tensor, Const)
            and tensor.raw is not None
            and (tensor.raw.dtype.kind in "iub")
        ):
            values.append(tensor.raw)
        else:
            return None
    try:
        results = run_node(node, values, ctx.model.opset)
    except (ValueError, IndexError, RuntimeError, TypeError, NotImplementedError):
        return None
    return [Const(Num(exact_array(v)), v.shape, _elem(v)) for v in results]


def _elem(values: Array) -> int:
    return int(helper.np_dtype_to_tensor_dtype(values.dtype))


def constant(ctx: Context, node: FileNode) -> list[Tensor]:
    """Lower ``Constant``: a number of the file, as an initializer is."""
    for entry in node.proto.attribute:
        if entry.name == "value":
            tensor = file_tensor(entry.t)
            return [Const(Num(tensor.values), tensor.values.shape, tensor.elem)]
        if entry.name.startswith("value_"):
            values = np.array(helper.get_attribute_value(entry))
            kind = TensorProto.FLOAT if values.dtype.kind == "f" else TensorProto.INT64
            return [Const(Num(exact_array(values)), values.shape, kind)]
    raise Problem("the constant has no plain value", "export it as a dense tensor")


def shape_of(ctx: Context, node: FileNode) -> list[Tensor]:
    """Lower ``Shape``: worked out when the file is read; the frame axis counts as 1."""
    tensor = ctx.tensors[node.inputs[0]]
    assert isinstance(tensor, (Const, Dynamic))
    start, end = node.attribute("start", 0), node.attribute("end")
    values = np.array(tensor.shape[start:end], dtype=np.int64)
    return [Const(Num(values), values.shape, TensorProto.INT64)]


def constant_of_shape(ctx: Context, node: FileNode) -> list[Tensor]:
    """Lower ``ConstantOfShape``: worked out when the file is read."""
    shape = _plain(ctx.constant(node, 0))
    assert shape is not None
    values, elem = np.zeros(1), int(TensorProto.FLOAT)
    for entry in node.proto.attribute:
        if entry.name == "value":
            tensor = file_tensor(entry.t)
            values, elem = tensor.values, tensor.elem
    full = np.full(tuple(int(v) for v in shape), values.reshape(-1)[0])
    return [Const(Num(full), full.shape, elem)]


def identity(ctx: Context, node: FileNode) -> list[Tensor]:
    """Lower a node: it changes nothing at inference."""
    return [ctx.tensors[node.inputs[0]]] + [Const(Num(np.ones(())), ())] * (len(node.outputs) - 1)


def cast(ctx: Context, node: FileNode) -> list[Tensor]:
    """Lower ``Cast``: exact between numbers that the target type holds."""
    tensor = ctx.tensors[node.inputs[0]]
    target = int(node.attribute("to", TensorProto.FLOAT))
    if isinstance(tensor, Const):
        raw = tensor.raw
        if target in INTEGER and raw is not None and raw.dtype.kind == "f":
            return [Const(Num(np.trunc(raw).astype(np.int64)), tensor.shape, target)]
        return [Const(tensor.expr, tensor.shape, target)]
    if target in INTEGER and not is_integer(tensor):
        raise Problem(
            "a cast to integers cuts off fractions of data", "quantize with a Quant node instead"
        )
    return [tensor]


def is_integer(tensor: Tensor) -> bool:
    """Whether every value is known to be an integer because it is a plain code."""
    from hwgen.frontend.affine import affine

    found = None
    if isinstance(tensor, Dynamic) and len(tensor.leaves) == 1:
        found = affine(tensor.expr)
    if found is None:
        return False
    return all(v.denominator == 1 for part in (found.scale, found.offset) for v in part.reshape(-1))


def concat_constants(ctx: Context, node: FileNode) -> list[Tensor] | None:
    """Join plain constants; None where an input depends on codes."""
    parts = [ctx.tensors[name] for name in node.inputs]
    raws = [part.raw for part in parts if isinstance(part, Const)]
    plain = [raw for raw in raws if raw is not None]
    if len(plain) != len(parts):
        return None
    joined = np.concatenate(plain, axis=int(node.attribute("axis", 0)))
    return [Const(Num(joined), joined.shape)]
