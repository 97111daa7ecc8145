"""Float networks for the study of post-training quantization, and the data they run on.

TFC, LFC and ResNet-8 are trained here; ``sim/float`` holds the weights of the small ones. There are
no training data for the keyword network beside the repository: it is a published quantized network,
which becomes a float network by leaving every quantizer out, and so is a second ResNet-8.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import onnx
import torch
from torch import nn

from hwgen.errors import InputError
from hwgen.ptq import Data
from hwgen.ptq.data import read_samples
from hwgen.ptq.floats import Training, fit, lfc, resnet8, tfc
from hwgen.ptq.onnx_file import read_float_onnx
from hwgen.train.data import Samples, load
from hwgen.train.export import InputConvention


@dataclass(frozen=True)
class Bench:
    """A float network of the study.

    data : name of its data set
    convention : how stored samples become its input
    make : builds it untrained, None where ``file`` holds it
    training : how it is trained
    file : published quantized network, made float
    """

    data: str
    convention: InputConvention
    make: Callable[[], nn.Module] | None = None
    training: Training | None = None
    file: str = ""


_PIXELS = InputConvention()
_KEYWORDS = InputConvention("int8", "0.33674246")
BENCHES = {
    "tfc": Bench("mnist", _PIXELS, tfc, Training(5)),
    "lfc": Bench("mnist", _PIXELS, lfc, Training(2, rate=0.05)),
    "resnet8": Bench(
        "cifar10", _PIXELS, resnet8, Training(20, decay=2e-4, augment="flip-shift", halves=True)
    ),
    "resnet8-published": Bench("cifar10", _PIXELS, file="nn2fpga_resnet8.onnx"),
    "kws-published": Bench("gscv2", _KEYWORDS, file="kws_w3a3_mlperftiny.onnx"),
}


def network(name: str, shared: Path, states: Path) -> nn.Module:
    """Return the float network ``name``; a trained one comes from ``states``, where it is.

    Raises ``InputError`` where it has not been trained yet.
    """
    bench = BENCHES[name]
    if bench.make is None:
        return without_quantizers(shared / "models" / bench.file)
    path = states / f"{name}.pt"
    if not path.is_file():
        raise InputError(f"{path} is not there; train it with `python -m sim.ptq --train {name}`")
    net = bench.make()
    net.load_state_dict(torch.load(path, weights_only=True))
    return net.eval()


def train(
    name: str, shared: Path, states: Path, work: Path, told: Callable[[int, float], None]
) -> None:
    """Train the network ``name`` into ``states``; an interrupted one goes on from ``work``."""
    bench = BENCHES[name]
    if bench.make is None or bench.training is None:
        raise InputError(f"{name} is published with its weights; nothing is to be trained")
    states.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(bench.training.seed)
    net = bench.make()
    samples = load(bench.data, "train", shared / "data")
    fit(net, samples, bench.convention, bench.training, work / f"{name}.ckpt", told)
    torch.save(net.state_dict(), states / f"{name}.pt")


def data(name: str, shared: Path, seed: int, count: int, limit: int | None) -> Data:
    """Return ``count`` calibration samples drawn by ``seed``, and the first ``limit`` test samples.

    The keyword set has test samples alone: its first half calibrates, the other measures.
    """
    bench = BENCHES[name]
    generator = torch.Generator().manual_seed(seed)
    if bench.data == "gscv2":
        x, y = read_samples(shared / "data" / "kws_gscv2_mfcc_test1000.npz")
        assert y is not None
        half = len(x) // 2
        chosen = torch.randperm(half, generator=generator)[:count]
        return Data(x[:half][chosen], bench.convention, Samples(x[half:], y[half:]).first(limit))
    pool = load(bench.data, "train", shared / "data", 4 * count).x
    chosen = torch.randperm(len(pool), generator=generator)[:count]
    test = load(bench.data, "test", shared / "data", limit)
    return Data(pool[chosen], bench.convention, test)


def without_quantizers(path: Path) -> nn.Module:
    """Return the float network that is left of a QONNX file without its ``Quant`` nodes."""
    file = onnx.load(str(path))
    alias: dict[str, str] = {}
    kept: list[onnx.NodeProto] = []
    for node in file.graph.node:
        given = [alias.get(name, name) for name in node.input]
        if node.op_type == "Quant":
            alias[node.output[0]] = given[0]
            continue
        del node.input[:]
        node.input.extend(given)
        kept.append(node)
    for output in file.graph.output:
        output.name = alias.get(output.name, output.name)
    del file.graph.node[:]
    file.graph.node.extend(kept)
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / "float.onnx"
        onnx.save(file, str(draft))
        return read_float_onnx(draft)
