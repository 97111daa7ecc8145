"""What the matrix unit of a layer takes at a given speed, from its weights alone."""

from __future__ import annotations

from math import ceil

from hwgen.boards import Family
from hwgen.dataflow import Element
from hwgen.estimate.mvu import mvu_facts, mvu_terms
from hwgen.estimate.network import priced
from hwgen.ir.ops import IntArray

_MEMORIES = ("auto", "bram")


def matrix_luts(
    weights: IntArray, low: int, high: int, *, pixels: int, cycles: int, family: Family
) -> float:
    """Return the least LUTs of a unit that finishes ``pixels`` vectors within ``cycles``.

    Weights may lie in LUTs or in block RAM, whichever leaves fewer LUTs. Where not even a unit as
    wide as the matrix is fast enough, that unit is counted.

    Parameters
    ----------
    weights : integers (MH, MW)
    low, high : input codes that can occur
    """
    height, width = weights.shape
    reach = weights.clip(min=0).sum(1) * high - (-weights).clip(min=0).sum(1) * low
    least = weights.clip(min=0).sum(1) * low - (-weights).clip(min=0).sum(1) * high
    acc = Element(int(least.min()), max(int(reach.max()), 1))
    facts = mvu_facts(weights, Element(low, high), acc)
    steps = max(cycles // pixels, 1)
    found: list[float] = []
    for folds in range(1, min(height, steps) + 1):
        pe = ceil(height / folds)
        simd = ceil(width / (steps // folds)) if steps // folds else width
        if ceil(height / pe) != folds:
            continue
        found += [
            priced(mvu_terms(facts, pe, simd, "lut", memory, family), family).lut
            for memory in _MEMORIES
        ]
    return min(found)
