"""``python -m sim.networks``: whole networks counted by Yosys, estimates and peers beside.

Counts are kept with a digest of the Verilog they are of and the version of Yosys, so that only what
changed is counted anew.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from hwgen.backend.yosys import synthesise
from hwgen.cli import console
from hwgen.flow.decide import decide
from hwgen.flow.design import emit_design
from hwgen.flow.progress import Progress
from hwgen.flow.request import InputFlags, Request
from hwgen.flow.summary import Facts, summarise
from hwgen.report import Report
from hwgen.report.figures import count, rate
from hwgen.tools import require
from hwgen.verify import write_verilog
from sim.calibrate import digest
from sim.peers import NETWORKS, Peer
from sim.regression import TARGETS

ROOT = Path(__file__).resolve().parents[1]
SAVED = Path(__file__).parent / "tables" / "networks.json"
SAVED_DESIGNS = SAVED.with_name("designs.json")
BOARD = "pynq-z2"
_CODES = InputFlags()
_PIXELS = InputFlags(type="uint8", scale="1/255")


@dataclass(frozen=True)
class Case:
    """A network and what is asked of it.

    file : beside the models, or in the repository where it has a folder
    target_fps : reached with the least resources; without it the fastest within 70 % of the board
    input : where the file begins with float arithmetic on pixels, which then is counted too
    most : LUTs and 36-Kbit blocks to stay within, where a limit is set
    """

    name: str
    file: str
    target_fps: float | None = None
    input: InputFlags = _CODES
    most: tuple[int, float | None] | None = None

    def path(self, models: Path) -> Path:
        """Return where the file is."""
        return (ROOT if "/" in self.file else models) / self.file

    def request(self, models: Path) -> Request:
        """Return what asks for this design."""
        return Request(
            self.path(models), BOARD, target_fps=self.target_fps, input=self.input, budget=0.7
        )


CASES = (
    Case("TFC W1A1", "TFC_1W1A.onnx", 127_551, _PIXELS),
    Case("TFC W2A2", "TFC_2W2A.onnx", 127_551, _PIXELS, (1_700, 5.5)),
    Case("TFC W2A2, fast", "TFC_2W2A.onnx", 1_020_408, _PIXELS, (8_300, 19)),
    Case("KWS W3A3", "kws_w3a3_mlperftiny.onnx", 250_000, most=(22_000, None)),
    Case("CNV W1A1", "bnnpynq_cnvW1A1_cifar10.onnx", 10_000, _PIXELS, (26_072, 124)),
    Case("CNV W2A2", "bnnpynq_cnvW2A2_cifar10.onnx", 3_000, _PIXELS, (37_302, 140)),
    Case("ResNet-8 W2A2", "designs/resnet_w2a2/model.onnx", 20_000, most=(37_240, 98)),
    Case("MobileNet-like W4A4", "designs/mobilenet_w4a4/model.onnx", 300),
)


def design_cases() -> tuple[Case, ...]:
    """Return the networks of the repository, each at the speeds of ``python -m sim``."""
    return tuple(
        Case(f"{file.parent.name} {name}", str(file.relative_to(ROOT)), fps)
        for file in sorted((ROOT / "designs").glob("*/model.onnx"))
        for name, fps in TARGETS.items()
    )


def counted(
    case: Case, models: Path, folder: Path, *, parts: bool, before: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the figures of a network as they are saved: decided, written and synthesised.

    It is not simulated here. ``before`` is what was saved last time: where the Verilog is still the
    same and so is Yosys, its counts are taken over.
    """
    progress = Progress()
    decision = decide(case.request(models), progress)
    with progress.step("writing Verilog"):
        design = emit_design(decision, decision.network.name)
        files = write_verilog(design, folder)
    text = "".join(file.read_text(encoding="utf-8") for file in files)
    made = {"tool": f"Yosys {require('yosys').version}", "digest": digest(text)}
    if before is not None and made.items() <= before.items():
        report = summarise(decision, Facts(), "", tuple(progress.done))
        estimates = {layer.name: layer.lut for layer in report.layers}
        kept = {key: before[key] for key in ("synth", "logic_ns", "seconds")}
        kept["layers"] = [line | {"estimate": estimates[line["name"]]} for line in before["layers"]]
        return _line(case, report, made) | kept
    family = decision.board.family
    with progress.step("synthesising"):
        found = synthesise(files, design.name, family, folder=folder / "synth", parts=parts)
    report = summarise(decision, Facts(synthesis=found), "", tuple(progress.done))
    return _line(case, report, made)


def _line(case: Case, report: Report, made: Mapping[str, str]) -> dict[str, Any]:
    resources, speed = report.resources, report.performance
    layers = [
        {"name": layer.name, "estimate": layer.lut, "synth": layer.synth.lut}
        for layer in report.layers
        if layer.synth is not None
    ]
    return {
        "name": case.name,
        "file": case.file,
        **made,
        "fps": round(speed.fps),
        "latency_us": round(speed.latency_us, 2),
        "estimate": resources.estimate.model_dump(),
        "synth": resources.synth and resources.synth.model_dump(),
        "logic_ns": resources.logic_ns,
        "most": case.most,
        "seconds": {step.name: step.seconds for step in report.steps},
        "layers": layers,
        "peers": [asdict(peer) for peer in NETWORKS.get(case.name, ())],
    }


def table(lines: Iterable[dict[str, Any]]) -> Table:
    """Return a line per network, and one for each of the published ones."""
    made = Table(box=None, pad_edge=False)
    made.add_column("Network", overflow="fold")
    for head in ("fps", "One frame, us", "LUT", "Estimated", "FF", "BRAM36", "DSP", "Logic, ns"):
        made.add_column(head, justify="right")
    for line in lines:
        synth, guess = line["synth"], line["estimate"]
        made.add_row(
            line["name"],
            rate(line["fps"]),
            f"{line['latency_us']:,.1f}",
            count(synth["lut"]),
            count(guess["lut"]),
            count(synth["ff"]),
            f"{synth['bram36']:g}",
            count(synth["dsp"]),
            "-" if line["logic_ns"] is None else f"{line['logic_ns']:.2f}",
            style="bold",
        )
        for peer in line["peers"]:
            made.add_row(*_peer(Peer(**peer)))
    return made


def _peer(peer: Peer) -> tuple[str, ...]:
    return (
        f"  {peer.name}",
        "-" if peer.fps is None else rate(peer.fps),
        "-" if peer.latency_us is None else f"{peer.latency_us:,.1f}",
        "-" if peer.lut is None else count(peer.lut),
        "-",
        "-",
        "-" if peer.bram36 is None else f"{peer.bram36:g}",
        "-" if peer.dsp is None else count(peer.dsp),
        "-",
    )


def known(saved: Path) -> dict[str, dict[str, Any]]:
    """Return what was counted last time, by name."""
    if not saved.exists():
        return {}
    return {line["name"]: line for line in json.loads(saved.read_text(encoding="utf-8"))}


def main(
    only: Annotated[str, typer.Option(help="Networks whose name holds this text.")] = "",
    models: Annotated[Path, typer.Option(help="Folder of the published networks.")] = Path(
        "models"
    ),
    parts: Annotated[bool, typer.Option(help="Also count each layer by itself.")] = True,
    designs: Annotated[
        bool, typer.Option("--designs", help="The repository's designs at three speeds instead.")
    ] = False,
    again: Annotated[bool, typer.Option("--all", help="Count what has not changed, too.")] = False,
) -> None:
    """Count networks and save them beside those that were counted before."""
    cases, saved = (design_cases(), SAVED_DESIGNS) if designs else (CASES, SAVED)
    lines = known(saved)
    for case in cases:
        if only not in case.name:
            continue
        if not case.path(models).exists():
            console.line(f"{case.name}: {case.file} is not in {models}, passed over")
            continue
        with tempfile.TemporaryDirectory() as folder:
            before = None if again else lines.get(case.name)
            line = counted(case, models, Path(folder), parts=parts, before=before)
        lines[case.name] = line
        order = [lines[each.name] for each in cases if each.name in lines]
        saved.parent.mkdir(exist_ok=True)
        saved.write_text(json.dumps(order, indent=1) + "\n", encoding="utf-8")
        console.line(f"{case.name}: {json.dumps(lines[case.name]['synth'])}")
    console.out.print(table(lines.values()))


if __name__ == "__main__":
    typer.run(main)
