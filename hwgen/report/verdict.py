"""Whether a build is proven, in a sentence."""

from __future__ import annotations

from hwgen.report.figures import count
from hwgen.report.schema import Report


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
