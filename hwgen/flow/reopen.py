"""A build folder, opened again: the same decision, and proof that the files are still those."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hwgen.emit import Design
from hwgen.errors import InputError, VerificationError
from hwgen.flow.decide import Decision, decide
from hwgen.flow.design import emit_design, hashes
from hwgen.flow.origin import Origin, read_origin
from hwgen.flow.progress import Progress
from hwgen.flow.request import Request


def reopen(folder: Path, progress: Progress) -> tuple[Decision, Design]:
    """Return the decision and design of a build.

    Raises ``InputError`` where ``folder`` is no build or another hwgen's, ``VerificationError``
    where its Verilog is not what was built.
    """
    origin = read_origin(folder)
    decision = decide(_request(folder, origin), progress)
    network = replace(decision.network, name=origin.name)
    decision = replace(decision, network=network)
    design = emit_design(decision, origin.name)
    if design.digest != origin.design:
        raise InputError(
            f"{folder} was built by hwgen {origin.hwgen} or from other files, and this hwgen makes "
            f"another design of them; build it again"
        )
    _check_rtl(folder, origin)
    return decision, design


def request_of(folder: Path) -> Request:
    """Return the request that makes the design of a build again."""
    return _request(folder, read_origin(folder))


def _request(folder: Path, origin: Origin) -> Request:
    own = folder / "board.toml"
    return Request(
        model=folder / "model.onnx",
        board=str(own) if own.exists() else origin.board,
        clock_mhz=origin.clock_mhz,
        folding=folder / "folding.toml",
        budget=origin.budget,
        input=origin.input,
        shell=origin.shell,
    )


def _check_rtl(folder: Path, origin: Origin) -> None:
    rtl = folder / "rtl"
    found = hashes(rtl) if rtl.is_dir() else {}
    for name in sorted({*found, *origin.rtl}):
        if found.get(name) != origin.rtl.get(name):
            what = "is missing" if name not in found else "is not what the build wrote"
            raise VerificationError(f"{rtl / name} {what}; build the design again")
