"""``python -m sim.calibrate``: synthesise a sweep of components and fit the estimates' prices."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, cast

import numpy as np
import typer
from scipy.optimize import nnls

from hwgen.backend.batch import count_modules
from hwgen.boards import Family, Resources
from hwgen.cli import console
from hwgen.emit.components import component
from hwgen.emit.rtlil import convert
from hwgen.estimate.parts import Terms
from hwgen.estimate.terms import terms
from hwgen.tools import require
from sim.samples import samples

DATA = Path(__file__).parent / "calibration"
FITTED = Path(__file__).resolve().parents[1] / "hwgen" / "estimate" / "calibration.json"
# Errors of a few cells are no errors: relative ones are taken from this count up.
_FLOOR = 25.0
# LUTs from which a component counts for the error that is stated beside a sum.
_LARGE = 100
# Components per run of Yosys.
_BATCH = 12
# Price of a term that no component of the sweep has.
_UNSEEN = 1.0


def batched(names: Iterable[str], size: int) -> Iterator[list[str]]:
    """Yield the names in lists of at most ``size``."""
    left = list(names)
    while left:
        yield left[:size]
        left = left[size:]


def measure(family: Family, folder: Path) -> list[Resources]:
    """Return the counts of every sample, in order."""
    texts: dict[str, str] = {}
    for number, unit in enumerate(samples()):
        name = f"s{number}"
        texts[name] = convert(component(unit), name).text
    counts: list[Resources] = []
    for part in batched(texts, _BATCH):
        console.line(f"{len(counts)} of {len(texts)} components counted")
        at = folder / f"batch_{len(counts)}"
        counts += count_modules({name: texts[name] for name in part}, family, folder=at).values()
    return counts


def fit(rows: list[Terms], counts: list[Resources]) -> dict[str, Any]:
    """Return the prices of each kind of component that explain ``counts`` best."""
    found: dict[str, Any] = {}
    for kind in dict.fromkeys(row.kind for row in rows):
        mine = [n for n, row in enumerate(rows) if row.kind == kind]
        entry: dict[str, Any] = {"points": len(mine)}
        for name in ("lut", "ff"):
            terms_of = np.array([getattr(rows[n], name) for n in mine], dtype=np.float64)
            wanted = np.array([getattr(counts[n], name) for n in mine], dtype=np.float64)
            scale = np.maximum(wanted, _FLOOR)
            prices = nnls(terms_of / scale[:, None], wanted / scale)[0]
            prices[~terms_of.any(axis=0)] = _UNSEEN
            errors = np.abs(terms_of @ prices - wanted) / scale
            entry[name] = [round(float(price), 4) for price in prices]
            entry[f"{name}_error"] = [
                round(float(np.median(errors)), 4),
                round(float(errors.max()), 4),
            ]
        found[kind] = entry
    return found


def expected_error(rows: list[Terms], counts: list[Resources], kinds: dict[str, Any]) -> float:
    """Return the relative LUT error that nine of ten components of some size stay below."""
    errors = [
        abs(float(np.dot(kinds[row.kind]["lut"], row.lut)) - count.lut) / count.lut
        for row, count in zip(rows, counts, strict=True)
        if count.lut >= _LARGE
    ]
    return round(float(np.quantile(errors, 0.9)), 3)


def main(
    family: Annotated[str, typer.Option(help="Board family: xc7 or ecp5.")] = "xc7",
    again: Annotated[
        bool, typer.Option("--fit-only", help="Fit the counts saved last time.")
    ] = False,
) -> None:
    """Fit the prices of one family and write them where the estimates read them."""
    kind = cast(Family, family)
    path = DATA / f"{family}.json"
    if not again:
        with tempfile.TemporaryDirectory() as folder:
            counts = measure(kind, Path(folder))
        tool = require("yosys")
        data = {"tool": f"Yosys {tool.version}", "counts": [entry.as_dict() for entry in counts]}
        DATA.mkdir(exist_ok=True)
        path.write_text(json.dumps(data, indent=1) + "\n")
    data = json.loads(path.read_text())
    counts = [Resources(**entry) for entry in data["counts"]]
    rows = [terms(unit, kind) for unit in samples()]
    assert len(rows) == len(counts), "the sweep has changed since it was counted; count it again"
    kinds = fit(rows, counts)
    for name, entry in kinds.items():
        console.line(f"{name}: LUT {entry['lut_error']}, FF {entry['ff_error']}")
    error = expected_error(rows, counts, kinds)
    known = json.loads(FITTED.read_text()) if FITTED.exists() else {}
    others = known.get(family, {}).get("kinds", {})
    known[family] = {"tool": data["tool"], "error": error, "kinds": others | kinds}
    FITTED.write_text(json.dumps(known, indent=1) + "\n")


if __name__ == "__main__":
    typer.run(main)
