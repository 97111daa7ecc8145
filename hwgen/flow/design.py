"""A decided design as files: Verilog, folding, graph and origin."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import onnx
from amaranth.lib import wiring

import hwgen
from hwgen.dataflow.units import FifoUnit, Unit
from hwgen.emit import Design, component, emit, identifier
from hwgen.flow.decide import Decision
from hwgen.flow.origin import NAME, Origin
from hwgen.flow.progress import Progress
from hwgen.ir import TensorType, folding_text
from hwgen.report import json_text
from hwgen.verify import write_verilog


def core_name(model: str) -> str:
    """Return the top module's name for a network's name."""
    return f"{identifier(model)}_core"


def emit_design(
    decision: Decision, name: str, make: Callable[[Unit], wiring.Component] = component
) -> Design:
    """Return the design of a decision, its top module named after the network ``name``.

    make : gives the component of a unit
    """
    return emit(decision.dataflow, core_name(name), make=make)


def write_design(
    decision: Decision, design: Design, name: str, folder: Path, progress: Progress
) -> tuple[Path, ...]:
    """Write all that describes a design into ``folder``; return its Verilog files, top last."""
    request = decision.request
    _copy_model(request.model, folder / "model.onnx")
    if Path(request.board).suffix == ".toml":
        shutil.copyfile(request.board, folder / "board.toml")
    (folder / "folding.toml").write_text(folding_text(decision.folding), encoding="utf-8")
    (folder / "graph.json").write_text(graph_text(decision), encoding="utf-8")
    rtl = folder / "rtl"
    rtl.mkdir()
    files = write_verilog(design, rtl, notice=progress.note)
    flags = request.input
    origin = Origin(
        hwgen=hwgen.__version__,
        name=name,
        board=decision.board.name,
        clock_mhz=decision.clock_mhz,
        budget=request.budget,
        input_type=flags.type,
        input_scale=flags.scale,
        input_mean=flags.mean,
        input_std=flags.std,
        shell=decision.shell,
        core=design.name,
        design=design.digest,
        rtl=hashes(rtl),
    )
    (folder / NAME).write_text(json_text(origin), encoding="utf-8")
    return files


def _copy_model(source: Path, target: Path) -> None:
    """Copy a network; weights in files of their own go into the copy."""
    proto = onnx.load(source, load_external_data=False)
    apart = any(
        entry.data_location == onnx.TensorProto.EXTERNAL for entry in proto.graph.initializer
    )
    if apart:
        onnx.save(onnx.load(source), target)
    else:
        shutil.copyfile(source, target)


def hashes(rtl: Path) -> dict[str, str]:
    """Return the SHA-256 of every file in a folder, by name."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(rtl.iterdir())
    }


def graph_text(decision: Decision) -> str:
    """Return ``graph.json``: the integer network, and the units and streams it became."""
    graph, flow = decision.graph, decision.dataflow
    content = {
        "inputs": [{"name": entry.name, **_type(entry.type)} for entry in graph.inputs],
        "outputs": list(graph.outputs),
        "nodes": [
            {
                "name": node.name,
                "op": type(node.op).__name__,
                "inputs": list(node.inputs),
                "source": node.source,
                **_type(graph.types[node.name]),
            }
            for node in graph.nodes
        ],
        "units": [
            {
                "name": unit.name,
                "unit": type(unit).__name__.removesuffix("Unit"),
                "node": unit.node,
                "inputs": list(unit.inputs),
                "outputs": list(unit.outputs),
                **({"depth": unit.depth} if isinstance(unit, FifoUnit) else {}),
            }
            for unit in flow.units
        ],
        "streams": [
            {
                "name": stream.name,
                "tensor": stream.tensor,
                "lanes": stream.codes,
                "bits": stream.type.bits,
                "transfers": stream.transfers,
            }
            for stream in flow.streams.values()
        ],
    }
    return json.dumps(content, indent=2) + "\n"


def _type(kind: TensorType) -> dict[str, object]:
    return {
        "shape": list(kind.shape),
        "low": kind.low,
        "high": kind.high,
        "bits": kind.bits,
        "bipolar": kind.bipolar,
    }
