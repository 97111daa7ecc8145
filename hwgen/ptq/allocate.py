"""Mixed precision: the bits of each layer under a budget, from measured errors and costs.

Each layer is quantized alone at each width, and what that does to the network's output is measured;
the errors are taken to add up. A cost is either the bits of all weights, or the LUTs that the
layer's matrix unit takes at a given speed, by the same estimate that folding decisions rest on. The
choice is an integer program, solved exactly.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import lil_array
from torch import Tensor, nn

from hwgen.errors import BudgetError
from hwgen.estimate import matrix_luts
from hwgen.ptq.config import BITS, Config
from hwgen.ptq.data import Data, check_data
from hwgen.ptq.lockstep import relative_error
from hwgen.ptq.patches import weight_rows
from hwgen.ptq.scale import qmse_scale
from hwgen.ptq.trace import trace, weight_layers

SAMPLES = 128
Family = Literal["xc7", "xcup", "ecp5", "ice40", "gowin"]
Table = dict[str, dict[int, float]]


@dataclass(frozen=True)
class Budget:
    """What the weights may cost together.

    limit : bits, or LUTs of the matrix units
    unit : which of the two
    family, cycles : of the hardware, for LUTs: a frame takes at most so many cycles
    """

    limit: float
    unit: Literal["bits", "luts"] = "luts"
    family: Family = "xc7"
    cycles: int = 100_000


@dataclass(frozen=True)
class Allocation:
    """Chosen bits with what they cost and the error they are expected to leave."""

    bits: Mapping[str, int]
    cost: float
    error: float


def allocated(model: nn.Module, config: Config, data: Data, budget: Budget) -> Config:
    """Return ``config`` with the bits of ``allocation``."""
    return replace(config, layer_bits=allocation(model, config, data, budget).bits)


def allocation(model: nn.Module, config: Config, data: Data, budget: Budget) -> Allocation:
    """Return the bits of each layer that leave the least error within ``budget``.

    Layers that ``config.layer_bits`` names keep their width.

    Raises
    ------
    BudgetError
        not even the narrowest weights fit; says what they cost
    """
    return choose(*measured(model, config, data, budget), budget)


def choose(errors: Table, costs: Table, budget: Budget) -> Allocation:
    """Return the widths of least summed error whose summed cost is within the budget."""
    pairs = [(layer, bits) for layer, row in errors.items() for bits in row]
    loss = np.array([errors[layer][bits] for layer, bits in pairs])
    cost = np.array([costs[layer][bits] for layer, bits in pairs])
    least = sum(min(row.values()) for row in costs.values())
    if least > budget.limit:
        raise BudgetError(
            f"a budget of {budget.limit:,.0f} {budget.unit} is too small: weights of {BITS[0]} bit "
            f"take {least:,.0f}, the smallest possible"
        )
    layers = list(errors)
    once = lil_array((len(layers), len(pairs)))
    for column, (layer, _) in enumerate(pairs):
        once[layers.index(layer), column] = 1
    found = milp(
        loss / loss.max(initial=1e-30),
        integrality=np.ones(len(pairs)),
        bounds=Bounds(0, 1),
        constraints=[
            LinearConstraint(once.tocsc(), 1, 1),
            LinearConstraint(cost[None], -np.inf, budget.limit),
        ],
    )
    assert found.x is not None, found.message
    chosen = [pair for pair, taken in zip(pairs, found.x > 0.5, strict=True) if taken]
    total = sum(costs[layer][bits] for layer, bits in chosen)
    return Allocation(dict(chosen), total, sum(errors[layer][bits] for layer, bits in chosen))


@torch.no_grad()
def measured(model: nn.Module, config: Config, data: Data, budget: Budget) -> tuple[Table, Table]:
    """Return output error and cost of each layer at each width it may have."""
    traced = trace(model)
    check_data(data, traced)
    x = data.taken(data.x[:SAMPLES])
    pixels: dict[str, int] = {}
    layers = weight_layers(traced)

    def note(name: str) -> object:
        def hook(layer: nn.Module, given: tuple[Tensor], out: Tensor) -> None:
            del given
            pixels[name] = out[0].numel() // len(layer.weight)

        return traced.get_submodule(name).register_forward_hook(hook)

    hooks = [note(name) for name in layers]
    wanted = traced(x)
    for hook in hooks:
        hook.remove()
    trial = copy.deepcopy(traced)
    errors: Table = {name: {} for name in layers}
    costs: Table = {name: {} for name in layers}
    widths = [bits for bits in BITS if config.exported_bits(bits) in BITS]
    for index, name in enumerate(layers):
        layer = trial.get_submodule(name)
        kept = layer.weight.data
        given = config.layer_bits.get(name)
        for bits in widths if given is None else (given,):
            codes, scale = _rounded(kept, bits)
            layer.weight.data = (codes * scale).float().reshape(kept.shape)
            errors[name][bits] = relative_error([wanted], [trial(x)])
            width = config.input_bits if index == 0 else config.act_bits
            costs[name][bits] = _cost(
                layer, codes, config.exported_bits(bits), width, pixels[name], budget
            )
        layer.weight.data = kept
    return errors, costs


def _rounded(weights: Tensor, bits: int) -> tuple[Tensor, Tensor]:
    rows, top = weights.double().flatten(1), 2 ** (bits - 1) - 1
    scale = qmse_scale(rows, -top, top)[:, None]
    return (rows / scale).round().clamp(-top, top), scale


def _cost(
    layer: nn.Module, codes: Tensor, bits: int, width: int, pixels: int, budget: Budget
) -> float:
    if budget.unit == "bits":
        return float(codes.numel() * bits)
    groups = len(weight_rows(layer))
    steps = max(budget.cycles // groups, pixels) if groups > 1 else budget.cycles
    integers = codes.long().numpy()
    return matrix_luts(integers, 0, 2**width - 1, pixels=pixels, cycles=steps, family=budget.family)
