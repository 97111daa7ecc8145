"""Each pass keeps every output, changes what it says, and leaves the rest alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwgen import passes
from hwgen.ir import Graph, Input, Node, TensorType, check
from hwgen.ir.ops import (
    Add,
    Affine,
    ArgMax,
    MaxPool,
    Mvu,
    Pad,
    Reshape,
    SumPool,
    Table,
    Threshold,
    Upsample,
    Vvu,
)
from hwgen.passes.drop_dead import DropDead
from hwgen.passes.drop_identity import DropIdentity
from hwgen.passes.merge_codes import MergeCodes
from hwgen.passes.merge_reshapes import MergeReshapes
from hwgen.passes.ranges import channel_range
from hwgen.passes.trim_tables import TrimTables
from hwgen.passes.trim_thresholds import TrimThresholds


def chain(kind: TensorType, *ops) -> Graph:
    nodes, last = [], "x"
    for index, op in enumerate(ops):
        nodes.append(Node(f"n{index}", op, (last,)))
        last = f"n{index}"
    graph = Graph((Input("x", kind),), tuple(nodes), (last,))
    check(graph)
    return graph


def every_code(kind: TensorType, frames: int = 64) -> np.ndarray:
    rng = np.random.default_rng(3)
    x = rng.integers(kind.low, kind.high + 1, (frames, *kind.shape))
    sweep = np.arange(kind.low, kind.high + 1)
    x = np.concatenate(
        [x, np.broadcast_to(sweep.reshape(-1, *[1] * len(kind.shape)), (len(sweep), *kind.shape))]
    )
    return np.where(x < 0, -1, 1) if kind.bipolar else x


def assert_equal_everywhere(before: Graph, after: Graph) -> None:
    check(after)
    x = every_code(before.inputs[0].type)
    np.testing.assert_array_equal(after.run(x), before.run(x))


def levels(*rows):
    return np.array(rows, dtype=np.int64)


def test_trim_moves_dead_steps_into_low_and_drops_unreached_ones():
    before = chain(TensorType((2,), 0, 7), Threshold(levels([-9, 0, 3, 8, 9], [-1, -1, 5, 6, 50])))

    after = TrimThresholds()(before)

    assert_equal_everywhere(before, after)
    op = after["n0"].op
    assert op.low == 2
    np.testing.assert_array_equal(op.thresholds, [[3, 8], [5, 6]])


def test_trim_uses_the_range_of_each_output_channel():
    weights = levels([1, 1], [3, -3])
    before = chain(TensorType((2,), 0, 3), Mvu(weights), Threshold(levels([-5, 7], [-5, 9])))

    after = TrimThresholds()(before)

    assert_equal_everywhere(before, after)
    np.testing.assert_array_equal(after["n1"].op.thresholds, [[0, 7], [-5, 9]])


@pytest.mark.parametrize(
    ("op", "ends"),
    [
        (Vvu(levels([1, 1], [2, -2])), ([0, -6], [6, 6])),
        (Affine(levels(2, 1), levels(-1, 5)), ([-1, 5], [5, 8])),
        (Affine(levels(2), levels(-1)), ([-1, -1], [5, 5])),
    ],
    ids=["Vvu", "Affine", "one scale"],
)
def test_ranges_are_those_of_each_channel(op, ends):
    inputs = 4 if isinstance(op, Vvu) else 2
    graph = chain(TensorType((inputs,), 0, 3), op)
    np.testing.assert_array_equal(channel_range(graph, "n0"), ends)


def test_the_range_of_a_sum_is_that_of_each_channel():
    kind = TensorType((2,), 0, 3)
    nodes = (Node("sum", Add(levels(1, 2), levels(-1)), ("x", "x")),)
    graph = Graph((Input("x", kind),), nodes, ("sum",))
    np.testing.assert_array_equal(channel_range(graph, "sum"), ([-3, -3], [3, 6]))


def test_trim_keeps_one_step_and_bipolar_codes():
    constant = chain(TensorType((1,), 0, 3), Threshold(levels([-4, -3]), low=5))
    bipolar = chain(TensorType((1,), 0, 3), Threshold(levels([9]), bipolar=True))

    trimmed, clipped = TrimThresholds()(constant), TrimThresholds()(bipolar)

    assert_equal_everywhere(constant, trimmed)
    assert_equal_everywhere(bipolar, clipped)
    assert trimmed["n0"].op.thresholds.shape == (1, 1)
    assert clipped["n0"].op.bipolar


def test_trim_leaves_useful_levels_alone():
    graph = chain(TensorType((1,), 0, 3), Threshold(levels([1, 3])))
    assert TrimThresholds()(graph) is graph


def test_tables_are_cut_to_the_codes_that_occur_and_share_equal_rows():
    before = chain(TensorType((3,), -1, 1), Table(np.tile(np.arange(8), (3, 1)), first=-4))

    after = TrimTables()(before)

    assert_equal_everywhere(before, after)
    np.testing.assert_array_equal(after["n0"].op.values, [[3, 4, 5]])
    assert after["n0"].op.first == -1
    assert TrimTables()(after) is after


@pytest.mark.parametrize(
    ("kind", "ops", "kinds"),
    [
        (
            TensorType((2,), 0, 3),
            [Table(levels([3, 1, 0, 2]), 0), Threshold(levels([1, 2], [2, 3]))],
            [Table],
        ),
        (
            TensorType((2,), 0, 3),
            [Table(levels([3, 1, 0, 2], [0, 0, 1, 1]), 0), Table(levels([5, 4, 3, -2]), 0)],
            [Table],
        ),
        (
            TensorType((2,), -8, 8),
            [
                Threshold(levels([-2, 0, 3], [1, 2, 3])),
                Table(levels([0, 0, 1, 2], [1, 1, 2, 3]), 0),
            ],
            [Threshold],
        ),
        (
            TensorType((2,), -8, 8),
            [Threshold(levels([-2, 0, 3], [1, 2, 3]), low=-1), Threshold(levels([0, 2], [1, 2]))],
            [Threshold],
        ),
        (
            TensorType((2,), -8, 8),
            [Threshold(levels([-2, 0, 3], [1, 2, 3])), Threshold(levels([2], [0]), bipolar=True)],
            [Threshold],
        ),
        (
            TensorType((2,), -8, 8),
            [Threshold(levels([-2], [1]), bipolar=True), Table(levels([0, 5, 1]), -1)],
            [Threshold],
        ),
        (  # a level below all accumulators stays in order behind the one that is always reached
            TensorType((2,), -2, 2),
            [Threshold(levels([-9, 0], [0, 1])), Table(levels([1, 1, 2], [0, 1, 2]), 0)],
            [Threshold],
        ),
    ],
)
def test_elementwise_neighbours_become_one(kind, ops, kinds):
    before = chain(kind, *ops)

    after = MergeCodes()(before)

    assert [type(n.op) for n in after.nodes] == kinds
    assert_equal_everywhere(before, after)


@pytest.mark.parametrize(
    "second",
    [Table(levels([0, 3, 1, 2]), 0), Table(levels([0, 10, 20, 30]), 0)],
    ids=["decreases", "needs more steps"],
)
def test_a_threshold_keeps_a_table_it_cannot_hold(second):
    graph = chain(TensorType((1,), 0, 9), Threshold(levels([2, 4, 6])), second)
    assert MergeCodes()(graph) is graph


@pytest.mark.parametrize("level", [-2, 2], ids=["always", "never"])
def test_a_constant_keeps_to_the_range_it_had(level):
    before = chain(
        TensorType((1,), 0, 3), Threshold(levels([2]), bipolar=True), Threshold(levels([level]))
    )

    after = MergeCodes()(before)

    assert_equal_everywhere(before, after)
    assert [type(n.op) for n in after.nodes] == [Threshold]
    assert (after.types["n1"].low, after.types["n1"].high) == (0, 1)


def test_a_shared_layer_is_not_merged():
    kind = TensorType((1,), 0, 3)
    nodes = (
        Node("a", Table(levels([3, 2, 1, 0]), 0), ("x",)),
        Node("b", Table(levels([1, 0, 1, 0]), 0), ("a",)),
        Node("c", ArgMax(), ("a",)),
    )
    graph = Graph((Input("x", kind),), nodes, ("b", "c"))
    assert MergeCodes()(graph) is graph


def test_identities_go_and_readers_are_rewired():
    kind = TensorType((2, 1), 0, 3)
    before = chain(
        kind,
        Threshold(levels([1, 2, 3])),
        Reshape((2, 1)),
        Pad((0, 0)),
        Upsample((1,)),
        SumPool(1),
        MaxPool(1),
        Reshape((2,)),
        Mvu(levels([1, -1])),
        Table(np.arange(-3, 4)[None], -3),
    )

    after = DropIdentity()(before)

    assert_equal_everywhere(before, after)
    assert [type(n.op) for n in after.nodes] == [Reshape, Mvu]
    assert after.outputs == ("n7",)


@pytest.mark.parametrize(
    ("kind", "op"),
    [
        (TensorType((1,), 0, 3), Threshold(levels([1, 2, 3]))),
        (TensorType((2, 2), 0, 3), Reshape((2, 2))),
    ],
)
def test_the_only_layer_stays(kind, op):
    graph = chain(kind, op)
    assert DropIdentity()(graph) is graph


@pytest.mark.parametrize(
    ("kind", "op"),
    [
        (TensorType((1,), 0, 4), Threshold(levels([1, 2, 3]))),
        (TensorType((1,), -1, 1, bipolar=True), Threshold(levels([0, 1]), low=-1)),
        (TensorType((1, 1), -1, 1, bipolar=True), Pad((0, 0))),
        (TensorType((1,), 0, 3), Table(levels([0, 1, 3, 2]), 0)),
    ],
    ids=["clips", "other wire", "wider", "swaps"],
)
def test_near_identities_stay(kind, op):
    graph = chain(kind, op, Mvu(levels([1])))
    assert DropIdentity()(graph) is graph


def test_reshapes_join_and_single_ones_stay():
    before = chain(TensorType((2, 3), 0, 3), Reshape((3, 2)), Reshape((6,)), Mvu(levels([1] * 6)))

    after = MergeReshapes()(before)

    assert_equal_everywhere(before, after)
    assert [n.name for n in after.nodes] == ["n1", "n2"]
    assert MergeReshapes()(after) is after


def test_dead_nodes_go():
    graph = chain(TensorType((2,), 0, 3), Mvu(levels([1, 2])))
    extra = Graph(graph.inputs, (*graph.nodes, Node("dead", ArgMax(), ("x",))), graph.outputs)

    after = DropDead()(extra)

    assert [n.name for n in after.nodes] == ["n0"]
    assert DropDead()(after) is after


@st.composite
def networks(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    bipolar = draw(st.booleans())
    width = draw(st.integers(1, 4))
    kind = TensorType((width,), -1, 1, True) if bipolar else TensorType((width,), -3, 4)
    ops, last = [], kind
    for choice in draw(st.lists(st.sampled_from("mtbc"), min_size=1, max_size=6)):
        size = last.channels
        if choice == "m":
            op = Mvu(rng.integers(-2, 3, (draw(st.integers(1, 4)), size)))
        elif choice == "t":
            steps = draw(st.integers(1, 4))
            spread = rng.integers(last.low - 3, last.high + 4, (size, steps))
            op = Threshold(np.sort(spread, axis=1), draw(st.integers(-2, 1)))
        elif choice == "b":
            op = Threshold(rng.integers(last.low - 1, last.high + 2, (size, 1)), bipolar=True)
        else:
            entries = last.high - last.low + 3
            rows = draw(st.sampled_from([1, size]))
            op = Table(rng.integers(-3, 4, (rows, entries)), last.low - 1)
        ops.append(op)
        last = op.infer(last)
    return chain(kind, *ops)


@settings(max_examples=100, deadline=None)
@given(networks())
def test_the_pipeline_keeps_every_output(graph):
    after = passes.run(graph)

    assert_equal_everywhere(graph, after)
    assert passes.run(after) is after


def test_passes_have_distinct_names():
    names = [rewrite.name for rewrite in passes.PIPELINE]
    assert len(set(names)) == len(names)
