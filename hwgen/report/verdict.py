"""In a sentence each: is a build proven, does it fit, what would a faster one cost."""

from __future__ import annotations

from hwgen.report.figures import CELLS, count, rate, share
from hwgen.report.schema import FrontPoint, Report

_FASTER = (
    1.01  # by less than this a folding is no step: FIFOs cost a cycle that the search leaves out
)


def verdict(report: Report) -> tuple[bool, str]:
    """Return whether the build is proven, and the sentence that says so."""
    found = report.verification
    if found is None or not found.values:
        return False, "Not simulated"
    if found.mismatches:
        return False, f"{count(found.mismatches)} mismatches in {count(found.values)} values"
    if found.cycles_predicted != found.cycles_simulated:
        return False, (
            f"{count(found.cycles_predicted)} cycles predicted, "
            f"{count(found.cycles_simulated)} simulated"
        )
    if found.onnx_unexplained:
        return False, f"{count(found.onnx_unexplained)} unexplained differences from ONNX"
    return True, f"0 mismatches in {count(found.values)} values"


def fits(report: Report) -> tuple[bool, str]:
    """Return whether the design fits within the budget, and the sentence that says so.

    Synthesis counts, where it ran, else the estimate does.
    """
    resources = report.resources
    used = resources.synth or resources.estimate
    shares = {
        label: share(getattr(used, key), getattr(resources.available, key)) for label, key in CELLS
    }
    most = max(shares, key=lambda label: shares[label])
    if shares[most] > 100:
        return False, f"Does not fit: {shares[most]:.0f} % of the {most}."
    if shares[most] > 100 * resources.budget:
        return True, f"Fits the board, but beyond the budget: {shares[most]:.0f} % of the {most}."
    return True, f"Fits: {shares[most]:.0f} % of the {most} is the largest share."


def next_step(report: Report) -> tuple[str, str] | None:
    """Return the next faster folding and what it costs, None where no others were looked for."""
    if not report.front:
        return None
    speed = report.performance
    if speed.io_cycles is not None and speed.io_cycles >= speed.ii_cycles:
        return "limited by I/O", f"the board's link feeds {rate(speed.fps_with_io)} fps at most"
    for point in report.front:
        if point.fps > _FASTER * speed.fps:
            return f"{rate(point.fps)} fps", f"for {_more(report, point)} (estimate)"
    budget = f"{100 * report.resources.budget:.0f} % of the board"
    return "over budget", f"this is the fastest folding within {budget}"


def _more(report: Report, point: FrontPoint) -> str:
    now = report.resources.estimate
    parts = [
        f"{count(change)} {label}"
        for label, key in CELLS
        if key != "ff" and (change := getattr(point, key) - getattr(now, key)) > 0
    ]
    return f"{', '.join(parts)} more" if parts else "no more resources"
