"""The frames a design is tried with: a user's, or random ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwgen.flow.request import Trial
from hwgen.frontend import Network
from hwgen.frontend.hostio import HostInput
from hwgen.host import Frames, arrange, read_frames
from hwgen.ir import TensorType
from hwgen.ir.ops import IntArray

_WIDEST = 2.0**40


@dataclass(frozen=True, eq=False)
class Stimulus:
    """Frames to try.

    codes : for the simulation, int64 (frames, *input shape)
    x : for ONNX execution, as the file takes them, (frames, *file shape)
    """

    codes: IntArray
    x: Frames


def stimulus(trial: Trial, network: Network) -> Stimulus:
    """Return the first frames of the user's file, else random codes and random numbers.

    Raises ``InputError`` where the file does not hold what the network takes.
    """
    if trial.inputs is None:
        codes = random_codes(network.input.type, trial.frames)
        return Stimulus(codes, random_numbers(network.input, trial.frames))
    x = arrange(read_frames(trial.inputs)[: trial.frames], network.input.shape)
    return Stimulus(network.input.encode(x), x)


def random_codes(kind: TensorType, frames: int, seed: int = 0) -> IntArray:
    """Return frames of codes over the whole range of ``kind``, int64 (frames, *kind.shape).

    The first frame holds the lowest code everywhere, the second the highest.
    """
    rng = np.random.default_rng(seed)
    shape = (frames, *kind.shape)
    if kind.bipolar:
        codes = 2 * rng.integers(0, 2, shape) - 1
    else:
        codes = rng.integers(kind.low, kind.high + 1, shape)
    codes[:1] = kind.low
    codes[1:2] = kind.high
    return codes.astype(np.int64)


def random_numbers(source: HostInput, frames: int, seed: int = 0) -> Frames:
    """Return frames as the file takes them, (frames, *source.shape), that reach all its codes.

    Real numbers spread over a range wide enough for the first quantizer to clip at both ends.
    """
    if source.integer:
        codes = random_codes(source.type, frames, seed).reshape(frames, -1)
        x = np.empty_like(codes)
        x[:, source.order] = codes
        return x.reshape(frames, *source.shape)
    reach = _WIDEST
    while reach > 1 / _WIDEST and _clips(source, reach / 2):
        reach /= 2
    rng = np.random.default_rng(seed)
    return rng.uniform(-2 * reach, 2 * reach, (frames, *source.shape)).astype(np.float32)


def _clips(source: HostInput, reach: float) -> bool:
    """Whether numbers far beyond ``reach`` give no other codes than ``reach`` itself."""
    ends = np.array([-_WIDEST, -reach, reach, _WIDEST], dtype=np.float32)
    x = np.broadcast_to(ends.reshape(4, *[1] * len(source.shape)), (4, *source.shape))
    codes = source.encode(np.ascontiguousarray(x))
    return bool((codes[0] == codes[1]).all() and (codes[2] == codes[3]).all())
