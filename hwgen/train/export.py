"""The one way from a trained network to a QONNX file: bake, export, run the file, compare."""

from __future__ import annotations

import io
import logging
import tempfile
import warnings
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import onnx
import torch
from brevitas.export import export_onnx_qcdq, export_qonnx
from torch import Tensor, nn

from hwgen.train.bake import baked
from hwgen.train.compare import Comparison, compare
from hwgen.train.errors import ExportError
from hwgen.train.sq import mixers

Exporter = Literal["dynamo", "torchscript"]
Dialect = Literal["qonnx", "qcdq"]

IR_VERSION = 10
KEPT_METADATA = ("pkg.torch.onnx.name_scopes", "pkg.torch.onnx.class_hierarchy")


@dataclass(frozen=True)
class InputConvention:
    """What a user feeds and how it becomes the network's input: ``(value * scale - mean) / std``.

    Numbers are text, so that the file holds them exactly; ``mean`` and ``std`` may hold one number
    per channel.

    type : numpy name of what the user feeds, ``uint8`` say
    scale : a number or a fraction such as ``1/255``
    """

    type: str = "uint8"
    scale: str = "1/255"
    mean: tuple[str, ...] = ("0",)
    std: tuple[str, ...] = ("1",)

    def metadata(self) -> dict[str, str]:
        """Return the convention as the file's metadata."""
        return {
            "hwgen.input_type": self.type,
            "hwgen.input_scale": self.scale,
            "hwgen.input_mean": ",".join(self.mean),
            "hwgen.input_std": ",".join(self.std),
        }


def finalize_export(
    model: nn.Module,
    path: Path | str,
    sample_inputs: Tensor,
    *,
    convention: InputConvention | None = None,
    exporter: Exporter = "dynamo",
    dialect: Dialect = "qonnx",
) -> Comparison:
    """Write ``model`` to ``path`` as QONNX and prove that the file computes the same.

    The model itself is left as it is. The file takes one frame at a time.

    Parameters
    ----------
    model : a network of ``brevitas.nn`` layers, trained
    path : file to write; it appears only when the comparison has passed
    sample_inputs : real inputs as the network takes them, first axis the samples; at least one
    convention : how a user's data become the network's input, written into the file's metadata
    exporter : torch's newer exporter or its older one
    dialect : ``qonnx`` (Quant nodes) or ``qcdq`` (QuantizeLinear, Clip, DequantizeLinear)

    Returns
    -------
    Comparison
        what was compared: samples, ties, greatest difference

    Raises
    ------
    ExportError
        stochastic quantization has a ratio below 1, a weight has no integer form, or the file
        computes something else; names the layer
    """
    if not len(sample_inputs):
        raise ExportError("no sample inputs: give at least one real input to compare on")
    _refuse_partial(model)
    frozen = baked(model)
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / "draft.onnx"
        _export(frozen, sample_inputs[:1], draft, exporter, dialect)
        file = _tidy(onnx.load(str(draft)), frozen, convention)
    result = compare(frozen, file, sample_inputs)
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(file, str(target))
    return result


def _refuse_partial(model: nn.Module) -> None:
    for name, mixer in mixers(model):
        if mixer.sq_ratio < 1:
            raise ExportError(
                f"{name}: stochastic quantization is at ratio {mixer.sq_ratio:g}, so some of its "
                f"weights are float; finish the last stage (ratio 1) before export"
            )


def _export(
    model: nn.Module, example: Tensor, path: Path, exporter: Exporter, dialect: Dialect
) -> None:
    """Run Brevitas' exporter; it and torch report progress and deprecations, which are dropped."""
    run = export_qonnx if dialect == "qonnx" else export_onnx_qcdq
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()), torch.no_grad():
        warnings.simplefilter("ignore")
        run(
            model,
            args=(example,),
            export_path=str(path),
            dynamo=exporter == "dynamo",
            input_names=["x"],
            output_names=["y"],
            keep_initializers_as_inputs=False,
        )
    log.setLevel(level)


def _tidy(
    file: onnx.ModelProto, model: nn.Module, convention: InputConvention | None
) -> onnx.ModelProto:
    """Cap the IR version, drop what names the building machine, add the input convention."""
    file.ir_version = min(file.ir_version, IR_VERSION)
    for node in file.graph.node:
        node.doc_string = ""
        _keep(node.metadata_props)
    for value in (*file.graph.input, *file.graph.output, *file.graph.value_info):
        _keep(value.metadata_props)
    for tensor in file.graph.initializer:
        _keep(tensor.metadata_props)
        tensor.doc_string = ""
    _keep(file.graph.metadata_props)
    del file.metadata_props[:]
    file.graph.name = type(model).__name__
    for key, value in (convention.metadata() if convention else {}).items():
        entry = file.metadata_props.add()
        entry.key, entry.value = key, value
    return file


def _keep(entries: object) -> None:
    kept = [(e.key, e.value) for e in entries if e.key in KEPT_METADATA]
    del entries[:]
    for key, value in kept:
        entry = entries.add()
        entry.key, entry.value = key, value
