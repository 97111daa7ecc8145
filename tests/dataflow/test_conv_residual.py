"""Branches that part and meet: every integer, every cycle, under any stalls."""

import numpy as np
import pytest

from hwgen.dataflow import performance, plan, size_fifos
from hwgen.emit import emit
from hwgen.verify import engines, verify
from tests.dataflow.conv_nets import residual
from tests.dataflow.nets import codes, fold

AMARANTH = engines()["amaranth"]


def check(graph, folding, folder, frames=3, stalls=(0.0, 0.4)):
    """Simulate ``graph`` and compare everything; return its speed."""
    flow = size_fifos(plan(graph, folding))
    x = codes(np.random.default_rng(1), graph, frames)
    verify(emit(flow), graph, x, engine=AMARANTH, folder=folder, stalls=stalls).require()
    return performance(flow)


FAST = fold(first=(4, 3), c1=(4, 4), c2=(4, 4), skip=(4, 4), inner=(4, 4), sum=(4, 1))
NETS = {
    "identity": (residual(), fold(first=(4, 3), c1=(4, 4), c2=(4, 4))),
    "projection": (residual(identity=False), fold(first=(2, 9), c1=(4, 12), c2=(2, 8))),
    "nested": (residual(deep=True), fold(first=(4, 3), inner=(2, 4), c1=(4, 4), c2=(4, 2))),
}


@pytest.mark.parametrize("name", NETS)
def test_branches_meet_exactly(name, tmp_path):
    graph, folding = NETS[name]
    check(graph, folding, tmp_path)
