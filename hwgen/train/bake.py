"""Freeze a trained network: bake quantized weights, fix their scales.

Brevitas exports the *float* weight behind a plain rounding node. For a rule that does not round
to the nearest (a ternary threshold, say) the file would compute something else, silently. Baking
writes the quantized weight into the layer and puts a constant quantizer in its place, for which
rounding is exact.
"""

from __future__ import annotations

import copy

import torch
from brevitas.inject import ExtendedInjector
from brevitas.proxy import WeightQuantProxyFromInjector
from torch import Tensor, nn

from hwgen.train.errors import ExportError


class FrozenQuant(nn.Module):
    """Brevitas ``tensor_quant`` with a constant scale: rounds a baked weight onto its own grid."""

    def __init__(self, frozen_scale: Tensor, low: int, high: int, bit_width: int) -> None:
        super().__init__()
        self.register_buffer("scale", frozen_scale)
        self.low = low
        self.high = high
        self.bits = float(bit_width)
        self.int_quant = nn.Module()
        self.int_quant.input_view_impl = nn.Identity()

    def forward(self, weights: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        if self.bits == 1:
            codes = torch.where(weights < 0, -1.0, 1.0)
        else:
            codes = (weights / self.scale).round().clamp(self.low, self.high)
        zero = torch.zeros((), device=weights.device)
        return codes * self.scale, self.scale, zero, zero + self.bits


def baked(model: nn.Module) -> nn.Module:
    """Return a copy of ``model`` in evaluation mode whose weights lie on their integer grids.

    Every layer with a quantized weight gets that weight, exactly, and a constant scale. Hooks that
    mix float weights in (stochastic quantization) are not part of the copy.

    Raises
    ------
    ExportError
        a weight with a zero point, wider than 8 bit, or not on the grid of its own scale
    """
    frozen = copy.deepcopy(model).eval()
    for name, layer in quantized_layers(frozen):
        _freeze(name, layer)
    return frozen


def quantized_layers(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """Return name and layer of everything with a quantized weight, in definition order."""
    return [
        (name, layer)
        for name, layer in model.named_modules()
        if isinstance(getattr(layer, "weight_quant", None), WeightQuantProxyFromInjector)
        and layer.weight_quant.is_quant_enabled
    ]


def integer_weights(layer: nn.Module) -> Tensor:
    """Return the integer codes (int64) of a layer's weight."""
    quantized = layer.quant_weight()
    return (quantized.value.detach() / _nonzero(quantized.scale.detach())).round().long()


def _nonzero(scale: Tensor) -> Tensor:
    return torch.where(scale == 0, torch.ones_like(scale), scale)


def _freeze(name: str, layer: nn.Module) -> None:
    proxy = layer.weight_quant
    with torch.no_grad():
        quantized = layer.quant_weight()
        value, scale = quantized.value.clone(), _nonzero(quantized.scale.detach().clone())
    bits = round(float(quantized.bit_width))
    if bool((quantized.zero_point != 0).any()):
        raise ExportError(
            f"{name}: its weights have a zero point; use a symmetric weight quantizer"
        )
    if bits > 8:
        raise ExportError(f"{name}: weights of {bits} bit, hardware takes up to 8; set bit_width")
    low, high = _code_range(bits, bool(proxy.is_signed), bool(proxy.is_narrow_range))
    quant = FrozenQuant(scale, low, high, bits).to(value.device)
    if not torch.equal(quant(value)[0], value):
        raise ExportError(
            f"{name}: its {bits}-bit weights are not integers times their scale; quantization must "
            f"be complete (ratio 1) before export"
        )
    layer.weight.data = value
    _set_frozen(layer, quant, bool(proxy.is_signed), bool(proxy.is_narrow_range))


def set_codes(layer: nn.Module, codes: Tensor, scale: Tensor, bits: int) -> None:
    """Give a ``brevitas.nn`` layer the weights ``codes * scale``, for good.

    Parameters
    ----------
    codes : integers of any dtype, within ``+-(2^(bits-1) - 1)``, shaped as the weight
    scale : positive, broadcasts against the codes
    bits : 2..8
    """
    top = 2 ** (bits - 1) - 1
    assert float(codes.abs().max()) <= top, "codes lie outside their width"
    quant = FrozenQuant(scale.float(), -top, top, bits)
    layer.weight.data = codes.float() * scale.float()
    _set_frozen(layer, quant, signed=True, narrow=True)


def _set_frozen(layer: nn.Module, quant: FrozenQuant, signed: bool, narrow: bool) -> None:
    injector = _frozen_injector(quant, signed, narrow)
    layer.weight_quant = WeightQuantProxyFromInjector(layer, injector)
    layer.weight_quant.eval()


def _frozen_injector(
    quant: FrozenQuant, is_signed: bool, is_narrow: bool
) -> type[ExtendedInjector]:
    class Frozen(ExtendedInjector):
        proxy_class = WeightQuantProxyFromInjector
        tensor_quant = FrozenQuant
        frozen_scale = quant.scale
        low = quant.low
        high = quant.high
        bit_width = int(quant.bits)
        signed = is_signed
        narrow_range = is_narrow
        float_to_int_impl_type = "ROUND"

    return Frozen


def _code_range(bits: int, signed: bool, narrow: bool) -> tuple[int, int]:
    if not signed:
        return 0, 2**bits - 1 - narrow
    if bits == 1:
        return -1, 1
    return -(2 ** (bits - 1)) + narrow, 2 ** (bits - 1) - 1
