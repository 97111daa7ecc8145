"""A float module as a list of calls, each of a kind that quantization knows."""

from __future__ import annotations

import copy
import operator
import warnings
from typing import Literal

import torch
from torch import fx, nn

from hwgen.ptq.errors import NetworkError

Kind = Literal["input", "weight", "norm", "pointwise", "pass", "keep", "add", "concat", "constant"]

WEIGHTED = (nn.Linear, nn.Conv1d, nn.Conv2d)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
_MODULES: dict[type[nn.Module], Kind] = {
    **dict.fromkeys(WEIGHTED, "weight"),
    **dict.fromkeys(NORMS, "norm"),
    **dict.fromkeys((nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d), "pass"),
    **dict.fromkeys(
        (nn.ReLU, nn.ReLU6, nn.Hardtanh, nn.Sigmoid, nn.Tanh, nn.LeakyReLU, nn.SiLU), "pointwise"
    ),
    **dict.fromkeys((nn.Hardsigmoid, nn.Hardswish, nn.Softmax, nn.LogSoftmax), "pointwise"),
    **dict.fromkeys(
        (nn.Flatten, nn.MaxPool1d, nn.MaxPool2d, nn.AvgPool1d, nn.AvgPool2d, nn.Upsample), "keep"
    ),
    **dict.fromkeys((nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.Unflatten), "keep"),
}
_F = nn.functional
_FUNCTIONS: dict[object, Kind] = {
    **dict.fromkeys((torch.relu, _F.relu, _F.relu6, _F.hardtanh, torch.sigmoid), "pointwise"),
    **dict.fromkeys((torch.tanh, _F.silu, _F.leaky_relu, torch.clamp, _F.softmax), "pointwise"),
    **dict.fromkeys((_F.log_softmax, torch.softmax, _F.sigmoid, _F.hardswish), "pointwise"),
    **dict.fromkeys((operator.mul, torch.mul, operator.truediv, torch.div), "pointwise"),
    **dict.fromkeys((operator.sub, torch.sub, operator.neg), "pointwise"),
    **dict.fromkeys((torch.flatten, _F.max_pool2d, _F.avg_pool2d, torch.reshape), "keep"),
    **dict.fromkeys((_F.adaptive_avg_pool2d, _F.max_pool1d, torch.mean, _F.interpolate), "keep"),
    **dict.fromkeys((operator.add, operator.iadd, torch.add), "add"),
    **dict.fromkeys((torch.cat, torch.concat), "concat"),
    _F.dropout: "pass",
}
_METHODS: dict[str, Kind] = {
    **dict.fromkeys(("flatten", "view", "reshape", "mean"), "keep"),
    **dict.fromkeys(
        ("relu", "sigmoid", "tanh", "clamp", "mul", "div", "sub", "softmax"), "pointwise"
    ),
    **dict.fromkeys(("add", "add_"), "add"),
    **dict.fromkeys(("contiguous", "clone"), "pass"),
}
_TWO_STREAMS = (operator.mul, torch.mul, operator.sub, torch.sub, operator.truediv, torch.div)


def _sort(layer: nn.Module) -> Kind | None:
    found = (_MODULES.get(family) for family in type(layer).__mro__)
    return next((sort for sort in found if sort is not None), None)


class _Tracer(fx.Tracer):
    """Goes into every module but torch's own layers."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        del module_qualified_name
        return _sort(m) is not None or (
            m.__module__.startswith("torch.nn") and not isinstance(m, nn.Sequential)
        )


def trace(model: nn.Module) -> fx.GraphModule:
    """Return a copy of ``model`` in evaluation mode as a graph of calls.

    Raises
    ------
    NetworkError
        control flow that depends on values, a layer or function that is not supported (named), a
        weight layer that is called twice, several inputs or outputs, or weights that are NaN or
        infinite
    """
    own = copy.deepcopy(model).cpu().eval().requires_grad_(False)
    for part in own.modules():
        if getattr(part, "inplace", False):
            part.inplace = False
    _check_finite(own)
    tracer = _Tracer()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            graph = tracer.trace(own)
    except (fx.proxy.TraceError, TypeError) as error:
        reason = str(error).split(". ")[0]
        raise NetworkError(
            f"{type(model).__name__}.forward cannot be traced ({reason}); it must call its layers "
            f"in one fixed order, without control flow that depends on values"
        ) from None
    traced = fx.GraphModule(tracer.root, graph, type(model).__name__)
    traced.graph.eliminate_dead_code()
    _check(traced)
    return traced


def kind(traced: fx.GraphModule, node: fx.Node) -> Kind | None:
    """Return what sort of call ``node`` is, None for one that is not supported."""
    if node.op == "placeholder":
        return "input"
    if node.op == "get_attr":
        return "constant"
    if node.op == "call_module":
        return _sort(traced.get_submodule(str(node.target)))
    if node.op == "call_method":
        found = _METHODS.get(str(node.target))
    else:
        found = _FUNCTIONS.get(node.target)
    if found == "add" and len(streams(node)) < 2:
        return "pointwise"
    two = node.target in _TWO_STREAMS or node.target in ("mul", "div", "sub")
    return None if two and len(streams(node)) > 1 else found


def streams(node: fx.Node) -> list[fx.Node]:
    """Return the inputs of ``node`` that depend on the network's input."""
    return [given for given in node.all_input_nodes if given.op != "get_attr"]


def weight_layers(traced: fx.GraphModule) -> list[str]:
    """Return the names of the weight layers in the order they are called."""
    return [str(node.target) for node in traced.graph.nodes if kind(traced, node) == "weight"]


def describe(traced: fx.GraphModule, node: fx.Node) -> str:
    """Return a call as a user knows it: a module's path and class, or a function's name."""
    if node.op == "call_module":
        layer = traced.get_submodule(str(node.target))
        return f"{node.target} ({type(layer).__name__})"
    name = getattr(node.target, "__name__", str(node.target))
    return f"{name} (in {type(traced).__name__}.forward)"


def _check_finite(model: nn.Module) -> None:
    for name, values in model.state_dict().items():
        bad = int((~torch.isfinite(values)).sum())
        if bad:
            raise NetworkError(
                f"{name} holds {bad} values that are NaN or infinite; train the network anew or "
                f"load another state"
            )


def _check(traced: fx.GraphModule) -> None:
    nodes = [node for node in traced.graph.nodes if node.op != "output"]
    inputs = [node for node in nodes if node.op == "placeholder" and node.users]
    last = next(node for node in traced.graph.nodes if node.op == "output")
    name = type(traced).__name__
    if len(inputs) != 1 or not isinstance(last.args[0], fx.Node):
        outputs = 1 if isinstance(last.args[0], fx.Node) else "several"
        raise NetworkError(
            f"{name} takes {len(inputs)} inputs and gives {outputs} outputs; hardware takes one "
            f"tensor and gives one, so split the network there"
        )
    for node in nodes:
        if node.target in (getattr, "size"):
            raise NetworkError(
                f"{name}.forward reads a tensor's shape, which is fixed in hardware; write "
                f"x.flatten(1) for x.view(x.size(0), -1), or numbers"
            )
        if kind(traced, node) is None:
            raise NetworkError(
                f"{describe(traced, node)} cannot be quantized; supported are Linear, Conv1d, "
                f"Conv2d, BatchNorm, pooling, sums and concatenation of two streams, reshapes and "
                f"elementwise functions of one stream"
            )
    layers = weight_layers(traced)
    for path in layers:
        if layers.count(path) > 1:
            raise NetworkError(
                f"{path} is called {layers.count(path)} times; give each call a layer of its own"
            )
        layer = traced.get_submodule(path)
        if getattr(layer, "padding_mode", "zeros") != "zeros":
            raise NetworkError(
                f"{path} pads with {layer.padding_mode}; hardware pads with zeros, retrain with "
                f"padding_mode='zeros'"
            )
    if not layers:
        raise NetworkError(f"{name} has no Linear or Conv layer to quantize")
