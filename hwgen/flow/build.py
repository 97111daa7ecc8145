"""The one pipeline: a network file to a verified design and its report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from amaranth.lib import wiring

from hwgen.backend.yosys import synthesise
from hwgen.dataflow.units import Unit
from hwgen.emit import Design, component
from hwgen.errors import VerificationError
from hwgen.flow.bitstream import check_bitstream, make_bitstream, timing_fault
from hwgen.flow.decide import Decision, decide
from hwgen.flow.design import emit_design, write_design
from hwgen.flow.folder import whole_folder
from hwgen.flow.inputs import Stimulus, stimulus
from hwgen.flow.progress import Progress
from hwgen.flow.prove import Proof, prove, simulate
from hwgen.flow.request import Request, Trial
from hwgen.flow.shells import check_shell, write_shell
from hwgen.flow.summary import Facts, summarise
from hwgen.frontend import certify
from hwgen.report import Report, json_text, page
from hwgen.report.figures import CELLS
from hwgen.report.finn import finn_files


def estimate(request: Request, *, command: str, progress: Progress) -> Report:
    """Return the figures that ``build`` would decide on, without hardware."""
    decision = decide(request, progress)
    check_shell(decision)
    return summarise(decision, Facts(), command, tuple(progress.done))


@dataclass(frozen=True)
class Built:
    """A written build.

    faults : why it must not be used, as sentences; none where all is well
    """

    report: Report
    faults: tuple[str, ...]

    def require(self) -> None:
        """Raise ``VerificationError`` with the first fault, if there is one."""
        if self.faults:
            raise VerificationError(self.faults[0])


def build(
    request: Request,
    trial: Trial,
    target: Path,
    *,
    synth: bool = False,
    finn: bool = False,
    seeds: int = 0,
    command: str = "",
    progress: Progress | None = None,
    make: Callable[[Unit], wiring.Component] = component,
) -> Built:
    """Write the folder ``target``, whole or not at all.

    finn : also write the figures as FINN does, into ``report/``
    synth : count cells with Yosys
    seeds : placements to try for a bitstream, 0 for no bitstream
    make : gives the component of a unit
    The folder is written also where the design turns out wrong or too large, so that it can be
    looked at; ``Built.require`` raises then. Raises ``HwgenError`` for what stops a build before.
    """
    progress = progress or Progress()
    with whole_folder(target) as folder:  # first, so that an unwritable place is known at once
        decision = decide(request, progress, check=lambda network: stimulus(trial, network))
        check_shell(decision)
        if seeds:
            check_bitstream(decision)
        given = stimulus(trial, decision.network)
        name = decision.network.name
        with progress.step("writing Verilog"):
            design = emit_design(decision, name, make)
            files = write_design(decision, design, name, folder, progress)
            shell = write_shell(decision, design, files, folder, progress)
        proof = _prove(decision, design, given, trial, folder, progress)
        synthesis = None
        if synth:
            with progress.step("synthesising"):
                synthesis = synthesise(
                    files,
                    design.name,
                    decision.board.family,
                    folder=folder / "synth",
                    notice=progress.note,
                )
        routed = None
        if seeds:
            with progress.step("placing and routing"):
                routed = make_bitstream(decision, shell, folder, seeds, progress)
        _tidy(folder / "sim")
        facts = Facts(proof, synthesis, routed)
        report = summarise(decision, facts, command, tuple(progress.done))
        (folder / "verification.json").write_text(json_text(proof.document), encoding="utf-8")
        (folder / "report.json").write_text(json_text(report), encoding="utf-8")
        (folder / "report.html").write_text(page(report), encoding="utf-8")
        if finn:
            _write_finn(folder / "report", report, proof)
    return Built(report, (*proof.faults, *_excess(report), *timing_fault(routed)))


def _write_finn(folder: Path, report: Report, proof: Proof) -> None:
    folder.mkdir()
    for name, text in finn_files(report, proof.document).items():
        (folder / name).write_text(text, encoding="utf-8")


def _prove(
    decision: Decision,
    design: Design,
    given: Stimulus,
    trial: Trial,
    folder: Path,
    progress: Progress,
) -> Proof:
    with progress.step(f"simulating {len(given.codes)} frames"):
        runs = simulate(
            design,
            decision.graph,
            given.codes,
            engine=trial.engine,
            stalls=(0.0, trial.stall) if trial.stall else (0.0,),
            layers=True,
            folder=folder / "sim",
            ii_cycles=decision.performance.ii_cycles,
            progress=progress,
        )
    with progress.step("comparing with ONNX execution"):
        certificate = certify(decision.network, given.x)
    return prove(decision.network, runs, certificate)


def _tidy(folder: Path) -> None:
    """Leave only the compiled models, which later simulations start with."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix != ".so":
            path.unlink()


def _excess(report: Report) -> tuple[str, ...]:
    """Return a sentence for each resource of which synthesis counts more than the board has."""
    counted, available = report.resources.synth, report.resources.available
    if counted is None:
        return ()
    return tuple(
        f"synthesis needs {getattr(counted, key):,} {label}, {report.board} has "
        f"{getattr(available, key):,}; lower --budget or --target-fps"
        for label, key in CELLS
        if getattr(counted, key) > getattr(available, key)
    )
