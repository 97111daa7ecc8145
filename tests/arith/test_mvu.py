"""The plan's digits and constants give the exact products, by arithmetic alone."""

import numpy as np
import pytest

from hwgen.arith.mvu import DEEP_WORDS, Lane, MvuPlan, accumulator


def sums(plan, x):
    """Compute as the unit does: unsigned lanes per plane, plus the row's constant."""
    u = (x - plan.x.offset) // plan.x.gain
    top = (1 << plan.x.bits) - 1
    mh, mw = plan.weights.shape
    u = np.pad(u, (0, plan.words * plan.simd - mw), constant_values=top // 2)  # anything
    total = np.zeros((plan.folds, plan.pe), np.int64)
    for step in range(plan.steps):
        fold, word = divmod(step, plan.words)
        lanes = u[word * plan.simd :][: plan.simd]
        for plane in range(len(plan.chosen)):
            chosen, negative = plan.chosen[plane, step], plan.negative[plane, step]
            number = np.where(negative, top - lanes, lanes) * chosen
            total[fold] += number.sum(axis=1) << plane
    return (plan.x.gain * total + plan.bias).reshape(-1)[:mh]


@pytest.mark.parametrize(
    "x", [Lane(2), Lane(3, True), Lane(1), Lane(1, False, True), Lane(1, True)]
)
@pytest.mark.parametrize("bits", [1, 2, 3, 4, 8])
@pytest.mark.parametrize("memory", ["const", "lutram"])
def test_plan_is_exact(x, bits, memory):
    rng = np.random.default_rng(bits)
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    binary = rng.choice([-1, 1], (5, 7))
    for weights in (binary, rng.integers(low, high + 1, (5, 7)), np.full((5, 7), low)):
        codes = rng.integers(x.low, x.high + 1, 7)
        if x.bipolar:
            codes = codes | 1
        for pe, simd in ((1, 1), (2, 3), (5, 7)):
            plan = MvuPlan(weights, x, accumulator(weights, x), pe, simd, memory)
            np.testing.assert_array_equal(sums(plan, codes), weights @ codes)


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
def test_groups_hold_digits_that_no_weight_has_together(bits):
    weights = np.random.default_rng(bits).integers(-(1 << bits - 1), 1 << bits - 1, (9, 9))
    plan = MvuPlan(weights, Lane(2), accumulator(weights, Lane(2)), 3, 3)
    assert sum(plan.groups, ()) == tuple(range(len(plan.chosen)))
    for group in plan.groups:
        assert plan.chosen[list(group)].sum(axis=0).max() <= 1


@pytest.mark.parametrize("bits", [1, 2, 3, 5, 8])
def test_memory_holds_no_more_than_the_weights(bits):
    """Full-range weights of n bits take n bits per lane; narrow and binary ones no more."""
    rng = np.random.default_rng(bits)
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    weights = rng.choice([-1, 1], (16, 16)) if bits == 1 else rng.integers(low, high + 1, (16, 16))
    plan = MvuPlan(weights, Lane(2), accumulator(weights, Lane(2)), 2, 4, "bram")
    stored, place = plan.stored
    assert stored.shape[1] <= 2 * 4 * bits
    changing = place >= 0
    np.testing.assert_array_equal(stored[:, place[changing]], plan.table[:, changing])


def test_accumulator_is_no_wider_than_needed():
    weights = np.array([[1, 2, -3], [0, 0, 7]])
    assert accumulator(weights, Lane(2)) == Lane(6, True)  # -9..21
    assert accumulator(np.abs(weights), Lane(2)) == Lane(5)  # 0..21
    assert accumulator(weights, Lane(1, False, True)) == Lane(4, True)  # -7..7


@pytest.mark.parametrize(
    ("memory", "simd", "high", "stages"),
    [
        ("bram", 1, 7, 2),  # three planes: two levels, the first by itself
        ("const", 1, 7, 1),
        ("bram", 2, 7, 2),
        ("bram", 4, 1, 1),  # one plane
        ("bram", 1, 1, 0),
    ],
)
def test_sums_of_planes_out_of_block_memory_have_a_level_less_at_first(memory, simd, high, stages):
    weights = np.random.default_rng(3).integers(-high, high + 1, (8, 16))
    plan = MvuPlan(weights, Lane(4), accumulator(weights, Lane(4)), 1, simd, memory)
    assert plan.tree_stages == stages
    assert plan.latency == 1 + stages + 1


@pytest.mark.parametrize(("simd", "stages"), [(1, 1), (2, 2), (4, 2), (8, 3)])
def test_products_of_weights_out_of_deep_block_memories_have_a_stage_of_their_own(simd, stages):
    weights = np.random.default_rng(3).integers(-1, 2, (DEEP_WORDS // 64, 64 * simd))
    lanes = Lane(2), accumulator(weights, Lane(2))

    plan = MvuPlan(weights, *lanes, 1, simd, "bram")
    assert plan.steps == DEEP_WORDS
    assert plan.tree_stages == -(-plan.levels // 2)

    plan = MvuPlan(np.vstack([weights, weights[:1]]), *lanes, 1, simd, "bram")
    assert plan.steps > DEEP_WORDS
    assert plan.tree_stages == stages
