"""The one-bit products and the constant of a lane are worth the product, by arithmetic alone."""

import itertools

import pytest

from hwgen.arith.mvu import Lane
from hwgen.arith.stream import StreamPlan

BIPOLAR = Lane(1, bipolar=True)


def lane_codes(lane):
    """Return all codes of a lane, each behind the bits that stand for it."""
    if lane.bipolar:
        return [(0, -1), (1, 1)]
    return [(code & (1 << lane.bits) - 1, code) for code in range(lane.low, lane.high + 1)]


@pytest.mark.parametrize("x", [Lane(1), Lane(3), Lane(1, True), Lane(3, True), BIPOLAR])
@pytest.mark.parametrize("w", [Lane(1, True), Lane(2, True), Lane(4, True), BIPOLAR])
def test_a_lane_is_exact(x, w):
    plan = StreamPlan(1, x, w, pe=1, simd=1)
    for (x_bits, x_code), (w_bits, w_code) in itertools.product(lane_codes(x), lane_codes(w)):
        total = plan.bias
        for group, product in ((g, p) for g in plan.groups for p in g.products):
            bits = [] if product.x is None else [x_bits >> product.x & 1]
            bits += [] if product.w is None else [w_bits >> product.w & 1]
            alike = x.bipolar or w.bipolar
            found = bits[0] == bits[-1] if alike and len(bits) == 2 else all(bits)
            total += (found != product.inverted) << group.column
        assert total == x_code * w_code


def test_the_accumulator_is_no_wider_than_needed():
    assert StreamPlan(4, BIPOLAR, BIPOLAR, 1, 16).acc == Lane(8, True)  # -64..64
    assert StreamPlan(4, Lane(2), Lane(2, True), 1, 16).acc == Lane(10, True)  # -384..192
    assert StreamPlan(1, Lane(4), Lane(4, True), 1, 2).acc == Lane(9, True)  # -240..210


def test_three_products_make_two_bits():
    plan = StreamPlan(1, BIPOLAR, BIPOLAR, pe=1, simd=16)
    assert [len(group.products) for group in plan.groups] == [3] * 5 + [1]
    assert sorted(plan.columns) == [1] * 6 + [2] * 5
    assert plan.low == 1
