"""One pass over the network that quantizes activations, weights and statistics in order."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import brevitas.nn as qnn
import torch
from torch import fx, nn

from hwgen.ptq.coded import Coded, Coder
from hwgen.ptq.config import ActScale, Config
from hwgen.ptq.lockstep import Batches, Lockstep, Meeting, relative_error
from hwgen.ptq.places import Prepared
from hwgen.ptq.scale import histogram, max_abs_scale, qmse_scale
from hwgen.ptq.sparse import step_for
from hwgen.ptq.trace import NORMS, WEIGHTED, weight_layers
from hwgen.ptq.usp import Moments, Norm, match
from hwgen.train.acts import SignedStep, UnsignedStep


@dataclass(frozen=True)
class LayerRow:
    """What became of a layer.

    bits : of its weights, as exported
    error : square of the difference of its outputs over the square of the float network's, on the
        calibration data, earlier layers quantized too
    seconds : spent on it
    """

    name: str
    bits: int
    error: float
    seconds: float


Told = Callable[[LayerRow], None]


@dataclass(frozen=True, eq=False)
class Outcome:
    """The quantized network before export.

    twin : computes the quantized network, in torch's own layers
    codes : integer weights of each layer
    rows : what became of each layer
    error : relative square error of the network's output
    """

    twin: fx.GraphModule
    codes: Mapping[str, Coded]
    rows: tuple[LayerRow, ...]
    error: float


def quantize_network(
    prepared: Prepared, config: Config, batches: Batches, coder: Coder, told: Told
) -> Outcome:
    """Quantize every place and layer of ``prepared`` on calibration ``batches``."""
    steps = Lockstep(prepared, batches)
    bits = config.bits_of(weight_layers(prepared.traced))
    codes: dict[str, Coded] = {}
    rows: list[LayerRow] = []
    for meeting in steps:
        if meeting.name in prepared.places:
            width = act_bits(config, prepared.places[meeting.name])
            quant = act_quantizer(
                meeting.y, width, power_of_two=config.power_of_two, scale=config.act_scale
            )
            steps.twin.set_submodule(meeting.name, quant)
        elif isinstance(meeting.layer, WEIGHTED):
            began = time.perf_counter()
            codes[meeting.name] = coder(meeting, bits[meeting.name])
            meeting.layer.weight.data = codes[meeting.name].weights
            error = settle(meeting, steps, config)
            row = LayerRow(
                meeting.name, codes[meeting.name].bits, error, time.perf_counter() - began
            )
            rows.append(row)
            told(row)
        elif isinstance(meeting.layer, NORMS) and config.usp:
            refresh(meeting.layer, meeting, config)
    return Outcome(steps.twin.eval(), codes, tuple(rows), relative_error(*steps.outputs))


def act_bits(config: Config, role: str) -> int:
    """Return the width of an activation quantizer."""
    if role == "input":
        return config.input_bits
    if role == "summand":
        return config.sum_bits or min(8, config.act_bits + 1)
    return config.act_bits


def act_quantizer(
    batches: Batches, bits: int, *, power_of_two: bool = False, scale: ActScale = "mse"
) -> qnn.QuantIdentity:
    """Return a quantizer for the values of ``batches``: unsigned where none is negative."""
    values, counts = histogram(batches)
    signed = bool((values < 0).any())
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    if scale == "max":
        step = max_abs_scale(values[None], low, high)
    elif scale == "normal" and not signed and not power_of_two:
        mean_square = float((values.square() * counts).sum() / counts.sum())
        step = (2 * mean_square) ** 0.5 * step_for(bits)[1]
    else:
        step = qmse_scale(values[None], low, high, counts, power_of_two=power_of_two)
    injector = SignedStep if signed else UnsignedStep
    return qnn.QuantIdentity(act_quant=injector.let(bit_width=bits, first_step=float(step))).eval()


def refresh(norm: Norm, meeting: Meeting, config: Config) -> None:
    """Take the statistics of a BatchNorm anew in the quantized network, as ``config`` asks."""
    got = Moments.of(meeting.y)
    if config.statistics == "anew":
        got.store(norm)
    else:
        match(norm, Moments.of(meeting.x), got)


def settle(meeting: Meeting, steps: Lockstep, config: Config) -> float:
    """Correct the bias of a layer whose weights are quantized; return its relative error.

    The bias takes the mean difference of each channel. A BatchNorm behind it that takes its
    statistics anew does the same, so there the bias stays. With statistics that are moments alone,
    all biases stay: the difference from the float network is then also what the moments changed,
    and its mean alone, without its scale, is no correction.
    """
    layer = meeting.layer
    behind = [steps.twin.get_submodule(name) for name in meeting.readers]
    healed = config.usp and len(behind) == 1 and isinstance(behind[0], NORMS)
    got = [layer(batch) for batch in meeting.y]
    moved = config.usp and config.statistics == "anew"
    if config.bias_correction and not healed and not moved:
        shift = mean_difference(meeting.out, got, dense=isinstance(layer, nn.Linear))
        if layer.bias is None:
            layer.bias = nn.Parameter(torch.zeros(len(layer.weight)), requires_grad=False)
        layer.bias.data += shift.float()
        got = [layer(batch) for batch in meeting.y]
    return relative_error(meeting.out, got)


def mean_difference(wanted: Batches, got: Batches, dense: bool) -> torch.Tensor:
    """Return the mean of ``wanted - got`` for each channel, float64."""
    total, count = torch.zeros(()).double(), 0
    for a, b in zip(wanted, got, strict=True):
        apart = (a.double() - b.double()).transpose(0, -1 if dense else 1).flatten(1)
        total, count = total + apart.sum(1), count + apart.shape[1]
    return total / count
