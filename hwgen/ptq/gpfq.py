"""GPFQ for a layer: its alphabet, the walk over its rows, and the codes that come out.

The walk is our own on products of columns: Brevitas' ``gpfq_mode`` takes the same steps for the
deterministic rule (a test compares code by code) but neither the other rules nor the published
alphabets, and recomputes the network for each layer.
"""

from __future__ import annotations

import torch
from torch import Tensor

from hwgen.ptq.alphabet import Alphabet, Rule, levels_of, radius
from hwgen.ptq.coded import Coded, per_filter
from hwgen.ptq.config import GPFQConfig
from hwgen.ptq.errors import QuantizeError
from hwgen.ptq.lockstep import Meeting
from hwgen.ptq.patches import Sampling, grams, weight_rows
from hwgen.ptq.scale import qmse_scale
from hwgen.ptq.walk import Grams, gram_error, gram_walk

FACTORS = (0.7, 0.85, 1.0, 1.2, 1.4, 1.7)
CONSTANTS = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2)


class GPFQCoder:
    """Walks each layer's weights; keeps the random state between layers."""

    def __init__(self, config: GPFQConfig) -> None:
        check_exportable(config)
        self.config = config
        self.generator = torch.Generator().manual_seed(config.seed)

    def __call__(self, meeting: Meeting, bits: int) -> Coded:
        config, layer = self.config, meeting.layer
        sampling = Sampling(config.share, config.apart)
        y = meeting.y if config.corrected else meeting.x
        products = grams(layer, meeting.x, y, sampling, self.generator)
        weights, levels = weight_rows(layer), levels_of(bits, config.levels)
        found = [
            self._walked(product, rows, levels)
            for product, rows in zip(products, self._steps(weights, levels), strict=True)
        ]
        chosen = torch.cat([weights for weights, _ in found]).reshape(layer.weight.shape)
        scale = per_filter(torch.cat([step for _, step in found]), layer.weight)
        return Coded((chosen / scale).round(), scale, config.exported_bits(bits))

    def _steps(self, weights: Tensor, levels: int) -> list[tuple[Tensor, Tensor]]:
        """Return each group's weights with the steps to try, shape (tries, neurons)."""
        config = self.config
        if config.step == "filter":
            around = [qmse_scale(rows, -levels, levels) for rows in weights]
            factors = FACTORS
        else:
            reach = radius(weights.flatten(0, 1), config.percentile) / levels
            reach = torch.where(reach > 0, reach, 1.0)
            around = [reach.expand(len(rows)) for rows in weights]
            factors = CONSTANTS
        factors = factors if config.constant is None else (config.constant,)
        tries = torch.tensor(factors, dtype=torch.float64)[:, None]
        return [(rows, tries * step) for rows, step in zip(weights, around, strict=True)]

    def _walked(
        self, products: Grams, given: tuple[Tensor, Tensor], levels: int
    ) -> tuple[Tensor, Tensor]:
        """Return the best quantized weights of a group and their steps, one per neuron."""
        weights, tries = given
        steps = [step.float().double() for step in tries]  # as the file holds them
        walks = [gram_walk(products, weights, self._rule(Alphabet(step, levels))) for step in steps]
        errors = torch.stack([gram_error(products, weights, chosen) for chosen in walks])
        if self.config.step == "quantile":
            errors = errors.sum(1, keepdim=True).expand_as(errors)
        best, neurons = errors.argmin(0), torch.arange(len(weights))
        return torch.stack(walks)[best, neurons], torch.stack(steps)[best, neurons]

    def _rule(self, alphabet: Alphabet) -> Rule:
        threshold = self.config.threshold * float(alphabet.delta.mean())
        if self.config.variant == "stochastic":
            return alphabet.stochastic(self.generator)
        if self.config.variant == "soft":
            return alphabet.soft(threshold)
        return alphabet.nearest


def check_exportable(config: GPFQConfig) -> None:
    """Raise ``QuantizeError`` where no integer grid holds what the configuration asks for."""
    if config.variant == "hard":
        raise QuantizeError(
            "variant hard leaves a gap around zero, so its levels are no multiples of one step and "
            "no Quant node holds them; use variant soft, which is as sparse and stays on the grid"
        )
    widest = max(config.weight_bits, config.edge_bits or 0, *config.layer_bits.values(), 0)
    if config.exported_bits(widest) > 8:
        raise QuantizeError(
            f"the published alphabet of {widest} bit has {2**widest + 1} levels, which take "
            f"{widest + 1} bit; hardware takes 8, choose fewer bits or levels=hardware"
        )
