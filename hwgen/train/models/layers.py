"""Building blocks the network definitions share: quantized layers and activations.

Activations follow a BatchNorm, so their input is near a standard normal: the initial step of an
unsigned activation is the one of least squared error for that distribution behind a ReLU.
"""

from __future__ import annotations

import brevitas.nn as qnn
import torch
from brevitas.quant import Int8ActPerTensorFloat, Uint8ActPerTensorFloat
from brevitas.quant.binary import SignedBinaryActPerTensorConst
from torch import Tensor, nn

from hwgen.train.acts import SignedStep, UnsignedStep
from hwgen.train.errors import RecipeError
from hwgen.train.weights import Quantizer, weight_quant

UNSIGNED_STEP = {2: 0.6508, 3: 0.3534, 4: 0.1932}
WIDE_RANGE = 4.0  # standard deviations that a wide or signed activation covers at first


def activation(bits: int) -> nn.Module:
    """Return the activation of ``bits``: bipolar for one bit, else unsigned, which is a ReLU too.

    The step of an unsigned activation is learned.
    """
    _check_bits(bits)
    if bits == 1:
        return qnn.QuantIdentity(act_quant=SignedBinaryActPerTensorConst)
    step = UNSIGNED_STEP.get(bits, WIDE_RANGE / (2**bits - 1))
    return qnn.QuantIdentity(act_quant=UnsignedStep.let(bit_width=bits, first_step=step))


def signed_activation(bits: int) -> nn.Module:
    """Return a signed quantizer of ``bits`` with a learned step, for branches before an Add."""
    _check_bits(bits)
    step = WIDE_RANGE / 2 ** (bits - 1)
    return qnn.QuantIdentity(act_quant=SignedStep.let(bit_width=bits, first_step=step))


def input_quant(bits: int, low: float = 0.0) -> nn.Module:
    """Return the quantizer of the network's input, which spans ``low..1``.

    One bit gives the sign; otherwise ``low`` 0 gives unsigned codes with step ``1 / (2^bits - 1)``
    and ``low`` -1 signed codes with step ``2 / 2^bits``.
    """
    _check_bits(bits)
    if bits == 1:
        return qnn.QuantIdentity(act_quant=SignedBinaryActPerTensorConst)
    stock = Int8ActPerTensorFloat if low < 0 else Uint8ActPerTensorFloat
    return qnn.QuantIdentity(
        act_quant=stock, bit_width=bits, scaling_impl_type="CONST", scaling_init=1.0
    )


def linear(
    inputs: int, outputs: int, bits: int, quantizer: Quantizer = "auto", *, per_filter: bool = True
) -> qnn.QuantLinear:
    """Return a fully connected layer without bias."""
    quant = weight_quant(bits, quantizer, per_filter=per_filter)
    return qnn.QuantLinear(inputs, outputs, bias=False, weight_quant=quant)


def conv(
    inputs: int,
    outputs: int,
    kernel: int,
    bits: int,
    quantizer: Quantizer = "auto",
    *,
    stride: int = 1,
    padding: int = 0,
    groups: int = 1,
) -> qnn.QuantConv2d:
    """Return a 2-D convolution without bias, one weight scale per filter."""
    return qnn.QuantConv2d(
        inputs,
        outputs,
        kernel,
        stride=stride,
        padding=padding,
        groups=groups,
        bias=False,
        weight_quant=weight_quant(bits, quantizer),
    )


def conv1d(
    inputs: int,
    outputs: int,
    kernel: int,
    bits: int,
    quantizer: Quantizer = "auto",
    *,
    padding: int = 0,
) -> qnn.QuantConv1d:
    """Return a 1-D convolution without bias, one weight scale per filter."""
    return qnn.QuantConv1d(
        inputs,
        outputs,
        kernel,
        padding=padding,
        bias=False,
        weight_quant=weight_quant(bits, quantizer),
    )


class LogitScale(nn.Module):
    """Multiply the class scores by one learned number.

    The last layer's integers keep their order, so the class can be chosen on them.
    """

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(inputs**-0.5))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale


def _check_bits(bits: int) -> None:
    if not 1 <= bits <= 8:
        raise RecipeError(f"activations of {bits} bit: hardware takes 1..8; choose a width within")
