"""Read an ONNX file into nodes, constants and an input, whatever its age and dialect."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.inliner
from google.protobuf.message import DecodeError
from onnx import numpy_helper

from hwgen.errors import ModelError
from hwgen.frontend.expr import Array

QUANT_DOMAINS = frozenset(
    {
        "onnx.brevitas",
        "qonnx.custom_op.general",
        "finn.custom_op.general",
        "brevitas",
        "qonnx",
        "finn",
    }
)
"""Domains of the quantizing operators of QONNX and FINN; files also leave the domain out."""


@dataclass(frozen=True, eq=False)
class FileNode:
    """One node of the file.

    name : its name in the file, or its operator and first output where it has none
    module : the layer of the training framework it came from, "" where the file does not say
    opset : version of the node's operator set
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    module: str
    opset: int
    proto: onnx.NodeProto

    def attribute(self, name: str, default: Any = None) -> Any:
        """Return an attribute as a Python value, strings as ``str``."""
        for entry in self.proto.attribute:
            if entry.name == name:
                value = onnx.helper.get_attribute_value(entry)
                return value.decode() if isinstance(value, bytes) else value
        return default

    def integers(self, name: str) -> tuple[int, ...] | None:
        """Return a list of integers, or None where the attribute is absent."""
        value = self.attribute(name)
        return None if value is None else tuple(int(v) for v in value)


@dataclass(frozen=True, eq=False)
class FileTensor:
    """A constant of the file: an exact array, and the ONNX element type it has there."""

    values: Array
    elem: int


@dataclass(frozen=True, eq=False)
class Model:
    """A file's network: one input, nodes in topological order, constants, outputs.

    shape : the input's shape with the frame axis, which is 1 here whatever the file says
    frames : the frame count baked into the file (1 where it is symbolic)
    annotations : FINN data type by tensor name
    """

    name: str
    sha256: str
    input: str
    shape: tuple[int, ...]
    elem: int
    frames: int
    nodes: tuple[FileNode, ...]
    constants: Mapping[str, FileTensor]
    outputs: tuple[str, ...]
    annotations: Mapping[str, str]
    metadata: Mapping[str, str]
    opset: int


def read_model(path: str | Path) -> Model:
    """Read ``path``; raise ``ModelError`` where it is missing, damaged or not a usable network."""
    path = Path(path)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file; give the path of an ONNX network") from None
    except OSError as error:
        raise ModelError(
            f"{path}: cannot be read ({error.strerror}); give a readable file"
        ) from None
    proto = _parse(path, content)
    graph = proto.graph
    opsets = {entry.domain: entry.version for entry in proto.opset_import}
    constants = {entry.name: _tensor(path, entry) for entry in graph.initializer}
    inputs = [entry for entry in graph.input if entry.name not in constants]
    if len(inputs) != 1:
        names = ", ".join(entry.name for entry in inputs) or "none"
        raise ModelError(
            f"{path}: the network has {len(inputs)} inputs ({names}); hwgen builds "
            f"networks with one input; export it with one"
        )
    shape, frames = _input_shape(path, inputs[0])
    model = Model(
        name=path.stem,
        sha256=hashlib.sha256(content).hexdigest(),
        input=inputs[0].name,
        shape=shape,
        elem=inputs[0].type.tensor_type.elem_type,
        frames=frames,
        nodes=_nodes(graph, opsets),
        constants=constants,
        outputs=tuple(entry.name for entry in graph.output),
        annotations=_annotations(graph),
        metadata={entry.key: entry.value for entry in proto.metadata_props},
        opset=max(opsets.get("", 0), opsets.get("ai.onnx", 0)) or 9,
    )
    _check_defined(path, model)
    return model


def _parse(path: Path, content: bytes) -> onnx.ModelProto:
    broken = ModelError(
        f"{path}: not an ONNX file, or a truncated one ({len(content)} bytes); "
        f"export or copy it again"
    )
    try:
        proto = onnx.ModelProto.FromString(content)
    except DecodeError:
        raise broken from None
    if not proto.HasField("graph") or not proto.ir_version or not _is_text(proto.graph):
        raise broken
    if proto.ir_version >= 3 and not proto.opset_import:  # they stand behind the graph
        raise broken
    if not proto.graph.node or not proto.graph.output:
        raise ModelError(f"{path}: the network has no layers or no outputs; export it again")
    if proto.functions:
        proto = onnx.inliner.inline_local_functions(proto)
    try:
        onnx.load_external_data_for_model(proto, str(path.parent))
    except (OSError, ValueError, onnx.checker.ValidationError) as error:
        raise ModelError(
            f"{path}: its external weight file cannot be read ({error}); keep it beside "
            f"the network or export with the weights inside"
        ) from None
    return proto


def _is_text(graph: onnx.GraphProto) -> bool:
    """Whether all names are text; damaged ones come as bytes."""
    names: list[object] = [graph.name]
    for node in graph.node:
        names += [node.name, node.op_type, node.domain, *node.input, *node.output]
        names += [entry.name for entry in node.attribute]
    names += [
        entry.name for part in (graph.initializer, graph.input, graph.output) for entry in part
    ]
    return all(isinstance(name, str) for name in names)


def _tensor(path: Path, entry: onnx.TensorProto) -> FileTensor:
    try:
        return file_tensor(entry)
    except (ValueError, TypeError, KeyError) as error:
        raise ModelError(
            f"{path}: constant {entry.name} is damaged ({error}); export or copy the file again"
        ) from None


def file_tensor(entry: onnx.TensorProto) -> FileTensor:
    """Return a tensor's values as int64, bool or float64, which hold each of them exactly."""
    values = numpy_helper.to_array(entry)
    return FileTensor(exact_array(values), entry.data_type)


def exact_array(values: Array) -> Array:
    """Return int64, bool or float64 for any numeric array; no value changes."""
    if values.dtype.kind == "b":
        return values
    if values.dtype.kind in "iu" or "int" in values.dtype.name:
        return values.astype(np.int64)
    if values.dtype.kind == "f" or "float" in values.dtype.name:
        return values.astype(np.float64)
    raise TypeError(f"element type {values.dtype} is not a number")


def _input_shape(path: Path, entry: onnx.ValueInfoProto) -> tuple[tuple[int, ...], int]:
    dims = entry.type.tensor_type.shape.dim
    if len(dims) < 1:
        raise ModelError(
            f"{path}: input {entry.name} has no shape; export with a fixed input shape"
        )
    rest = [dim.dim_value for dim in dims[1:]]
    if any(size < 1 for size in rest):
        symbols = "x".join(dim.dim_param or str(dim.dim_value) for dim in dims)
        raise ModelError(
            f"{path}: input {entry.name} has shape {symbols}; hardware needs every size "
            f"but the first (frames) fixed, and at least 1; export with a fixed input shape"
        )
    return (1, *rest), max(dims[0].dim_value, 1)


def _nodes(graph: onnx.GraphProto, opsets: Mapping[str, int]) -> tuple[FileNode, ...]:
    found: list[FileNode] = []
    for proto in graph.node:
        outputs = tuple(proto.output)
        label = f"{proto.op_type}_{outputs[0]}" if outputs else proto.op_type
        domain = "" if proto.domain == "ai.onnx" else proto.domain
        found.append(
            FileNode(
                name=proto.name or label,
                op=proto.op_type
                if domain in QUANT_DOMAINS or not domain
                else f"{domain}::{proto.op_type}",
                inputs=tuple(proto.input),
                outputs=outputs,
                module=_module(proto),
                opset=opsets.get(domain, opsets.get("ai.onnx", 1) if not domain else 1),
                proto=proto,
            )
        )
    return tuple(found)


def _module(proto: onnx.NodeProto) -> str:
    """Return the source layer, from the exporter's metadata or from a path-like node name."""
    properties = {entry.key: entry.value for entry in proto.metadata_props}
    for key in ("pkg.torch.onnx.name_scopes", "pkg.onnxscript.name_scopes"):
        text = properties.get(key, "").strip("[]")
        scopes = [part.strip(" '\"") for part in text.split(",")]
        scopes = [part for part in scopes if part]
        if scopes:
            return scopes[-2] if len(scopes) > 1 else scopes[-1]
    namespace = properties.get("namespace", "")
    if namespace:
        return namespace
    if proto.name.startswith("/"):
        parts = proto.name.strip("/").split("/")[:-1]
        return ".".join(part for part in parts if part not in ("export_handler", "activation_impl"))
    return ""


def _annotations(graph: onnx.GraphProto) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in graph.quantization_annotation:
        for pair in entry.quant_parameter_tensor_names:
            if pair.key == "finn_datatype":
                found[entry.tensor_name] = pair.value
    return found


def _check_defined(path: Path, model: Model) -> None:
    known = {model.input, *model.constants, ""}
    for node in model.nodes:
        for name in node.inputs:
            if name not in known:
                raise ModelError(
                    f"{path}: layer {node.name} reads {name}, which nothing before it "
                    f"computes; the file is damaged, export it again"
                )
        known.update(node.outputs)
    for name in model.outputs:
        if name not in known:
            raise ModelError(
                f"{path}: output {name} is not computed by any layer; the file is "
                f"damaged, export it again"
            )
