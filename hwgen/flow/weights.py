"""What a driver must know of layers whose weights can be exchanged at run time."""

from __future__ import annotations

from hwgen.arith.mvu import MvuPlan
from hwgen.dataflow import Dataflow, writable_units


def weights_meta(flow: Dataflow) -> dict[str, dict[str, int]]:
    """Return the part ``weights``: by layer, what a driver needs to exchange a matrix."""
    found: dict[str, dict[str, int]] = {}
    for number, unit in enumerate(writable_units(flow)):
        plan = unit.plan
        assert isinstance(plan, MvuPlan), "only these can be written"
        rows, columns = unit.weights.shape
        found[unit.node] = {
            "number": number,
            "rows": rows,
            "columns": columns,
            "pe": unit.pe,
            "simd": unit.simd,
            "planes": len(plan.chosen),
            "x_bits": plan.x.bits,
            "x_low": plan.x.low,
            "x_high": plan.x.high,
            "x_gain": plan.x.gain,
            "acc_bits": plan.acc.bits,
            "acc_low": plan.acc.low,
            "acc_high": plan.acc.high,
        }
    return found
