"""Float and quantized network side by side, call by call, on the whole calibration set.

Each call is computed for all batches before the next one begins. So a layer is quantized when both
its float input and its input from the already quantized part of the network are at hand, and every
layer is computed once only. Memory holds what later calls still read, nothing unfolded.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, fx, nn

from hwgen.ptq.places import Prepared

Batches = list[Tensor]


@dataclass(frozen=True, eq=False)
class Meeting:
    """One module call in both networks, before the quantized one is computed.

    name : of the module
    layer : the quantized network's module, the float network's weights in it as yet
    x, y : what it is given in the float and in the quantized network
    out : what it gives in the float network
    readers : names of the modules that read its result
    """

    name: str
    layer: nn.Module
    x: Batches
    y: Batches
    out: Batches
    readers: tuple[str, ...]


class Lockstep:
    """Runs a prepared network and its quantized twin; the caller changes the twin as they go.

    Attributes
    ----------
    twin : the network under quantization, a copy
    """

    def __init__(self, prepared: Prepared, batches: Batches) -> None:
        self.prepared = prepared
        self.twin = copy.deepcopy(prepared.traced)
        self.batches = batches
        self.outputs: tuple[Batches, Batches] = ([], [])

    @torch.no_grad()
    def __iter__(self) -> Iterator[Meeting]:
        float_values: dict[fx.Node, Batches] = {}
        quant_values: dict[fx.Node, Batches] = {}
        nodes = list(self.prepared.traced.graph.nodes)
        last_use = {given: node for node in nodes for given in node.all_input_nodes}
        for node in nodes:
            if node.op == "output":
                final = node.args[0]
                self.outputs = float_values[final], quant_values[final]
                return
            float_values[node] = self._call(self.prepared.traced, node, float_values)
            if node.op == "call_module":
                yield self._meeting(node, float_values, quant_values)
            quant_values[node] = self._call(self.twin, node, quant_values)
            for given in node.all_input_nodes:
                if last_use[given] is node:
                    float_values[given] = quant_values[given] = []

    def _meeting(
        self, node: fx.Node, floats: dict[fx.Node, Batches], quants: dict[fx.Node, Batches]
    ) -> Meeting:
        given = node.args[0]
        readers = tuple(str(user.target) for user in node.users if user.op == "call_module")
        name = str(node.target)
        layer = self.twin.get_submodule(name)
        return Meeting(name, layer, floats[given], quants[given], floats[node], readers)

    def _call(self, net: fx.GraphModule, node: fx.Node, values: dict[fx.Node, Batches]) -> Batches:
        if node.op == "placeholder":
            return self.batches
        count = len(self.batches)
        if node.op == "get_attr":
            owner, _, attribute = str(node.target).rpartition(".")
            return [getattr(net.get_submodule(owner), attribute)] * count
        return [self._one(net, node, values, index) for index in range(count)]

    def _one(
        self, net: fx.GraphModule, node: fx.Node, values: dict[fx.Node, Batches], index: int
    ) -> Tensor:
        args = fx.node.map_arg(node.args, lambda given: values[given][index])
        options = fx.node.map_arg(node.kwargs, lambda given: values[given][index])
        if node.op == "call_module":
            return net.get_submodule(str(node.target))(*args, **options)
        if node.op == "call_method":
            return getattr(args[0], str(node.target))(*args[1:], **options)
        return node.target(*args, **options)


def relative_error(wanted: Batches, got: Batches) -> float:
    """Return the square of the difference over the square of what is wanted; 0 where that is 0."""
    lost = sum(
        float((a.double() - b.double()).square().sum()) for a, b in zip(wanted, got, strict=True)
    )
    whole = sum(float(a.double().square().sum()) for a in wanted)
    return lost / whole if whole else 0.0
