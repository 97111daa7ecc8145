"""Accuracy on a labelled set, by the integer reference or by simulation."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt

from hwgen.errors import InputError, VerificationError
from hwgen.flow.decide import network_name
from hwgen.flow.origin import read_origin
from hwgen.flow.progress import Progress
from hwgen.flow.prove import fault_of
from hwgen.flow.reopen import reopen, request_of
from hwgen.flow.request import Engine, InputFlags, Trial
from hwgen.flow.rerun import run_once
from hwgen.frontend import InputOptions, Network, lower
from hwgen.host import Labelled, arrange, read_labelled
from hwgen.ir.ops import IntArray

KEPT = "evaluation.json"
"""File of a build that holds its latest evaluation."""


_PARTS = 20


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


def evaluate(
    model: Path,
    data_path: Path,
    *,
    flags: InputFlags,
    limit: int | None,
    engine: str,
    progress: Progress,
) -> Evaluation:
    """Return the accuracy of a network file, or of a build where ``model`` is a folder.

    flags : of a build's input, where its own do not hold; a build keeps its result as a file
    engine : ``reference``, or a simulator, which only a build can be run on
    Raises ``VerificationError`` where a simulated output differs from the reference.
    """
    if model.is_dir():
        found = _evaluate_build(model, data_path, flags, limit, engine, progress)
        _keep(found, model / KEPT, progress)
        return found
    if engine != "reference":
        raise InputError(
            f"--engine {engine} simulates a built design; give the folder of a build as --model"
        )
    with progress.step("reading the network"):
        network = lower(model, input=_options(data_path, flags))
        network = replace(network, name=network_name(model))
    with progress.step("reading the data"):
        data, codes = load_labelled(data_path, limit, network)
    with progress.step(f"computing {len(data.y):,} frames"):
        started = time.perf_counter()
        outputs = _run(network, codes, progress)
        seconds = time.perf_counter() - started
    return score(network, data, outputs, "reference", seconds)


def _run(network: Network, codes: IntArray, progress: Progress) -> IntArray:
    """Return the outputs of all frames, some at a time, so that the rest can be foretold."""
    many = -(-len(codes) // _PARTS)
    parts: list[IntArray] = []
    for start in range(0, len(codes), many):
        parts.append(network.graph.run(codes[start : start + many]))
        progress.part(min(start + many, len(codes)), len(codes))
    return np.concatenate(parts)


def _keep(found: Evaluation, path: Path, progress: Progress) -> None:
    try:
        path.write_text(json.dumps(asdict(found), indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        progress.note(f"{path} cannot be written ({error.strerror}); compare will not know it")


def kept_accuracy(folder: Path) -> float | None:
    """Return the accuracy that a build was last evaluated to, None where it was not."""
    path = folder / KEPT
    if not path.is_file():
        return None
    try:
        return float(json.loads(path.read_text(encoding="utf-8"))["accuracy"])
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{path} is damaged; evaluate the build again or remove it") from None


def _options(data_path: Path, flags: InputFlags) -> InputOptions | None:
    """Return what the flags say, with the type of the data at hand where they leave it out."""
    if flags == InputFlags():
        return None
    return flags.options(fed_type(data_path) if flags.type is None else None)


def _evaluate_build(
    folder: Path,
    data_path: Path,
    flags: InputFlags,
    limit: int | None,
    engine: str,
    progress: Progress,
) -> Evaluation:
    if engine == "reference":
        request = request_of(folder)
        own = request.input if flags == InputFlags() else flags
        found = evaluate(
            request.model, data_path, flags=own, limit=limit, engine=engine, progress=progress
        )
        return replace(found, model=read_origin(folder).name)
    if flags != InputFlags():
        raise InputError(
            f"{folder} is built for its own kind of input; build it again to change that, or leave "
            f"the --input options out"
        )
    decision, design = reopen(folder, progress)
    data, codes = load_labelled(data_path, limit, decision.network)
    trial = Trial(frames=len(codes), engine=cast(Engine, engine), stall=0.0)
    with progress.step(f"simulating {len(codes):,} frames"):
        started = time.perf_counter()
        found = run_once(decision, design, codes, trial, folder, progress)
        seconds = time.perf_counter() - started
    fault = fault_of(found)
    if fault is not None:
        raise VerificationError(fault)
    # Every simulated value was compared: the outputs are those of the reference.
    outputs = decision.graph.run(codes[: found.frames])
    return score(decision.network, data.head(found.frames), outputs, found.engine, seconds)
