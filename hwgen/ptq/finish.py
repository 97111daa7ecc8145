"""From the quantized twin to a Brevitas network that ``finalize_export`` takes."""

from __future__ import annotations

import copy

import brevitas.nn as qnn
from torch import nn

from hwgen.ptq.coded import Coded
from hwgen.ptq.engine import Outcome
from hwgen.ptq.errors import NetworkError
from hwgen.train.bake import set_codes
from hwgen.train.weights import weight_quant


def finished(outcome: Outcome) -> nn.Module:
    """Return the network with quantized layers whose integer weights are fixed."""
    network = copy.deepcopy(outcome.twin)
    for name, coded in outcome.codes.items():
        network.set_submodule(name, _layer(name, network.get_submodule(name), coded))
    return network.eval()


def _layer(name: str, layer: nn.Module, coded: Coded) -> nn.Module:
    quant = weight_quant(coded.bits, "int")
    if isinstance(layer, nn.Linear):
        made = qnn.QuantLinear(
            layer.in_features, layer.out_features, layer.bias is not None, weight_quant=quant
        )
    else:
        kind = qnn.QuantConv1d if isinstance(layer, nn.Conv1d) else qnn.QuantConv2d
        made = kind(
            layer.in_channels,
            layer.out_channels,
            layer.kernel_size,
            stride=layer.stride,
            padding=_padding(name, layer),
            dilation=layer.dilation,
            groups=layer.groups,
            bias=layer.bias is not None,
            weight_quant=quant,
        )
    if layer.bias is not None:
        made.bias.data = layer.bias.data.clone()
    set_codes(made, coded.codes, coded.scale, coded.bits)
    return made


def _padding(name: str, layer: nn.Conv1d | nn.Conv2d) -> tuple[int, ...]:
    sides = layer._reversed_padding_repeated_twice
    if list(sides[::2]) != list(sides[1::2]):
        raise NetworkError(
            f"{name} pads unevenly (padding={layer.padding!r}); use an odd kernel, or pad in front "
            f"of it"
        )
    return tuple(sides[::2][::-1])
