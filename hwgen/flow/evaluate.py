"""Accuracy on a labelled set, by the integer reference or by simulation."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hwgen.errors import InputError
from hwgen.flow.progress import Progress
from hwgen.flow.request import InputFlags
from hwgen.frontend import Network, lower
from hwgen.host import Labelled, arrange, read_labelled
from hwgen.ir.ops import IntArray


@dataclass(frozen=True)
class Evaluation:
    """How a network does on a labelled set.

    accuracy : share of frames whose class is right, 0..1
    seconds : of computing the outputs
    """

    model: str
    engine: str
    frames: int
    correct: int
    accuracy: float
    seconds: float


def load_labelled(path: Path, limit: int | None, network: Network) -> tuple[Labelled, IntArray]:
    """Return at most ``limit`` labelled frames and their input codes."""
    if limit is not None and limit < 1:
        raise InputError(f"--limit {limit} must be 1 or more")
    data = read_labelled(path, limit)
    return data, network.input.encode(arrange(data.x, network.input.shape))


def fed_type(path: Path) -> str | None:
    """Return the type of the frames in a labelled set, None where they are not integers."""
    kind = read_labelled(path, 1).x.dtype
    return kind.name if kind.kind in "iu" else None


def classes(network: Network, codes: IntArray) -> npt.NDArray[np.int64]:
    """Return the class that each frame of output codes means: an index, or the largest output."""
    decoded = np.asarray(network.output.decode(codes))
    flat = decoded.reshape(len(decoded), -1)
    picked = flat[:, 0] if flat.shape[1] == 1 else flat.argmax(axis=1)
    return picked.astype(np.int64)


def score(
    network: Network, data: Labelled, codes: IntArray, engine: str, seconds: float
) -> Evaluation:
    """Compare the classes that output ``codes`` mean with the labels."""
    correct = int((classes(network, codes) == data.y).sum())
    count = len(data.y)
    return Evaluation(network.name, engine, count, correct, correct / count, round(seconds, 3))


def evaluate_model(
    model: Path, data_path: Path, flags: InputFlags, limit: int | None, progress: Progress
) -> Evaluation:
    """Return the accuracy of a network file by its integer reference."""
    with progress.step("reading the network"):
        options = flags.options(fed_type(data_path))
        network = lower(model, input=options)
    with progress.step("reading the data"):
        data, codes = load_labelled(data_path, limit, network)
    with progress.step(f"computing {len(data.y):,} frames"):
        started = time.perf_counter()
        outputs = network.graph.run(codes)
        seconds = time.perf_counter() - started
    return score(network, data, outputs, "reference", seconds)
