"""Several pixels at once, where one per cycle is not enough."""

from dataclasses import replace

import numpy as np
import pytest

from hwgen import boards, dataflow, search
from hwgen.estimate import estimate
from hwgen.ir import Graph, Input, Node, TensorType, ops


@pytest.fixture(scope="module")
def small():
    """Convolution, residual sum, pool and a convolution of stride 2."""
    rng = np.random.default_rng(1)
    same = ops.Swu((3, 3), (1, 1), (1, 1), (1, 1, 1, 1))
    half = ops.Swu((2, 2), (2, 2), (1, 1), (0, 0, 0, 0))
    levels = np.sort(rng.integers(-20, 20, (4, 3)), axis=1)
    nodes = (
        Node("w0", same, ("x",)),
        Node("c0", ops.Mvu(rng.integers(-1, 2, (4, 18))), ("w0",)),
        Node("a0", ops.Threshold(levels), ("c0",)),
        Node("w1", same, ("a0",)),
        Node("c1", ops.Vvu(rng.integers(-1, 2, (4, 9))), ("w1",)),
        Node("a1", ops.Threshold(levels // 3), ("c1",)),
        Node("sum", ops.Add(np.array([1]), np.array([2])), ("a1", "a0")),
        Node("pw", half, ("sum",)),
        Node("pool", ops.MaxPool(4), ("pw",)),
        Node("c2", ops.Mvu(rng.integers(-1, 2, (3, 4))), ("pool",)),
    )
    return Graph((Input("x", TensorType((16, 16, 2), 0, 3)),), nodes, ("c2",))


def test_as_fast_as_the_board_allows(small):
    board = boards.load("pynq-z2")
    found = search.search(small, board, search.Goal(clock_mhz=100.0))

    folds = {name: found.folding[name] for name in found.folding}
    assert {folds[name].m for name in ("c0", "c1", "sum")} == {8}
    assert found.interval < 16 * 16 / 4
    planned = dataflow.size_fifos(dataflow.plan(small, found.folding))
    assert dataflow.performance(planned).ii_cycles == found.interval
    assert estimate(planned, board).total.fits(board.available * 0.7)


def test_one_pixel_at_a_time_where_that_is_enough(small):
    board = boards.load("pynq-z2")
    found = search.search(small, board, search.Goal(clock_mhz=100.0, target_fps=300_000))
    assert {found.folding[name].m for name in found.folding} == {1}


def test_a_pinned_number_of_pixels_is_kept(small):
    pins = search.join_pins([search.parse_pin("c0:m=2,pe=2"), search.parse_pin("pool:m=4")])
    goal = search.Goal(clock_mhz=100.0, pins=pins)
    found = search.search(small, boards.load("pynq-z2"), goal)
    assert (found.folding["c0"].pe, found.folding["c0"].m) == (2, 2)
    assert found.folding["pool"].m == 4
    free = search.search(small, boards.load("pynq-z2"), replace(goal, pins={}))
    assert free.interval <= found.interval
