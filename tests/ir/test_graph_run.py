"""The whole-graph reference works in portions and agrees with itself in one piece."""

import numpy as np

from hwgen.ir import Graph, Input, Node, TensorType, check, graph, ops


def residual():
    rng = np.random.default_rng(1)
    nodes = (
        Node("rows", ops.Swu((3, 3), (1, 1), (1, 1), (1, 1, 1, 1)), ("x",)),
        Node("conv", ops.Mvu(rng.integers(-2, 2, (3, 27))), ("rows",)),
        Node("sum", ops.Add(np.array([1]), np.array([2])), ("conv", "x")),
        Node("flat", ops.Reshape((48,)), ("sum",)),
        Node("pool", ops.SumPool(16), ("flat",)),
    )
    return Graph((Input("x", TensorType((4, 4, 3), 0, 3)),), nodes, ("pool",))


def test_portions_equal_one_piece(monkeypatch):
    net = residual()
    check(net)
    x = np.random.default_rng(2).integers(0, 4, (7, 4, 4, 3))
    expected = net.run_all(x)["pool"]
    for portion in (1, 432 * 3, 2**20):
        monkeypatch.setattr(graph, "PORTION", portion)
        np.testing.assert_array_equal(net.run(x), expected)


def test_no_frames_give_no_outputs():
    assert residual().run(np.zeros((0, 4, 4, 3), np.int64)).shape == (0, 3)
