"""Run an exported file beside the torch network it came from; name the first layer that differs."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import brevitas.nn as qnn
import numpy as np
import onnx
import torch
from brevitas.quant_tensor import QuantTensor
from torch import Tensor, nn

from hwgen.train.bake import quantized_layers
from hwgen.train.errors import ExportError

TOLERANCE = 1e-4  # of a tensor's largest value: float32 sums in another order
TIE = 1e-3  # of a quantization step: how near to a rounding boundary counts as a tie


@dataclass(frozen=True)
class Comparison:
    """How an exported file compares with the network.

    samples : inputs run through both
    ties : inputs on which some value lies on a rounding boundary and the two rounded apart
    difference : greatest difference of an output on the other inputs
    """

    samples: int
    ties: int
    difference: float


@dataclass(frozen=True)
class _Call:
    name: str
    layer: nn.Module
    given: np.ndarray
    result: np.ndarray


def compare(model: nn.Module, file: onnx.ModelProto, inputs: Tensor) -> Comparison:
    """Compare ``model`` with ``file`` on every input, one frame at a time.

    Raises
    ------
    ExportError
        an output differs and no rounding tie explains it (names the first layer that differs), or
        ties hide every input
    """
    run = FileRunner(file)
    ties, worst = 0, 0.0
    for index, x in enumerate(inputs.split(1)):
        calls, expected = _trace(model, x)
        tensors = run(x.numpy())
        got = tensors[run.output]
        if _meets_tie(index, calls, tensors):
            ties += 1
        elif _close(got, expected):
            worst = max(worst, float(np.abs(got - expected).max()))
        else:
            raise ExportError(
                f"the output of the exported file differs from torch on sample {index} by "
                f"{np.abs(got - expected).max():.3g} although every quantized layer agrees; look "
                f"at the operations behind the last layer"
            )
    if ties == len(inputs):
        raise ExportError(f"every one of the {ties} sample inputs meets a rounding tie: give more")
    return Comparison(len(inputs), ties, worst)


class FileRunner:
    """Execute a QONNX file frame by frame, as qonnx does; a call returns every tensor by name."""

    def __init__(self, file: onnx.ModelProto) -> None:
        from qonnx.core.modelwrapper import ModelWrapper
        from qonnx.transformation.infer_shapes import InferShapes

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.model = ModelWrapper(file).transform(InferShapes())
        self.input = self.model.graph.input[0].name
        self.output = self.model.graph.output[0].name

    def __call__(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Run one frame ``x`` of the file's input shape."""
        from qonnx.core.onnx_exec import execute_onnx

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return execute_onnx(
                self.model, {self.input: x.astype(np.float32)}, return_full_exec_context=True
            )


def _trace(model: nn.Module, x: Tensor) -> tuple[list[_Call], np.ndarray]:
    """Run ``model`` on one frame, noting what every leaf layer was given and gave, in order."""
    calls: list[_Call] = []
    names = {layer: name for name, layer in model.named_modules()}
    leaves = [layer for _, layer in quantized_layers(model)]
    leaves += [m for m in model.modules() if isinstance(m, qnn.QuantIdentity | qnn.QuantReLU)]
    leaves += [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]

    def note(layer: nn.Module, given: tuple, result: Tensor | QuantTensor) -> None:
        calls.append(_Call(names[layer], layer, _array(given[0]), _array(result)))

    hooks = [layer.register_forward_hook(note) for layer in leaves]
    with torch.no_grad():
        expected = _array(model(x))
    for hook in hooks:
        hook.remove()
    return calls, expected


def _array(value: Tensor | QuantTensor) -> np.ndarray:
    plain = value.value if isinstance(value, QuantTensor) else value
    return plain.detach().numpy()


def _close(got: np.ndarray, expected: np.ndarray) -> bool:
    bound = TOLERANCE * max(float(np.abs(expected).max()), 1e-6)
    return got.shape == expected.shape and bool(np.abs(got - expected).max() <= bound)


def _meets_tie(index: int, calls: list[_Call], tensors: dict[str, np.ndarray]) -> bool:
    """Whether the first layer that differs does so only at rounding ties; False if none differs.

    A layer's counterpart in the file is any tensor of its shape, so that no exporter's naming
    matters.
    """
    for call in calls:
        alike = [t for t in tensors.values() if t is not None and t.shape == call.result.shape]
        if any(_close(tensor, call.result) for tensor in alike):
            continue
        if any(_only_ties(call, tensor) for tensor in alike):
            return True
        raise ExportError(
            f"{call.name}: the exported file computes another result than torch on sample {index}; "
            f"its weights or scales did not survive the export"
        )
    return False


def _only_ties(call: _Call, tensor: np.ndarray) -> bool:
    """Whether ``tensor`` differs from an activation's result only where its input is at a tie."""
    if not isinstance(call.layer, qnn.QuantIdentity | qnn.QuantReLU):
        return False
    quant = call.layer.act_quant
    scale = quant.scale().detach().numpy().reshape(-1)
    if scale.size != 1:
        return False
    step = float(scale[0])
    differs = np.abs(tensor - call.result) > TOLERANCE * step
    steps = call.given[differs] / step
    if float(quant.bit_width()) == 1:
        return bool((np.abs(steps) <= TIE).all())
    off = np.abs(steps - np.floor(steps) - 0.5)
    jump = np.abs(tensor - call.result)[differs]
    return bool((off <= TIE).all() and (jump <= step * (1 + TOLERANCE)).all())
