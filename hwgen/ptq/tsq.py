"""TSQ for a layer: least squares on the quantized prefix, with the auxiliary variable if asked.

The codes of activations (step one) are set before; see ``sparse``. Targets are the float layer's
outputs. With ``rounds``, a target behind a ReLU is replaced by the auxiliary variable, which need
not follow the float output where it is negative.
"""

from __future__ import annotations

import torch
from torch import Tensor

from hwgen.ptq.coded import Coded, per_filter
from hwgen.ptq.config import TSQConfig
from hwgen.ptq.descent import Fit, relaxed, solve
from hwgen.ptq.lockstep import Meeting
from hwgen.ptq.patches import Sampling, Weighted, pairs, weight_rows

PENALTIES = (0.1, 1.0, 10.0)


class TSQCoder:
    """Fits each layer's weights; keeps the random state between layers."""

    def __init__(self, config: TSQConfig) -> None:
        self.config = config
        self.generator = torch.Generator().manual_seed(config.seed)

    def __call__(self, meeting: Meeting, bits: int) -> Coded:
        layer, top = meeting.layer, 2 ** (bits - 1) - 1
        weights = weight_rows(layer)
        fits: list[Fit] = []
        for group, rows in enumerate(weights):
            gram, pull = self._products(layer, meeting, group, rows, None)
            fit = self._solve(gram, pull, rows, top)
            for turn in range(self.config.rounds):
                gram, pull = self._products(layer, meeting, group, rows, (fit, turn))
                fit = self._solve(gram, pull, fit.codes * fit.scale[:, None], top)
            fits.append(fit)
        scale = per_filter(torch.cat([fit.scale for fit in fits]), layer.weight)
        return Coded(
            torch.cat([fit.codes for fit in fits]).reshape(layer.weight.shape), scale, bits
        )

    def _solve(self, gram: Tensor, pull: Tensor, rows: Tensor, top: int) -> Fit:
        return solve(
            gram,
            pull,
            rows,
            top,
            sweeps=self.config.sweeps,
            restarts=self.config.restarts,
            generator=self.generator,
        )

    def _products(
        self,
        layer: Weighted,
        meeting: Meeting,
        group: int,
        rows: Tensor,
        given: tuple[Fit, int] | None,
    ) -> tuple[Tensor, Tensor]:
        """Return ``A`` and ``b``; the targets are float outputs, or with ``given`` auxiliary ones.

        Targets leave the bias out; the auxiliary variable is taken on values with it.
        """
        n = rows.shape[1]
        gram, pull = torch.zeros(n, n).double(), torch.zeros(len(rows), n).double()
        bias = torch.zeros(len(rows))
        if layer.bias is not None:
            bias = layer.bias.detach().reshape(-1, len(rows))[group]
        given_y = meeting.y if self.config.corrected else meeting.x
        for left, right in pairs(layer, meeting.x, given_y, Sampling(), self.generator):
            x, y = left[group], right[group]
            target = x @ rows.float().T
            if given is not None:
                fit, turn = given
                now = y @ (fit.codes * fit.scale[:, None]).float().T + bias
                wanted = (target + bias).clamp(min=0)
                top = float(wanted.max())
                target = relaxed(now, wanted, PENALTIES[min(turn, len(PENALTIES) - 1)], top) - bias
            gram += (y.T @ y).double()
            pull += (target.T @ y).double()
        return gram, pull
