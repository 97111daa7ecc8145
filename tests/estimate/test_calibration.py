import json
from pathlib import Path

import numpy as np
import pytest

from hwgen.estimate.calibration import calibration
from hwgen.estimate.terms import terms
from sim.samples import samples

DATA = Path(__file__).resolve().parents[2] / "sim" / "calibration" / "xc7.json"


@pytest.fixture(scope="module")
def counted():
    counts = json.loads(DATA.read_text())["counts"]
    rows = [terms(unit, "xc7") for unit in samples()]
    return list(zip(rows, counts.values(), strict=True))


def errors(counted, name):
    prices = calibration("xc7").kinds
    return {
        kind: [
            abs(np.dot(getattr(prices[kind], name), getattr(row, name)) - count[name])
            / max(count[name], 25)
            for row, count in counted
            if row.kind == kind
        ]
        for kind in {row.kind for row, _ in counted}
    }


def test_committed_prices_explain_the_committed_counts(counted):
    for name, median, worst in (("lut", 0.11, 0.32), ("ff", 0.12, 0.25)):
        for kind, found in errors(counted, name).items():
            # Levels that are alike for all channels need no index, but are priced with one.
            most = 0.3 if (kind, name) == ("threshold", "ff") else worst
            assert np.median(found) <= median, (kind, name)
            assert max(found) <= most, (kind, name)


def test_stated_errors_are_those_of_the_fit(counted):
    for kind, found in errors(counted, "lut").items():
        stated = calibration("xc7").kinds[kind]
        assert stated.points == len(found)
        assert stated.lut_error == pytest.approx((np.median(found), max(found)), abs=0.001)


def test_block_memories_are_exact(counted):
    for row, count in counted:
        assert row.bram36 == count["bram36"]
        assert row.dsp == count["dsp"]
