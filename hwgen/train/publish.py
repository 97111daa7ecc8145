"""Put a trained network into a design folder: file, accuracy and how obtained, sample inputs."""

from __future__ import annotations

import json
import shutil
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
import torch

from hwgen.frontend import lower
from hwgen.train.compare import FileRunner
from hwgen.train.data import Samples, to_network
from hwgen.train.export import InputConvention
from hwgen.train.loop import Result

SAMPLES = 16
CHUNK = 500


def write_samples(
    file: Path, samples: Samples, convention: InputConvention, target: Path, *, name: str
) -> None:
    """Write ``target``: the samples, their labels and what the file answers.

    ``x`` as stored, channels last; ``y`` the classes, absent where they are unknown (negative);
    ``y_out`` the file's float outputs as qonnx executes it, one frame at a time; ``source`` is
    ``name``, which says whose samples they are.
    """
    run = FileRunner(onnx.load(str(file)))
    inputs = to_network(samples.x, convention).numpy()
    answers = [run(inputs[i : i + 1])[run.output][0] for i in range(len(inputs))]
    known = {"y": samples.y.numpy()} if bool((samples.y >= 0).all()) else {}
    np.savez_compressed(
        target, x=stored(samples), y_out=np.stack(answers), source=np.array(name), **known
    )


def stored(samples: Samples) -> np.ndarray:
    """Return samples as users feed them: channels last, without a single channel's axis."""
    x = samples.x.numpy()
    if x.ndim > 2:
        x = np.moveaxis(x, 1, -1)
        x = x[..., 0] if x.shape[-1] == 1 else x
    return x


def integer_accuracy(file: Path, samples: Samples) -> float:
    """Return the share of samples that the file's integers classify rightly, 0..1.

    Of classes with equal scores the first counts, as ``ArgMax`` decides.
    """
    network = lower(file)
    x, hits = samples.x.numpy(), 0
    for start in range(0, len(x), CHUNK):
        codes = network.graph.run(network.input.encode(x[start : start + CHUNK]))
        chosen = network.output.decode(codes).argmax(axis=1)
        hits += int((chosen == samples.y[start : start + CHUNK].numpy()).sum())
    return hits / len(x)


def publish(
    result: Result,
    samples: Samples,
    convention: InputConvention,
    folder: Path,
    *,
    data: str,
    command: str,
) -> None:
    """Copy a run's file into a design ``folder`` with ``expected.json`` and ``samples.npz``.

    samples : the whole test set; its first 16 become ``samples.npz``
    data : the data set as a reader knows it, licence included
    command : what obtained the result
    """
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(result.model, folder / "model.onnx")
    write_samples(
        result.model, samples.first(SAMPLES), convention, folder / "samples.npz", name=data
    )
    told = {
        "accuracy": integer_accuracy(result.model, samples),
        "by": "integer reference; of equal scores the first class",
        "torch_accuracy": result.accuracy,
        "samples": len(samples),
        "data": data,
        "command": command,
        "torch": torch.__version__.split("+")[0],
        "brevitas": version("brevitas"),
    }
    (folder / "expected.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
