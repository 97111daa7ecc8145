"""Execute a file's nodes as ONNX software does: float32, one node at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from onnxruntime.capi.onnxruntime_pybind11_state import (
    Fail,
    InvalidArgument,
    InvalidGraph,
    RuntimeException,
)
from onnxruntime.capi.onnxruntime_pybind11_state import NotImplemented as Unsupported
from qonnx.custom_op.registry import getCustomOp

from hwgen.errors import ModelError
from hwgen.frontend.expr import Array
from hwgen.frontend.model import FileNode, FileTensor, Model, file_tensor

QUANT_OPS = frozenset(
    {
        "Quant",
        "IntQuant",
        "BipolarQuant",
        "Trunc",
        "MultiThreshold",
        "Im2Col",
        "MaxPoolNHWC",
        "QuantAvgPool2d",
        "XnorPopcountMatMul",
    }
)
"""Operators that qonnx defines; every other one is onnxruntime's."""

SMALL = frozenset({TensorProto.INT4, TensorProto.UINT4})
"""Element types that onnxruntime computes with, but takes and gives only through a ``Cast``."""

MOVES = frozenset({"Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "Identity"})
"""Operators that give out 4-bit elements where they take them."""

IR_VERSION = 8
"""Written into single-node models; old enough for every onnxruntime in use."""


class Executor:
    """Runs nodes of one file; sessions are kept between calls."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._sessions: dict[str, onnxruntime.InferenceSession] = {}

    @cached_property
    def constants(self) -> dict[str, Array]:
        """The file's constants in their own types."""
        return {name: original(tensor) for name, tensor in self._model.constants.items()}

    def run(self, node: FileNode, values: Mapping[str, Array]) -> list[Array]:
        """Return the outputs of ``node`` for the arrays of its inputs."""
        if node.op in QUANT_OPS:
            return self._run_quant(node, values)
        feeds = {f"i{k}": np.asarray(values[name]) for k, name in enumerate(node.inputs) if name}
        kinds = {name: helper.np_dtype_to_tensor_dtype(v.dtype) for name, v in feeds.items()}
        key = f"{node.outputs[0]}|{'|'.join(str(v.dtype) for v in feeds.values())}"
        if key not in self._sessions:
            self._sessions[key] = self._session(node, feeds)
        wide = {name: v.astype(np.int8) if kinds[name] in SMALL else v for name, v in feeds.items()}
        try:
            outputs: list[Any] = list(self._sessions[key].run(None, wide))
        except (Fail, InvalidArgument, RuntimeException) as error:
            raise _refused(node, error) from None
        small = _small_output(node, kinds)
        if small is not None:
            return [np.asarray(outputs[0]).astype(helper.tensor_dtype_to_np_dtype(small))]
        return [np.asarray(value) for value in outputs]

    def _run_quant(self, node: FileNode, values: Mapping[str, Array]) -> list[Array]:
        proto = onnx.NodeProto()
        proto.CopyFrom(node.proto)
        proto.domain = "qonnx.custom_op.general"
        _complete(proto, np.ndim(values[node.inputs[0]]))
        context = {name: values[name] for name in node.inputs if name}
        if node.op == "MaxPoolNHWC":
            return self._max_pool_nhwc(node, values)
        if node.op == "QuantAvgPool2d":
            return [quant_avg_pool(node, values[node.inputs[0]])]
        graph = onnx.GraphProto()
        if node.op == "Im2Col":  # it insists on an annotation of its input
            note = graph.quantization_annotation.add(tensor_name=node.inputs[0])
            note.quant_parameter_tensor_names.add(key="finn_datatype", value="FLOAT32")
        version = 2 if node.op == "Trunc" and len(node.inputs) > 5 else 1
        getCustomOp(proto, onnx_opset_version=version).execute_node(context, graph)
        return [np.asarray(context[name]) for name in node.outputs]

    def _max_pool_nhwc(self, node: FileNode, values: Mapping[str, Array]) -> list[Array]:
        """Run FINN's channels-last pool as the pool of ONNX between transposes."""
        proto = onnx.NodeProto()
        proto.CopyFrom(node.proto)
        proto.op_type, proto.domain = "MaxPool", ""
        plain = replace(node, op="MaxPool", proto=proto)
        data = np.moveaxis(values[node.inputs[0]], -1, 1)
        (found,) = self.run(plain, {node.inputs[0]: np.ascontiguousarray(data)})
        return [np.moveaxis(found, 1, -1)]

    def _session(self, node: FileNode, feeds: Mapping[str, Array]) -> onnxruntime.InferenceSession:
        proto = onnx.NodeProto()
        proto.CopyFrom(node.proto)
        proto.domain = ""
        del proto.input[:], proto.output[:]
        proto.input.extend(f"i{k}" if name else "" for k, name in enumerate(node.inputs))
        proto.output.extend(f"o{k}" for k in range(len(node.outputs)))
        kinds = {name: helper.np_dtype_to_tensor_dtype(v.dtype) for name, v in feeds.items()}
        inputs = [
            helper.make_tensor_value_info(
                name, TensorProto.INT8 if kinds[name] in SMALL else kinds[name], [None] * v.ndim
            )
            for name, v in feeds.items()
        ]
        outputs = [onnx.ValueInfoProto(name=name) for name in proto.output]
        nodes = [proto]
        for k, name in enumerate(proto.input):
            if kinds.get(name) in SMALL:
                nodes.insert(0, helper.make_node("Cast", [name], [f"{name}s"], to=kinds[name]))
                proto.input[k] = f"{name}s"
        if _small_output(node, kinds) is not None:
            nodes.append(helper.make_node("Cast", ["small"], ["o0"], to=TensorProto.INT8))
            proto.output[0] = "small"
        graph = helper.make_graph(nodes, "node", inputs, outputs)
        opset = helper.make_opsetid("", max(self._model.opset, 7))
        model = helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = 1
        try:
            return onnxruntime.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        except (Fail, InvalidGraph, Unsupported) as error:
            raise _refused(node, error) from None


def _complete(proto: onnx.NodeProto, rank: int) -> None:
    """Write out what qonnx insists on though QONNX defaults it, and drop layouts of other ranks."""
    given = {entry.name: entry for entry in proto.attribute}
    if proto.op_type in ("Quant", "IntQuant"):
        for name, value in (("signed", 1), ("narrow", 0)):
            if name not in given:
                proto.attribute.append(helper.make_attribute(name, value))
    elif proto.op_type == "MultiThreshold":
        if "out_dtype" not in given:
            proto.attribute.append(helper.make_attribute("out_dtype", "FLOAT32"))
        layout = given.get("data_layout")
        if layout is not None and rank < 3:
            proto.attribute.remove(layout)
    elif proto.op_type == "Trunc" and "rounding_mode" not in given:
        proto.attribute.append(helper.make_attribute("rounding_mode", "FLOOR"))


def _small_output(node: FileNode, kinds: Mapping[str, int]) -> int | None:
    """Return the element type of a node's output where it has 4 bits."""
    if node.op == "QuantizeLinear":
        kind = kinds.get("i2", int(node.attribute("output_dtype", 0)))
    else:
        kind = kinds.get("i0", 0) if node.op in MOVES else 0
    return kind if kind in SMALL else None


def _refused(node: FileNode, error: object) -> ModelError:
    return ModelError(
        f"layer {node.name}: onnxruntime cannot execute {node.op} ({error}); the "
        f"comparison with ONNX execution needs it"
    )


def original(tensor: FileTensor) -> Array:
    """Return a constant in the file's own element type."""
    return tensor.values.astype(helper.tensor_dtype_to_np_dtype(tensor.elem))


def constant_value(node: FileNode) -> Array:
    """Return the array of a ``Constant`` node."""
    value = node.attribute("value")
    if value is not None:
        return original(file_tensor(value))
    for name, kind in (
        ("value_float", np.float32),
        ("value_floats", np.float32),
        ("value_int", np.int64),
        ("value_ints", np.int64),
    ):
        if node.attribute(name) is not None:
            return np.array(node.attribute(name), dtype=kind)
    raise AssertionError(f"constant {node.name} was lowered without a value")


def quant_avg_pool(node: FileNode, values: Array) -> Array:
    """Execute FINN's ``QuantAvgPool2d``: sum integers over windows and shift right."""
    last = str(node.attribute("data_layout", "NCHW")) == "NHWC"
    data = np.moveaxis(values, -1, 1) if last else values
    size, stride = int(node.attribute("kernel", 1)), int(node.attribute("stride", 1))
    windows = np.lib.stride_tricks.sliding_window_view(data, (size, size), axis=(2, 3))
    total = windows[:, :, ::stride, ::stride].sum(axis=(-1, -2))
    largest = ((1 << int(node.attribute("ibits", 8))) - 1) * size * size
    shift = max(largest.bit_length() - int(node.attribute("obits", 8)), 0)
    found = np.right_shift(np.round(total).astype(np.int64), shift).astype(np.float32)
    return np.moveaxis(found, 1, -1) if last else found
