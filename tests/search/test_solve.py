from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from hwgen.boards import Resources
from hwgen.ir import Fold
from hwgen.search.dominance import prune, undominated
from hwgen.search.points import Layer, Link, Point, steps
from hwgen.search.program import Choice, Program
from hwgen.search.solve import cheapest, fastest, front, least_excess, quickest

WORTH = Resources(1.0, 0.25, 50.0, 20.0)


def random_layers(seed):
    """Layers whose faster points mostly cost more, in LUTs or in other cells."""
    rng = np.random.default_rng(seed)
    layers = []
    for number in range(int(rng.integers(1, 5))):
        points = []
        for _ in range(int(rng.integers(1, 7))):
            cycles = int(rng.integers(1, 40))
            lut = int(rng.integers(1, 30) * 40 / cycles) + 1
            cost = Resources(lut, int(rng.integers(0, 20)), rng.integers(0, 7) / 2)
            cost = cost + Resources(dsp=int(rng.integers(0, 5)))
            points.append(Point(Fold(), cycles, cost, fill=int(rng.integers(0, cycles + 1))))
        layers.append(Layer.of(f"l{number}", tuple(points)))
    return tuple(layers)


def budgets(seed):
    rng = np.random.default_rng(seed)
    return Resources(
        int(rng.integers(5, 700)),
        int(rng.integers(5, 60)),
        rng.integers(0, 20) / 2,
        int(rng.integers(0, 12)),
    )


def every_choice(program):
    for points in product(*(layer.points for layer in program.layers)):
        choice = Choice(points)
        if choice.cost.fits(program.budget):
            yield choice


def least(choices, *keys):
    """The smallest keys, in order, of all choices; None of none."""
    return min((tuple(key(choice) for key in keys) for choice in choices), default=None)


@pytest.mark.parametrize("seed", range(60))
def test_fastest_equals_brute_force(seed):
    program = Program(random_layers(seed), budgets(seed + 1000), WORTH)
    expected = least(
        every_choice(program), lambda c: c.interval, lambda c: round(program.price(c.cost), 6)
    )

    found = fastest(program)

    if expected is None:
        assert found is None
    else:
        assert found.cost.fits(program.budget)
        assert (found.interval, round(program.price(found.cost), 6)) == expected


@pytest.mark.parametrize("seed", range(60))
def test_cheapest_equals_brute_force(seed):
    program = Program(random_layers(seed), budgets(seed + 2000), WORTH)
    limit = 1 + seed % 37
    within = [choice for choice in every_choice(program) if choice.interval <= limit]

    found = cheapest(program, limit)

    if not within:
        assert found is None
    else:
        assert found.interval <= limit
        assert found.cost.fits(program.budget)
        assert program.price(found.cost) == pytest.approx(
            min(program.price(choice.cost) for choice in within)
        )


@pytest.mark.parametrize("seed", range(60))
def test_quickest_equals_brute_force(seed):
    program = Program(random_layers(seed), budgets(seed + 3000), WORTH)
    expected = least(
        every_choice(program), lambda c: c.latency, lambda c: round(program.price(c.cost), 6)
    )

    found = quickest(program)

    if expected is None:
        assert found is None
    else:
        assert found.cost.fits(program.budget)
        assert (found.latency, round(program.price(found.cost), 6)) == expected


@pytest.mark.parametrize("seed", range(30))
def test_least_excess_equals_brute_force(seed):
    program = Program(random_layers(seed), budgets(seed) * 0.1, WORTH)

    def excess(cost):
        shares = zip(cost.excess(program.budget), program.budget, strict=True)
        return sum(over / max(limit, 1.0) for over, limit in shares)

    every = product(*(layer.points for layer in program.layers))
    assert excess(least_excess(program).cost) == pytest.approx(
        min(excess(Choice(points).cost) for points in every)
    )


def linked(seed):
    """Layers in a row whose lanes matter: what joins two of them depends on both."""
    rng = np.random.default_rng(seed)
    layers = []
    for layer in random_layers(seed):
        folds = [(int(rng.integers(1, 4)), int(rng.integers(1, 4))) for _ in layer.points]
        points = (
            replace(point, fold=Fold(pe=pe), takes=(simd, simd > 1))
            for point, (pe, simd) in zip(layer.points, folds, strict=True)
        )
        layers.append(Layer.of(layer.name, tuple(points)))
    links = []
    for number in range(1, len(layers)):
        pairs = product(
            sorted({point.gives for point in layers[number - 1].points}),
            sorted({point.takes for point in layers[number].points}),
        )
        costs = {pair: Resources(int(rng.integers(0, 60)), int(rng.integers(9))) for pair in pairs}
        links.append(Link.of(number - 1, number, costs))
    return tuple(layers), tuple(links)


@pytest.mark.parametrize("seed", range(60))
def test_links_enter_the_optimum_exactly(seed):
    layers, links = linked(seed)
    budget = budgets(seed + 5000)
    program = Program(layers, budget, WORTH, links)
    every = [program.choice(points) for points in product(*(layer.points for layer in layers))]
    inside = [choice for choice in every if choice.cost.fits(budget)]
    expected = least(inside, lambda c: c.interval, lambda c: round(program.price(c.cost), 6))
    earliest = least(inside, lambda c: c.latency)

    for mine in (program, replace(program, layers=prune(layers, links))):
        found, quick = fastest(mine), quickest(mine)
        assert (found is None) == (quick is None) == (expected is None)
        if expected is not None:
            assert found.cost.fits(budget)
            assert (found.interval, round(program.price(found.cost), 6)) == expected
            assert (quick.latency,) == earliest


@pytest.mark.parametrize("seed", range(10))
def test_dropping_dominated_points_changes_no_optimum(seed):
    layers = random_layers(seed)
    slim = tuple(Layer.of(layer.name, undominated(layer.points)) for layer in layers)
    budget = budgets(seed + 4000)

    full, short = Program(layers, budget, WORTH), Program(slim, budget, WORTH)

    for limit in (3, 10, 40):
        a, b = cheapest(full, limit), cheapest(short, limit)
        assert (a is None) == (b is None)
        if a is not None:
            assert full.price(a.cost) == pytest.approx(full.price(b.cost))
    a, b = quickest(full), quickest(short)
    assert (a is None) == (b is None)
    assert a is None or a.latency == b.latency


def test_speed_below_the_least_useful_interval_is_not_bought():
    points = [Point(Fold(pe=n), 64 // n, Resources(10 * n)) for n in (1, 2, 4, 8)]
    program = Program((Layer.of("fc", tuple(points)),), Resources(1000), WORTH)

    assert fastest(program).interval == 8
    assert fastest(program, least=20).interval == 16
    assert fastest(program, least=500).interval == 64


def test_front_goes_from_cheap_to_fast():
    layers = tuple(
        Layer.of(
            f"l{k}", tuple(Point(Fold(pe=n), 60 // n, Resources(9 * n + k)) for n in (1, 2, 3, 5))
        )
        for k in range(3)
    )
    program = Program(layers, Resources(100), WORTH)

    found = front(program, fastest(program))

    assert [choice.interval for choice in found] == [60, 30, 20]  # 12 needs 3 * 45 LUTs
    assert [choice.cost.lut for choice in found] == [30, 57, 84]
    for choice in found:
        assert program.price(choice.cost) == program.price(cheapest(program, choice.interval).cost)


@pytest.mark.parametrize("size", [1, 2, 3, 10, 64, 97, 784])
def test_steps_are_the_smallest_lanes_of_each_fold_count(size):
    expected = sorted(
        min(n for n in range(1, size + 1) if -(-size // n) == folds)
        for folds in {-(-size // n) for n in range(1, size + 1)}
    )
    assert list(steps(size)) == expected
