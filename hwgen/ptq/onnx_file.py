"""A float ONNX file as a torch network.

Operators: Conv and MatMul or Gemm with constant weights, BatchNormalization, Relu, Clip, LeakyRelu,
Sigmoid, Tanh, Softmax, MaxPool, AveragePool, GlobalAveragePool, Flatten, Reshape, Add, Sub, Mul,
Div, Concat, Identity, Dropout, Constant. A file that holds quantizers already is refused.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError
from onnx import helper, numpy_helper
from torch import Tensor, fx, nn

from hwgen.errors import ModelError
from hwgen.ptq.errors import NetworkError

QUANTIZERS = ("Quant", "IntQuant", "BipolarQuant", "QuantizeLinear", "MultiThreshold")


def read_float_onnx(path: Path) -> nn.Module:
    """Return the network of a float ONNX file, its weights copied; the batch axis is free.

    Raises
    ------
    ModelError
        the file is missing or damaged
    NetworkError
        an operator is not supported (named), or the file is quantized already
    """
    try:
        file = onnx.load(str(path))
    except (OSError, DecodeError) as error:
        raise ModelError(f"{path} cannot be read as ONNX ({error})") from None
    return _Reader(file.graph).network()


class _Reader:
    """Builds a graph of torch calls, node by node."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.source = graph
        self.root = nn.Module()
        self.graph = fx.Graph()
        self.constants = {t.name: numpy_helper.to_array(t).copy() for t in graph.initializer}
        self.values: dict[str, fx.Node] = {}

    def network(self) -> nn.Module:
        inputs = [entry for entry in self.source.input if entry.name not in self.constants]
        if len(inputs) != 1 or len(self.source.output) != 1:
            raise NetworkError(
                f"the file has {len(inputs)} inputs and {len(self.source.output)} outputs; "
                f"hardware takes one of each"
            )
        self.values[inputs[0].name] = self.graph.placeholder("x")
        for number, node in enumerate(self.source.node):
            handler = _HANDLERS.get(node.op_type)
            name = node.name or f"{node.op_type}_{number}"
            if node.op_type in QUANTIZERS:
                raise NetworkError(
                    f"{name} ({node.op_type}): the file is quantized already; build it as it is "
                    f"or give the float network"
                )
            if handler is None:
                raise NetworkError(
                    f"{name} ({node.op_type}) cannot be quantized; supported are "
                    f"{', '.join(sorted(_HANDLERS))}"
                )
            options = {entry.name: helper.get_attribute_value(entry) for entry in node.attribute}
            handler(self, node, _clean(name), options)
        self.graph.output(self.values[self.source.output[0].name])
        return fx.GraphModule(self.root, self.graph, "FloatOnnx").eval()

    def call(self, node: onnx.NodeProto, name: str, layer: nn.Module) -> None:
        """Add a module called ``name`` on the node's first input."""
        while hasattr(self.root, name):
            name += "_"
        self.root.add_module(name, layer)
        self.values[node.output[0]] = self.graph.call_module(name, (self.values[node.input[0]],))

    def function(self, node: onnx.NodeProto, function: Callable[..., Any], *args: Any) -> None:
        self.values[node.output[0]] = self.graph.call_function(function, args)

    def constant(self, node: onnx.NodeProto, index: int) -> np.ndarray:
        """Return a constant input."""
        name = node.input[index]
        if name not in self.constants:
            raise NetworkError(
                f"{node.name or node.op_type}: input {index} ({name}) must be a constant"
            )
        return self.constants[name]


Options = dict[str, Any]


def _clean(name: str) -> str:
    text = "".join(c if c.isalnum() else "_" for c in name).strip("_")
    return text if text and not text[0].isdigit() else f"node_{text}"


def _parameter(values: np.ndarray) -> nn.Parameter:
    return nn.Parameter(torch.from_numpy(np.array(values, np.float32, order="C")))


def _sides(node: onnx.NodeProto, options: Options, rank: int) -> tuple[int, ...]:
    pads = list(options.get("pads", [0] * 2 * rank))
    uneven = pads[:rank] != pads[rank:]
    if uneven or options.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID"):
        raise NetworkError(
            f"{node.name or node.op_type}: pads={pads} or auto_pad is uneven; pad evenly"
        )
    return tuple(pads[:rank])


def _conv(reader: _Reader, node: onnx.NodeProto, name: str, options: Options) -> None:
    weights = reader.constant(node, 1)
    rank = weights.ndim - 2
    if rank not in (1, 2):
        raise NetworkError(f"{name}: a convolution over {rank} axes; hardware takes 1 or 2")
    groups = options.get("group", 1)
    kind = nn.Conv1d if rank == 1 else nn.Conv2d
    layer = kind(
        weights.shape[1] * groups,
        weights.shape[0],
        weights.shape[2:],
        stride=tuple(options.get("strides", [1] * rank)),
        padding=_sides(node, options, rank),
        dilation=tuple(options.get("dilations", [1] * rank)),
        groups=groups,
        bias=len(node.input) > 2,
    )
    layer.weight = _parameter(weights)
    if len(node.input) > 2:
        layer.bias = _parameter(reader.constant(node, 2))
    reader.call(node, name, layer)


def _dense(reader: _Reader, node: onnx.NodeProto, name: str, options: Options) -> None:
    weights = reader.constant(node, 1) * options.get("alpha", 1.0)
    if not options.get("transB", 0):
        weights = weights.T
    if weights.ndim != 2 or options.get("transA", 0):
        raise NetworkError(f"{name}: only a vector times a constant matrix can be quantized")
    bias = node.op_type == "Gemm" and len(node.input) > 2
    layer = nn.Linear(weights.shape[1], weights.shape[0], bias=bias)
    layer.weight = _parameter(weights)
    if bias:
        shift = reader.constant(node, 2) * options.get("beta", 1.0)
        layer.bias = _parameter(np.broadcast_to(shift.reshape(-1), (len(weights),)))
    reader.call(node, name, layer)


def _norm(reader: _Reader, node: onnx.NodeProto, name: str, options: Options) -> None:
    gain, shift, mean, variance = (reader.constant(node, index) for index in range(1, 5))
    layer = _AnyNorm(len(gain), eps=options.get("epsilon", 1e-5))
    layer.weight, layer.bias = _parameter(gain), _parameter(shift)
    layer.running_mean = torch.from_numpy(np.array(mean, np.float32))
    layer.running_var = torch.from_numpy(np.array(variance, np.float32))
    reader.call(node, name, layer)


class _AnyNorm(nn.BatchNorm2d):
    """BatchNorm over axis 1 of any rank, as ONNX has it."""

    def _check_input_dim(self, input: Tensor) -> None:
        del input


def _clip(reader: _Reader, node: onnx.NodeProto, name: str, options: Options) -> None:
    bounds = [float(options.get(key, limit)) for key, limit in (("min", -3e38), ("max", 3e38))]
    for index in (1, 2):
        if len(node.input) > index and node.input[index]:
            bounds[index - 1] = float(reader.constant(node, index))
    reader.call(node, name, nn.Hardtanh(*bounds))


def _pool(reader: _Reader, node: onnx.NodeProto, name: str, options: Options) -> None:
    kernel = tuple(options["kernel_shape"])
    rank = len(kernel)
    strides = tuple(options.get("strides", [1] * rank))
    given: dict[str, Any] = {"stride": strides, "padding": _sides(node, options, rank)}
    given["ceil_mode"] = bool(options.get("ceil_mode", 0))
    if node.op_type == "AveragePool":
        kind = nn.AvgPool1d if rank == 1 else nn.AvgPool2d
        given["count_include_pad"] = bool(options.get("count_include_pad", 0))
    else:
        kind = nn.MaxPool1d if rank == 1 else nn.MaxPool2d
    reader.call(node, name, kind(kernel, **given))


def _flatten(reader: _Reader, node: onnx.NodeProto, name: str, options: Options) -> None:
    if options.get("axis", 1) != 1:
        raise NetworkError(f"{name}: flattens from axis {options['axis']}; hardware takes axis 1")
    reader.call(node, name, nn.Flatten())


def _reshape(reader: _Reader, node: onnx.NodeProto, name: str, options: Options) -> None:
    del options
    rest = [int(size) for size in reader.constant(node, 1)][1:]
    if len(rest) == 1:
        reader.call(node, name, nn.Flatten())
        return
    value = reader.values[node.input[0]]
    reader.function(node, torch.reshape, value, (-1, *rest))


_BINARY = {
    "Add": operator.add,
    "Sub": operator.sub,
    "Mul": operator.mul,
    "Div": operator.truediv,
}


def _binary(reader: _Reader, node: onnx.NodeProto, name: str, options: Options) -> None:
    del options
    args: list[fx.Node] = []
    for index, given in enumerate(node.input):
        if given in reader.values:
            args.append(reader.values[given])
            continue
        buffer = f"{name}_{index}"
        reader.root.register_buffer(
            buffer, torch.from_numpy(np.array(reader.constant(node, index), np.float32))
        )
        args.append(reader.graph.get_attr(buffer))
    reader.function(node, _BINARY[node.op_type], *args)


def _concat(reader: _Reader, node: onnx.NodeProto, name: str, options: Options) -> None:
    del name
    reader.function(
        node, torch.cat, [reader.values[given] for given in node.input], options.get("axis", 1)
    )


def _constant(reader: _Reader, node: onnx.NodeProto, name: str, options: Options) -> None:
    del name
    value = options.get("value")
    if value is not None:
        reader.constants[node.output[0]] = numpy_helper.to_array(value)
    else:
        reader.constants[node.output[0]] = np.asarray(next(iter(options.values())))


def _transpose(reader: _Reader, node: onnx.NodeProto, name: str, options: Options) -> None:
    """Turn a constant; a stream keeps its order."""
    del name
    reader.constants[node.output[0]] = reader.constant(node, 0).transpose(options.get("perm"))


def _simple(make: Callable[[Options], nn.Module]) -> Callable[..., None]:
    def handler(reader: _Reader, node: onnx.NodeProto, name: str, options: Options) -> None:
        reader.call(node, name, make(options))

    return handler


_HANDLERS: dict[str, Callable[[_Reader, onnx.NodeProto, str, Options], None]] = {
    "Conv": _conv,
    "Gemm": _dense,
    "MatMul": _dense,
    "BatchNormalization": _norm,
    "Clip": _clip,
    "MaxPool": _pool,
    "AveragePool": _pool,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Concat": _concat,
    "Constant": _constant,
    "Transpose": _transpose,
    "Relu": _simple(lambda options: nn.ReLU()),
    "LeakyRelu": _simple(lambda options: nn.LeakyReLU(options.get("alpha", 0.01))),
    "Sigmoid": _simple(lambda options: nn.Sigmoid()),
    "Tanh": _simple(lambda options: nn.Tanh()),
    "Softmax": _simple(lambda options: nn.Softmax(options.get("axis", -1))),
    "Identity": _simple(lambda options: nn.Identity()),
    "Dropout": _simple(lambda options: nn.Dropout()),
    "GlobalAveragePool": _simple(lambda options: nn.AdaptiveAvgPool2d(1)),
    **dict.fromkeys(_BINARY, _binary),
}
