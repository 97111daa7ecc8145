"""Small QONNX networks with random weights, written node by node."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

DOMAIN = "qonnx.custom_op.general"


class Builder:
    """Collects nodes and constants of a graph."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value) -> str:
        array = np.asarray(value, dtype=np.float32)
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def node(self, op: str, inputs: list[str], output: str, domain: str = "", **attributes) -> str:
        made = helper.make_node(op, inputs, [output], name=output, domain=domain, **attributes)
        self.nodes.append(made)
        return output

    def quant(self, x: str, output: str, scale, bits: int, signed: bool, narrow: bool = False):
        inputs = [
            x,
            self.constant(f"{output}_scale", scale),
            self.constant(f"{output}_zero", 0.0),
            self.constant(f"{output}_bits", float(bits)),
        ]
        flags = {"signed": int(signed), "narrow": int(narrow), "rounding_mode": "ROUND"}
        return self.node("Quant", inputs, output, DOMAIN, **flags)

    def model(self, path: Path, inputs: int, outputs: int, last: str) -> Path:
        graph = helper.make_graph(
            self.nodes,
            "tiny",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, inputs])],
            [helper.make_tensor_value_info(last, TensorProto.FLOAT, [1, outputs])],
            self.constants,
        )
        opsets = [helper.make_opsetid("", 13), helper.make_opsetid(DOMAIN, 1)]
        onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
        return path


def tiny_mlp(
    path: Path,
    sizes: tuple[int, ...] = (8, 6, 4, 3),
    *,
    weight_bits: int = 2,
    bits: int = 2,
    seed: int = 1,
) -> Path:
    """Write a multilayer perceptron; every tensor between its layers is quantized."""
    b = Builder(seed)
    last = b.quant("x", "in_quant", 0.5, bits, signed=True)
    for index, (width, height) in enumerate(pairwise(sizes)):
        top = 2 ** (weight_bits - 1)
        weights = b.rng.integers(1 - top, top, (width, height)) * 0.25
        raw = b.constant(f"w{index}", weights)
        quantized = b.quant(raw, f"w{index}_quant", 0.25, weight_bits, signed=True, narrow=True)
        last = b.node("MatMul", [last, quantized], f"fc{index}")
        if index < len(sizes) - 2:
            bias = b.constant(f"b{index}", b.rng.normal(0, 0.3, height))
            last = b.node("Add", [last, bias], f"add{index}")
            last = b.node("Relu", [last], f"relu{index}")
            last = b.quant(last, f"act{index}", 0.5, bits, signed=False)
    return b.model(path, sizes[0], sizes[-1], last)


def float_mlp(path: Path) -> Path:
    """Write a network without any quantizer."""
    b = Builder(2)
    b.node("MatMul", ["x", b.constant("w", b.rng.normal(size=(8, 3)))], "fc")
    return b.model(path, 8, 3, "fc")


def wide_weights(path: Path) -> Path:
    """Write a network whose matrix has 12-bit weights."""
    return tiny_mlp(path, weight_bits=12)


def unsupported_op(path: Path) -> Path:
    """Write a network with an operator that has no hardware, named ``spectrum``."""
    b = Builder(3)
    last = b.quant("x", "in_quant", 0.5, 2, signed=True)
    last = b.node("Einsum", [last, last], "spectrum", equation="ij,ij->ij")
    weights = b.constant("w", np.ones((8, 3)) * 0.25)
    last = b.node("MatMul", [last, b.quant(weights, "wq", 0.25, 2, signed=True)], "fc")
    return b.model(path, 8, 3, last)
