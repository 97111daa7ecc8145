"""``python -m sim.calibrate``: synthesise a sweep of components and fit the estimates' prices.

What was counted is kept by the component's content, so that only what changed is counted again.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
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


def digest(text: str) -> str:
    """Return what names a text: of a component, of a network."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def measure(
    family: Family, texts: Mapping[str, str], folder: Path
) -> Iterator[dict[str, dict[str, float]]]:
    """Yield the counts of components, a batch at a time.

    texts : RTLIL by digest, its module named ``s`` and the digest
    """
    done = 0
    for part in batched(texts, _BATCH):
        console.line(f"{done} of {len(texts)} components counted")
        named = {f"s{name}": texts[name] for name in part}
        counts = count_modules(named, family, folder=folder / f"batch_{done}")
        done += len(part)
        yield {name: counts[f"s{name}"].as_dict() for name in part}


def sources() -> list[tuple[str, str]]:
    """Return digest and RTLIL of every sample, in order; the module's name is made of both."""
    found: list[tuple[str, str]] = []
    for unit in samples():
        text = convert(component(unit), "SAMPLE").text
        name = digest(text)
        found.append((name, text.replace("SAMPLE", f"s{name}")))
    return found


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
        bool, typer.Option("--all", help="Count what was counted before, too.")
    ] = False,
) -> None:
    """Fit the prices of one family and write them where the estimates read them."""
    kind = cast(Family, family)
    path = DATA / f"{family}.json"
    every = sources()
    known: dict[str, dict[str, float]] = {}
    if path.exists() and not again:
        known = json.loads(path.read_text())["counts"]
    missing = {name: text for name, text in every if name not in known}
    tool = f"Yosys {require('yosys').version}"
    with tempfile.TemporaryDirectory() as folder:
        for more in measure(kind, missing, Path(folder)):
            known |= more
            data = {"tool": tool, "counts": {n: known[n] for n, _ in every if n in known}}
            DATA.mkdir(exist_ok=True)
            path.write_text(json.dumps(data, indent=1) + "\n")
    data = json.loads(path.read_text())
    counts = [Resources(**data["counts"][name]) for name, _ in every]
    rows = [terms(unit, kind) for unit in samples()]
    kinds = fit(rows, counts)
    for name, entry in kinds.items():
        console.line(f"{name}: LUT {entry['lut_error']}, FF {entry['ff_error']}")
    error = expected_error(rows, counts, kinds)
    fitted: dict[str, Any] = json.loads(FITTED.read_text()) if FITTED.exists() else {}
    others = fitted.get(family, {}).get("kinds", {})
    fitted[family] = {"tool": data["tool"], "error": error, "kinds": others | kinds}
    FITTED.write_text(json.dumps(fitted, indent=1) + "\n")


if __name__ == "__main__":
    typer.run(main)
