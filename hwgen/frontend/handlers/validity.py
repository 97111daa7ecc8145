"""What every node must hold before it is lowered: its inputs, finite constants, sane attributes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import onnx
from onnx import AttributeProto

from hwgen.frontend.context import Context
from hwgen.frontend.expr import Num
from hwgen.frontend.handlers.shape import MOVES
from hwgen.frontend.model import FileNode
from hwgen.frontend.tensors import Const, Problem

LEAST_INPUTS: Mapping[str, int] = MappingProxyType(
    {
        "Quant": 4,
        "IntQuant": 4,
        "BipolarQuant": 2,
        "Trunc": 5,
        "MultiThreshold": 2,
        "Im2Col": 1,
        "MaxPoolNHWC": 1,
        "QuantAvgPool2d": 1,
    }
)
"""Inputs that operators outside of ONNX need; ONNX states its own."""

CUSTOM_ATTRIBUTES: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "signed": (AttributeProto.INT,),
        "narrow": (AttributeProto.INT,),
        "rounding_mode": (AttributeProto.STRING,),
        "out_scale": (AttributeProto.FLOAT, AttributeProto.INT),
        "out_bias": (AttributeProto.FLOAT, AttributeProto.INT),
        "out_dtype": (AttributeProto.STRING,),
        "data_layout": (AttributeProto.STRING,),
    }
)
"""Types of attributes that QONNX and FINN define."""

PASSING = MOVES | {"Identity", "Dropout", "Cast", "Shape", "ConstantOfShape"}
"""Operators that only hand numbers on: whoever computes with them is asked."""

UNBOUNDED = frozenset({"Clip", "MultiThreshold"})
"""Operators for which an infinite constant means that there is no limit."""


def check_node(ctx: Context, node: FileNode) -> None:
    """Raise ``Problem`` where a node cannot mean anything."""
    schema = _schema(node)
    least = LEAST_INPUTS.get(node.op, 0 if schema is None else schema.min_input)
    if not all(node.inputs[:least]) or len(node.inputs) < least:
        given = sum(bool(name) for name in node.inputs)
        raise Problem(
            f"inputs are missing: it has {given}, {node.op} needs {least}",
            "the file is damaged, or its exporter faulty; export it again",
        )
    _check_attributes(ctx, node, schema)
    if node.op not in PASSING:
        for name in node.inputs:
            _check_finite(ctx, node, name)


def _schema(node: FileNode) -> onnx.defs.OpSchema | None:
    try:
        return onnx.defs.get_schema(node.op, max(node.opset, 1), "")
    except onnx.defs.SchemaError:
        return None


def _check_attributes(ctx: Context, node: FileNode, schema: onnx.defs.OpSchema | None) -> None:
    for entry in node.proto.attribute:
        if node.op in LEAST_INPUTS:
            allowed = CUSTOM_ATTRIBUTES.get(entry.name, (entry.type,))
        elif schema is not None and entry.name in schema.attributes:
            wanted = str(schema.attributes[entry.name].type).rpartition(".")[2]
            allowed = (AttributeProto.AttributeType.Value(wanted),)
        else:
            continue
        if entry.type not in allowed:
            raise Problem(
                f"its attribute {entry.name} has another type than {node.op} defines",
                "the file is damaged, or its exporter faulty; export it again",
            )
    axis = node.attribute("axis") if schema is not None else None
    tensor = ctx.tensors.get(node.inputs[0]) if node.inputs else None
    if axis is None or tensor is None or tensor.shape is None or node.op in _LAX:
        return
    rank = len(tensor.shape) + (node.op == "Flatten")
    if not -rank <= axis < max(rank, 1):
        raise Problem(
            f"its axis {axis} is none of the {rank} axes of its data, {tensor.shape}",
            "check the layer's axis, or export again",
        )


_LAX = frozenset({"QuantizeLinear", "DequantizeLinear"})
"""Operators that ignore their axis where there is one scale."""


def _check_finite(ctx: Context, node: FileNode, name: str) -> None:
    tensor = ctx.tensors.get(name)
    if not isinstance(tensor, Const) or not isinstance(tensor.expr, Num):
        return
    values = tensor.expr.values
    if values.dtype.kind != "f" or np.isfinite(values).all():
        return
    if node.op in UNBOUNDED and not np.isnan(values).any():
        return
    bad = values[~np.isfinite(values)].reshape(-1)[0]
    raise Problem(
        f"its constant {name} holds {bad}, which is not a finite number",
        "train or calibrate the layer again, and export again",
    )
