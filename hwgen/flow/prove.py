"""Simulation of a design and comparison with ONNX execution: what ``verification.json`` holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hwgen.emit import Design
from hwgen.errors import VerificationError
from hwgen.flow.progress import Progress
from hwgen.frontend import Network
from hwgen.ir import Graph
from hwgen.ir.ops import IntArray
from hwgen.report import schema as s
from hwgen.verify import Verification, affordable_frames, choose, verify

if TYPE_CHECKING:
    from hwgen.frontend.certificate import Certificate

MEANING = (
    "The integer network equals the file in real arithmetic on the file's constants, for every "
    "input, by construction. Simulated hardware equals the integer network on the frames of each "
    "run, in every integer and every cycle. ONNX execution rounds in float32; a code that differs "
    "there is explained only if its real value lies within that element's own rounding error of a "
    "threshold."
)


@dataclass(frozen=True)
class Proof:
    """What was found, for the report and for ``verification.json``; the faults as sentences."""

    verification: s.Verification
    document: s.VerificationFile
    faults: tuple[str, ...]


def simulate(
    design: Design,
    graph: Graph,
    codes: IntArray,
    *,
    engine: str,
    stalls: Sequence[float],
    folder: Path,
    ii_cycles: float,
    progress: Progress,
) -> tuple[tuple[float, Verification], ...]:
    """Run ``codes`` through ``design`` once for each share of stalled cycles; return these runs.

    engine : name or ``auto``; where only a slow one is here, fewer frames run, and a note says so
    """
    chosen, reason = choose(engine)
    frames = affordable_frames(chosen, ii_cycles, len(codes))
    if reason:
        progress.note(reason)
    if frames < len(codes):
        progress.note(f"{frames} of {len(codes)} frames are simulated on {chosen.name}")
    return tuple(
        (
            share,
            verify(
                design,
                graph,
                codes[:frames],
                engine=chosen,
                folder=folder,
                stalls=(share,),
                notice=progress.note,
            ),
        )
        for share in stalls
    )


def prove(
    network: Network,
    runs: Sequence[tuple[float, Verification]],
    certificate: Certificate,
) -> Proof:
    """Put simulations and the comparison with ONNX execution together."""
    ties = _ties(network)
    compared = _compared(certificate)
    documents = tuple(_run(share, found) for share, found in runs)
    free = next((run for run in documents if not run.stall), documents[0])
    verification = s.Verification(
        engine=free.engine,
        frames=sum(run.frames for run in documents),
        values=sum(run.values for run in documents),
        mismatches=sum(run.mismatches for run in documents),
        cycles_predicted=free.cycles_predicted,
        cycles_simulated=free.cycles_simulated,
        ties=sum(len(layer.channels) for layer in ties),
        onnx_frames=certificate.frames,
        onnx_explained=sum(layer.explained for layer in compared),
        onnx_unexplained=certificate.unexplained,
    )
    document = s.VerificationFile(
        meaning=MEANING, runs=documents, ties=ties, onnx_frames=certificate.frames, onnx=compared
    )
    faults = [run.fault for run in documents if run.fault is not None]
    if certificate.first is not None:
        faults.append(
            f"{certificate.unexplained} of {certificate.values} values differ from ONNX execution "
            f"by more than float32 rounding explains; first: {certificate.first}"
        )
    return Proof(verification, document, tuple(faults))


def _compared(certificate: Certificate) -> tuple[s.Compared, ...]:
    return tuple(
        s.Compared(
            layer=layer.name,
            values=layer.values,
            differing=layer.differing,
            explained=layer.explained,
            unexplained=layer.differing - layer.explained,
            first=str(layer.unexplained[0]) if layer.unexplained else None,
        )
        for layer in certificate.layers
    )


def _run(share: float, found: Verification) -> s.Run:
    seen = found.divergence
    return s.Run(
        engine=found.engine,
        stall=share,
        frames=found.frames,
        values=found.values,
        mismatches=found.mismatches,
        cycles_predicted=found.cycles_predicted,
        cycles_simulated=found.cycles_simulated,
        seconds=round(found.seconds, 3),
        divergence=None
        if seen is None
        else s.Divergence(
            frame=seen.frame,
            layer=seen.layer,
            source=seen.source,
            pixel=seen.pixel,
            channel=seen.channel,
            expected=seen.expected,
            got=seen.got,
        ),
        fault=fault_of(found),
    )


def fault_of(found: Verification) -> str | None:
    """Return what is wrong with a run in a sentence, None where nothing is."""
    try:
        found.require()
    except VerificationError as error:
        return str(error)
    return None


def _ties(network: Network) -> tuple[s.Ties, ...]:
    found: defaultdict[str, list[int]] = defaultdict(list)
    for tie in network.ties:
        found[tie.layer].append(tie.channel)
    return tuple(
        s.Ties(layer=layer, channels=tuple(sorted(set(channels))), codes=len(channels))
        for layer, channels in found.items()
    )
