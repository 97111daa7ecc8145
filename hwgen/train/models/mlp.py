"""Fully connected networks: TFC, LFC and the keyword-spotting MLP."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from hwgen.train.errors import RecipeError
from hwgen.train.models.layers import LogitScale, activation, input_quant, linear
from hwgen.train.weights import Quantizer


class Mlp(nn.Module):
    """Layers of quantized weights, BatchNorm and quantized activation, then class scores.

    Parameters
    ----------
    sizes : inputs, hidden widths, classes
    weight_bits, act_bits : widths of every layer
    input_bits : width of the input codes
    quantizer : rule of the weights
    dropout : share of hidden activations left out in training
    """

    def __init__(
        self,
        sizes: tuple[int, ...],
        weight_bits: int,
        act_bits: int,
        input_bits: int,
        quantizer: Quantizer = "auto",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        blocks: list[nn.Module] = [nn.Flatten(), input_quant(input_bits)]
        for inputs, outputs in pairwise(sizes[:-1]):
            blocks += [
                linear(inputs, outputs, weight_bits, quantizer),
                nn.BatchNorm1d(outputs),
                activation(act_bits),
            ]
            if dropout:
                blocks.append(nn.Dropout(dropout))
        blocks.append(linear(sizes[-2], sizes[-1], weight_bits, quantizer, per_filter=False))
        self.blocks = nn.Sequential(*blocks)
        self.scale = LogitScale(sizes[-2])

    def forward(self, x: Tensor) -> Tensor:
        return self.scale(self.blocks(x))


def tfc(
    weight_bits: int = 2, act_bits: int = 2, quantizer: Quantizer = "auto", dropout: float = 0.0
) -> Mlp:
    """Return the 784-64-64-64-10 network of BNN-PYNQ; its input has the activations' width."""
    sizes = (784, 64, 64, 64, 10)
    return Mlp(sizes, weight_bits, act_bits, act_bits, quantizer, dropout)


def lfc(
    weight_bits: int = 1, act_bits: int = 1, quantizer: Quantizer = "auto", dropout: float = 0.0
) -> Mlp:
    """Return the 784-1024-1024-1024-10 network of BNN-PYNQ."""
    sizes = (784, 1024, 1024, 1024, 10)
    return Mlp(sizes, weight_bits, act_bits, act_bits, quantizer, dropout)


def kws_mlp(
    weight_bits: int = 3, act_bits: int = 3, quantizer: Quantizer = "auto", dropout: float = 0.0
) -> Mlp:
    """Return the 490-256-256-256-12 keyword-spotting network; its input has 8 bit."""
    sizes = (490, 256, 256, 256, 12)
    return Mlp(sizes, weight_bits, act_bits, 8, quantizer, dropout)


def mlp(
    sizes: Sequence[int],
    weight_bits: int = 2,
    act_bits: int = 2,
    input_bits: int = 8,
    quantizer: Quantizer = "auto",
    dropout: float = 0.0,
) -> Mlp:
    """Return a network of any ``sizes``: inputs, hidden widths, classes.

    Raises
    ------
    RecipeError
        fewer than two sizes, or one below 1
    """
    if len(sizes) < 2 or min(sizes) < 1:
        raise RecipeError(f"model.sizes={list(sizes)} must be inputs, hidden widths and classes")
    return Mlp(tuple(sizes), weight_bits, act_bits, input_bits, quantizer, dropout)
