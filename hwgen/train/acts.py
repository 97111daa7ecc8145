"""Activation quantizer with a learned step, lean enough to train on a processor.

Brevitas' own computes the same from about thirty elementwise passes; this one takes a dozen.
"""

from __future__ import annotations

import torch
from brevitas.inject import ExtendedInjector
from brevitas.proxy import ActQuantProxyFromInjector
from torch import Tensor, nn

SMALLEST_STEP = 1e-5


class _Round(torch.autograd.Function):
    """``step * clamp(round(x / step), low, high)`` with the gradients of learned-step quantization.

    x gets the gradient where it was not clamped. The step gets, summed over the elements,
    ``code - x / step`` where x was not clamped and the bound where it was, times ``gain``.
    """

    @staticmethod
    def forward(ctx, x: Tensor, step: Tensor, low: int, high: int, gain: float) -> Tensor:
        ratio = x / step
        ctx.save_for_backward(ratio)
        ctx.bounds = low, high
        ctx.gain = gain
        return ratio.round().clamp_(low, high).mul_(step)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        (ratio,) = ctx.saved_tensors
        low, high = ctx.bounds
        passed = grad * ratio.clamp(low, high).eq_(ratio)
        total = (ratio.round().clamp_(low, high).mul_(grad)).sum() - (passed * ratio).sum()
        return passed, total * ctx.gain, None, None, None


class StepQuant(nn.Module):
    """Brevitas ``tensor_quant`` for activations: uniform codes around zero with a learned step.

    Parameters
    ----------
    first_step : the step before training
    bit_width : 2..8; unsigned codes 0..2^bits-1, signed codes -2^(bits-1)..2^(bits-1)-1

    Source: Esser et al., Learned Step Size Quantization, ICLR 2020, for the step's gradient and its
    scaling by one over the root of elements times largest code.
    """

    def __init__(self, first_step: float, bit_width: int, signed: bool) -> None:
        super().__init__()
        self.step = nn.Parameter(torch.tensor(float(first_step)))
        self.bits = float(bit_width)
        self.low = -(2 ** (bit_width - 1)) if signed else 0
        self.high = 2 ** (bit_width - 1) - 1 if signed else 2**bit_width - 1
        self.int_quant = nn.Module()
        self.int_quant.input_view_impl = nn.Identity()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        step = self.step.abs().clamp(min=SMALLEST_STEP)
        elements = max(1, x.numel() // max(1, len(x))) if x.dim() else 1
        y = _Round.apply(x, step, self.low, self.high, (elements * self.high) ** -0.5)
        zero = torch.zeros((), device=x.device)
        return y, step, zero, zero + self.bits


class _StepAct(ExtendedInjector):
    proxy_class = ActQuantProxyFromInjector
    tensor_quant = StepQuant
    narrow_range = False
    float_to_int_impl_type = "ROUND"


class UnsignedStep(_StepAct):
    """Unsigned activation, which is a ReLU too; ``let(bit_width=2, first_step=0.65)``."""

    signed = False


class SignedStep(_StepAct):
    """Signed activation with a learned step."""

    signed = True
