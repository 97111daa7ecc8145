"""ONNX execution of a whole file in float32, without any help of the integers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hwgen.frontend import Network, certify, lower
from hwgen.frontend.execute import Executor, constant_value
from hwgen.frontend.model import read_model


def execute(path: Path, x: np.ndarray) -> np.ndarray:
    """Run a file frame by frame."""
    model = read_model(path)
    executor = Executor(model)
    found = []
    for frame in x:
        values = {**executor.constants, model.input: frame[None]}
        for node in model.nodes:
            if node.op == "Constant":
                values[node.outputs[0]] = constant_value(node)
                continue
            for name, value in zip(node.outputs, executor.run(node, values), strict=False):
                values[name] = value
        found.append(values[model.outputs[0]])
    return np.concatenate(found)


def check_exact(path: Path, x: np.ndarray) -> Network:
    """Lower ``path`` and assert it gives what float32 gives, every bit.

    Only for networks whose scales are powers of two: float32 then makes no error at all.
    """
    network = lower(path)
    out = network.output.decode(network.graph.run(network.input.encode(x)))
    np.testing.assert_array_equal(out, execute(path, x))
    certificate = certify(network, x[:2])
    assert certificate.differing == 0, str(certificate.first)
    return network


def kinds(network: Network) -> list[str]:
    """Return the names of the operations, in order."""
    return [type(node.op).__name__ for node in network.graph.nodes]
