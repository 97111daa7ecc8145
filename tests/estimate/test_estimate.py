import numpy as np
import pytest

from hwgen import boards, dataflow
from hwgen.arith.mvu import Lane, MvuPlan
from hwgen.boards import Resources
from hwgen.dataflow import Element
from hwgen.dataflow import units as u
from hwgen.estimate import estimate, mvu_facts, mvu_terms, priced
from hwgen.estimate.mvu import stored_bits, tree
from hwgen.estimate.terms import terms
from hwgen.ir import Fold, Folding, Graph, Input, Node, TensorType, ops


def network(seed=0):
    rng = np.random.default_rng(seed)
    first, second = rng.integers(-1, 2, (16, 32)), rng.integers(-1, 2, (5, 16))
    levels = np.sort(rng.integers(-20, 20, (16, 3)), axis=1)
    nodes = (
        Node("fc0", ops.Mvu(first), ("x",)),
        Node("act", ops.Threshold(levels), ("fc0",)),
        Node("fc1", ops.Mvu(second), ("act",)),
        Node("best", ops.ArgMax(), ("fc1",)),
    )
    return Graph((Input("x", TensorType((32,), 0, 3)),), nodes, ("best",))


def planned(**folds):
    return dataflow.plan(network(), Folding(folds))


@pytest.fixture(scope="module")
def pynq():
    return boards.load("pynq-z2")


def test_layers_and_units_add_up(pynq):
    found = estimate(planned(fc0=Fold(4, 8, style="lut", memory="const")), pynq)

    assert set(found.layers) == {"fc0", "act", "fc1", "best"}
    for parts in (found.layers, found.units):
        total = sum(parts.values(), Resources())
        assert list(total) == pytest.approx(list(found.total))
    assert found.total.lut > 100
    assert 0 < found.lut_error < 1


def test_more_lanes_cost_more(pynq):
    luts = [
        estimate(planned(fc0=Fold(n, n, style="lut", memory="const")), pynq).total.lut
        for n in (2, 4, 8, 16)
    ]
    assert luts == sorted(luts)
    assert luts[-1] > 2 * luts[0]


def test_block_memory_moves_weights_out_of_luts(pynq):
    in_luts = estimate(planned(fc0=Fold(1, 4, style="lut", memory="const")), pynq)
    in_block = estimate(planned(fc0=Fold(1, 4, style="lut", memory="bram")), pynq)

    assert in_luts.total.bram36 == 0
    assert in_block.layers["fc0"].bram36 == 0.5
    assert in_block.total.lut < in_luts.total.lut


@pytest.mark.parametrize("family", ["xc7", "xcup", "ecp5", "ice40", "gowin"])
def test_every_family_has_prices(family):
    name = {"xc7": "pynq-z2", "xcup": "zcu104", "ecp5": "ulx3s-85f", "ice40": "icebreaker"}
    board = boards.load(name.get(family, "tang-nano-20k"))
    found = estimate(planned(fc0=Fold(4, 8, style="lut", memory="const")), board)
    assert min(found.total.lut, found.total.ff) > 0


@pytest.mark.parametrize(
    ("values", "planes", "stored"),
    [
        ([-1, 1], 1, 1),  # the sign alone
        ([-1, 0, 1], 1, 2),  # chosen and sign
        ([0, 1], 1, 1),
        ([-2, -1, 0, 1], 2, 3),
        ([-8, -1, 3, 7], 4, 4),  # two's complement stores no sign
        ([-3, -1, 0, 2], 2, 3),
        ([-7, 0, 5, 6], 3, 4),
    ],
)
def test_facts_of_weights(values, planes, stored):
    weights = np.resize(np.array(values, dtype=np.int64), (8, 9))
    facts = mvu_facts(weights, Element(0, 3), Element(-100, 100))

    assert (facts.planes, facts.stored_bits) == (planes, stored)
    assert (facts.height, facts.width, facts.x_bits, facts.acc_bits) == (8, 9, 2, 8)
    assert 0 <= facts.zeros < 1


@pytest.mark.parametrize("values", [(-1, 1), (-1, 0, 1), (1, 2, 3), range(-8, 8)])
@pytest.mark.parametrize(("pe", "simd"), [(1, 1), (1, 13), (3, 10), (7, 9), (9, 4), (4, 9)])
def test_width_of_the_weight_memory_is_that_of_the_unit(values, pe, simd):
    """Padding in either direction is told by bits of its own where weights are never 0."""
    weights = np.random.default_rng(pe * simd).choice(list(values), (40, 60))
    lanes = Lane(2), Lane(16, True)
    built = MvuPlan(weights, *lanes, pe=pe, simd=simd, memory="lutram").stored[0]
    facts = mvu_facts(weights, Element(0, 3), Element(-(2**15), 2**15 - 1))
    assert stored_bits(facts, pe, simd) == built.shape[1]


def test_tree_of_a_power_of_two():
    # Eight 2-bit operands: 4 adders of 3 bits, 2 of 4, 1 of 5; registers behind levels 2 and 3.
    assert tree(8, 1, 2) == (4 * 3, 2 * 4 + 5, 2 * 4 + 5)
    assert tree(1, 1, 4) == (0, 0, 0)
    # Products with a stage of their own: registers behind them, too.
    assert tree(8, 1, 2, 2) == (4 * 3, 2 * 4 + 5, 8 * 2 + 2 * 4 + 5)


def test_terms_of_a_matrix_are_those_of_its_unit():
    flow = planned(fc0=Fold(4, 8, style="lut", memory="bram"))
    unit = next(unit for unit in flow.units if unit.name == "fc0")
    facts = mvu_facts(unit.weights, unit.x, unit.acc)

    made_of = mvu_terms(facts, 4, 8, "lut", "bram", "xc7")

    alone = estimate(flow, boards.load("pynq-z2")).units["fc0"]
    assert list(priced(made_of, "xc7")) == pytest.approx(list(alone))
    assert made_of.bram36 == 1.0  # 16 words of 4 * 8 weights of 2 bits: one 72-bit port


def test_bits_that_are_alike_in_every_word_take_no_block_memory():
    weights = np.random.default_rng(0).integers(-7, 8, (64, 80))
    weights[:, ::10], weights[:, 1::10] = 1, -3
    x, acc = Element(0, 3), Element(-(2**13), 2**13 - 1)
    unit = u.MvuUnit("", "", (), (), weights, x, acc, 1, 10, "lut", "bram")
    facts = mvu_facts(weights, x, acc)

    assert stored_bits(facts, 1, 10) == 40  # of ten weights of 4 bits
    assert mvu_terms(facts, 1, 10, "lut", "bram", "xc7").bram36 == 1.0
    assert terms(unit, "xc7").bram36 == 0.5  # 512 words of 32 bits
