"""Weight quantizers for any ``brevitas.nn`` layer, as injectors for ``weight_quant=``."""

from __future__ import annotations

from typing import Literal

import torch
from brevitas.inject import ExtendedInjector
from brevitas.proxy import WeightQuantProxyFromInjector
from brevitas.quant import Int8WeightPerChannelFloat, Int8WeightPerTensorFloat
from torch import Tensor, nn

from hwgen.train import rules
from hwgen.train.errors import RecipeError

Quantizer = Literal["auto", "bwn", "twn", "ternary", "int"]


class _Straight(torch.autograd.Function):
    """Forward the quantized weight bit for bit, pass the gradient to the float weight as it is."""

    @staticmethod
    def forward(ctx, weights: Tensor, quantized: Tensor) -> Tensor:
        return quantized.clone()

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None]:
        return grad, None


class _View(nn.Module):
    """What Brevitas asks of a quantizer that works on the whole tensor: an identity view."""

    def __init__(self) -> None:
        super().__init__()
        self.input_view_impl = nn.Identity()


class RuleQuant(nn.Module):
    """Brevitas ``tensor_quant`` that applies a rule with an identity straight-through gradient.

    The gradient of the quantized weight becomes the gradient of the float weight unchanged: none
    flows through scale or threshold, and nothing is clipped.
    """

    def __init__(self, rule: str, per_filter: bool, bit_width: int) -> None:
        super().__init__()
        self.rule = rules.RULES[rule]
        self.per_filter = per_filter
        self.bits = float(bit_width)
        self.int_quant = _View()

    def forward(self, weights: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        coded = self.rule(weights.detach(), self.per_filter)
        value = _Straight.apply(weights, coded.weights)
        zero = torch.zeros((), dtype=weights.dtype, device=weights.device)
        return value, coded.scale, zero, zero + self.bits


class _RuleWeight(ExtendedInjector):
    proxy_class = WeightQuantProxyFromInjector
    tensor_quant = RuleQuant
    signed = True
    narrow_range = True
    float_to_int_impl_type = "ROUND"
    per_filter = True


class BWNWeight(_RuleWeight):
    """Binary weights, one scale per filter."""

    rule = "bwn"
    bit_width = 1


class TWNWeight(_RuleWeight):
    """Ternary weights, one threshold per layer, one scale per filter."""

    rule = "twn"
    bit_width = 2


class TernaryWeight(_RuleWeight):
    """Ternary weights of least squared error, one scale per filter."""

    rule = "ternary"
    bit_width = 2


_RULES: dict[str, type[_RuleWeight]] = {
    "bwn": BWNWeight,
    "twn": TWNWeight,
    "ternary": TernaryWeight,
}


def weight_quant(
    bits: int, quantizer: Quantizer = "auto", *, per_filter: bool = True
) -> type[ExtendedInjector]:
    """Return the injector for ``bits``-bit weights.

    ``auto`` is BWN for one bit, TWN for two and Brevitas' narrow integers above. ``per_filter``
    gives each filter its own scale; the other choice is one scale for the layer.

    Raises
    ------
    RecipeError
        bits outside 1..8, or a rule that has another width
    """
    if not 1 <= bits <= 8:
        raise RecipeError(f"weights of {bits} bit: hardware takes 1..8; choose a width within")
    name = {1: "bwn", 2: "twn"}.get(bits, "int") if quantizer == "auto" else quantizer
    if name == "int":
        if bits == 1:
            raise RecipeError("quantizer int has 2..8 bits; for 1-bit weights use quantizer bwn")
        stock = Int8WeightPerChannelFloat if per_filter else Int8WeightPerTensorFloat
        return stock.let(bit_width=bits, scaling_impl_type="PARAMETER_FROM_STATS")
    injector = _RULES[name]
    if injector.bit_width != bits:
        raise RecipeError(
            f"quantizer {name} has {injector.bit_width}-bit weights, not {bits}; "
            f"use quantizer auto or int for other widths"
        )
    return injector.let(per_filter=per_filter)


def set_weight_quant(layer: nn.Module, injector: type[ExtendedInjector]) -> None:
    """Give a ``brevitas.nn`` layer another weight quantizer, its weights stay."""
    layer.weight_quant = injector.proxy_class(layer, injector)
