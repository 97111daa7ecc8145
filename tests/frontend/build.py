"""Write small ONNX files node by node, and hold a lowered network against exact arithmetic."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from hwgen.frontend import InputOptions, Network, certify, lower
from tests.frontend import exact

QONNX = "qonnx.custom_op.general"
FINN = "finn.custom_op.general"
MODES = ("ROUND", "HALF_EVEN", "CEIL", "FLOOR", "UP", "DOWN", "HALF_UP", "HALF_DOWN")
CUSTOM = frozenset({"Quant", "IntQuant", "BipolarQuant", "Trunc", "MultiThreshold"})


class Net:
    """Nodes and constants of a file; every node is named after its first output.

    domain : of the quantizing nodes; listed : constants also stand among the inputs
    """

    def __init__(self, *, opset: int = 13, seed: int = 0, domain: str = QONNX) -> None:
        self.rng = np.random.default_rng(seed)
        self.opset = opset
        self.domain = domain
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.annotations: dict[str, str] = {}

    def const(self, value, dtype: type = np.float32, name: str = "") -> str:
        """Add an initializer."""
        name = name or f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype=dtype), name))
        return name

    def ints(self, *values: int) -> str:
        return self.const(list(values), np.int64)

    def node(self, op: str, *inputs: str, outputs: int = 1, name: str = "", **attributes) -> str:
        """Add a node; return its last output."""
        name = name or f"{op.lower()}{len(self.nodes)}"
        names = [name, *(f"{name}_{k}" for k in range(1, outputs))]
        domain = attributes.pop("domain", self.domain if op in CUSTOM else "")
        made = helper.make_node(op, list(inputs), names, name=name, domain=domain, **attributes)
        self.nodes.append(made)
        return names[-1]

    def quant(
        self,
        x: str,
        scale,
        bits: float,
        zero=0,
        *,
        signed: bool = True,
        narrow: bool = False,
        mode: str = "ROUND",
        op: str = "Quant",
        name: str = "",
    ) -> str:
        inputs = (x, self.const(scale), self.const(zero), self.const(float(bits)))
        return self.node(
            op,
            *inputs,
            name=name,
            signed=int(signed),
            narrow=int(narrow),
            rounding_mode=mode,
        )

    def weights(self, shape: tuple[int, ...], bits: int = 3, scale=0.25, **how) -> str:
        """Add random float weights behind a quantizer."""
        span = float(np.max(scale)) * 2 ** (bits - 1)
        values = self.rng.uniform(-span, span, shape)
        return self.quant(self.const(values), scale, bits, **how)

    def dense(self, x: str, sizes: tuple[int, int], bits: int = 3, scale=0.25, **how) -> str:
        return self.node("MatMul", x, self.weights(sizes, bits, scale, **how))

    def batch_norm(self, x: str, channels: int, **attributes) -> str:
        rng = self.rng
        parts = (
            rng.uniform(-1.5, 1.5, channels),
            rng.normal(size=channels),
            rng.normal(size=channels),
            rng.uniform(0.2, 2, channels),
        )
        return self.node("BatchNormalization", x, *map(self.const, parts), **attributes)

    def save(
        self,
        path: Path,
        shape: tuple[int | str, ...],
        output: str,
        *,
        out_shape: tuple[int | str, ...] | None = None,
        ir: int = 8,
        listed: bool = False,
        elem: int = TensorProto.FLOAT,
        out_elem: int = TensorProto.FLOAT,
        metadata: dict[str, str] | None = None,
    ) -> Path:
        """Write the file; its input is ``x`` of ``shape`` with the frame axis."""
        inputs = [helper.make_tensor_value_info("x", elem, shape)]
        if listed:
            inputs += [
                helper.make_tensor_value_info(c.name, c.data_type, c.dims) for c in self.constants
            ]
        outputs = [helper.make_tensor_value_info(output, out_elem, out_shape)]
        graph = helper.make_graph(self.nodes, "net", inputs, outputs, self.constants)
        for tensor, kind in self.annotations.items():
            note = graph.quantization_annotation.add(tensor_name=tensor)
            note.quant_parameter_tensor_names.add(key="finn_datatype", value=kind)
        opsets = [helper.make_opsetid("", self.opset)]
        if any(node.domain == self.domain for node in self.nodes) and self.domain:
            opsets.append(helper.make_opsetid(self.domain, 1))
        model = helper.make_model(graph, opset_imports=opsets, ir_version=ir)
        for key, value in (metadata or {}).items():
            model.metadata_props.add(key=key, value=value)
        path.write_bytes(model.SerializeToString())
        return path


def check(
    path: Path, x, *, options: InputOptions | None = None, real=None, certified: bool = True
) -> Network:
    """Lower ``path`` and assert that it computes exactly what the file means.

    x : (frames, ...) as the user feeds it; real : the same as the file takes it (default ``x``)
    """
    x = np.asarray(x)
    network = lower(path, input=options)
    values = exact.run(onnx.load(path), x if real is None else real)
    wanted = values[network.output.tail[0].inputs[0] if network.output.tail else final(path)]
    codes = network.graph.run(network.input.encode(x))
    found = exact_values(network, codes)
    assert found.shape == wanted.shape
    wrong = np.argwhere(found != wanted)
    if not network.output.is_index and network.output.scale is None:
        gap = np.abs((found - wanted).astype(np.float64))
        wrong = np.argwhere(gap > 1e-9 * (1 + np.abs(wanted.astype(np.float64))))
    assert not len(wrong), f"{len(wrong)} values differ, the first at {wrong[0]}"
    if not network.output.tail:
        decoded = network.output.decode(codes)
        np.testing.assert_allclose(
            decoded.astype(np.float64), wanted.astype(np.float64), rtol=2e-7, atol=1e-30
        )
    if certified:
        certificate = certify(network, x)
        assert certificate.unexplained == 0, str(certificate.first)
    return network


def exact_values(network: Network, codes: np.ndarray) -> np.ndarray:
    """Return what output codes mean, as ``Fraction`` where the meaning is affine."""
    output = network.output
    if output.is_index or output.scale is None:
        return as_fractions(output.values(codes))
    assert output.offset is not None
    space = (output.type.pixels, output.type.channels)
    flat = as_fractions(codes.reshape(len(codes), *space))
    flat = (flat * output.scale + output.offset).reshape(len(codes), -1)
    return flat[:, output.index.reshape(-1)].reshape(len(codes), *output.index.shape[1:])


def as_fractions(values: np.ndarray) -> np.ndarray:
    out = np.empty(values.shape, dtype=object)
    out.reshape(-1)[:] = [Fraction(v) for v in values.reshape(-1).tolist()]
    return out


def final(path: Path) -> str:
    return onnx.load(path).graph.output[0].name


def frames(
    shape: tuple[int, ...], count: int = 12, *, seed: int = 1, span: float = 2
) -> np.ndarray:
    """Return float32 inputs, half of them multiples of 1/8, where codes tie."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-span, span, (count, *shape))
    x[::2] = np.round(x[::2] * 8) / 8
    return x.astype(np.float32)
