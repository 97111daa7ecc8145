from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest

from hwgen import boards, dataflow, search
from hwgen.boards import Resources
from hwgen.errors import BudgetError, FoldingError
from hwgen.estimate import estimate
from hwgen.ir import Fold, Folding, Graph, Input, Node, TensorType, ops


def mlp(sizes, *, bits=2, x_high=3, seed=1):
    """A dense network with thresholds between its layers and ArgMax at its end."""
    rng = np.random.default_rng(seed)
    limit = 2 ** (bits - 1) - 1
    nodes, last = [], "x"
    for number, (mw, mh) in enumerate(pairwise(sizes)):
        weights = rng.integers(-limit, limit + 1, (mh, mw))
        nodes.append(Node(f"fc{number}", ops.Mvu(weights), (last,)))
        last = f"fc{number}"
        if number < len(sizes) - 2:
            levels = np.sort(rng.integers(-mw, mw, (mh, 3)), axis=1)
            nodes.append(Node(f"act{number}", ops.Threshold(levels), (last,)))
            last = f"act{number}"
    nodes.append(Node("best", ops.ArgMax(), (last,)))
    return Graph((Input("x", TensorType((sizes[0],), 0, x_high)),), tuple(nodes), ("best",))


@pytest.fixture(scope="module")
def tfc():
    return mlp([784, 64, 64, 64, 10])


@pytest.fixture(scope="module")
def pynq():
    return boards.load("pynq-z2")


def goal(**kwargs):
    return search.Goal(clock_mhz=100.0, **kwargs)


def total(graph, folding, board):
    return estimate(dataflow.plan(graph, folding), board).total


def test_fps_within_the_board(tfc, pynq):
    found = search.search(tfc, pynq, goal())

    assert set(found.folding) == {"fc0", "fc1", "fc2", "fc3"}
    assert found.cost == total(tfc, found.folding, pynq)
    assert found.cost.fits(pynq.available * 0.7)
    assert found.interval == max(
        -(-784 // found.folding["fc0"].simd) * -(-64 // found.folding["fc0"].pe),
        -(-64 // found.folding["fc1"].simd) * -(-64 // found.folding["fc1"].pe),
        -(-64 // found.folding["fc2"].simd) * -(-64 // found.folding["fc2"].pe),
        -(-64 // found.folding["fc3"].simd) * -(-10 // found.folding["fc3"].pe),
    )
    assert found.interval <= 98


def test_more_budget_never_means_less_speed(tfc, pynq):
    intervals = [search.search(tfc, pynq, goal(budget=b)).interval for b in (0.05, 0.1, 0.3, 1.0)]

    assert intervals == sorted(intervals, reverse=True)
    assert intervals[0] > intervals[-1]


def test_target_is_met_at_least_cost(tfc, pynq):
    slow = search.search(tfc, pynq, goal(target_fps=10_000))
    fast = search.search(tfc, pynq, goal(target_fps=127_551))

    assert slow.interval <= 10_000
    assert fast.interval <= 784
    assert slow.cost.lut < fast.cost.lut < pynq.available.lut * 0.7


def test_speed_that_the_link_cannot_feed_is_not_bought(tfc, pynq):
    bits = 784 * 2
    free = search.search(tfc, pynq, goal())
    fed = search.search(tfc, pynq, goal(io_bits_per_cycle=4))

    assert free.interval < bits / 4
    assert bits / 8 < fed.interval <= bits / 4
    assert fed.cost.lut < free.cost.lut
    asked = search.search(tfc, pynq, goal(io_bits_per_cycle=4, target_fps=100e6 / free.interval))
    assert asked.interval <= free.interval  # asked for by name


def test_latency_is_not_worse_than_that_of_the_fastest(tfc, pynq):
    def latency(found):
        planned = dataflow.size_fifos(dataflow.plan(tfc, found.folding))
        return dataflow.performance(planned).latency_cycles

    quick = search.search(tfc, pynq, goal(maximize="latency", budget=0.2))
    fast = search.search(tfc, pynq, goal(budget=0.2))

    assert latency(quick) <= latency(fast)
    assert quick.cost.fits(pynq.available * 0.2)


def test_interval_is_what_the_sized_design_reaches(tfc, pynq):
    found = search.search(tfc, pynq, goal(target_fps=150_000))

    planned = dataflow.size_fifos(dataflow.plan(tfc, found.folding))

    assert dataflow.performance(planned).ii_cycles == found.interval
    assert estimate(planned, pynq).total.fits(pynq.available * 0.7)


def test_pins_are_kept(tfc, pynq):
    pins = {"fc1": search.Pin(pe=3, simd=5), "fc3": search.Pin(memory="bram")}
    found = search.search(tfc, pynq, goal(target_fps=10_000, pins=pins))

    assert (found.folding["fc1"].pe, found.folding["fc1"].simd) == (3, 5)
    assert found.folding["fc3"].memory == "bram"


def test_front_is_cheaper_the_slower(tfc, pynq):
    found = search.search(tfc, pynq, goal(), front=8)

    intervals = [point.interval for point in found.front]
    assert len(intervals) >= 5
    assert intervals == sorted(intervals, reverse=True)
    assert found.front[-1].interval <= found.interval
    assert found.front[0].cost.lut < found.front[-1].cost.lut
    for point in found.front:
        assert point.fps == pytest.approx(100e6 / point.interval)
        assert point.bottleneck in point.folding


def test_searches_share_what_one_explored(pynq):
    graph = mlp([40, 12, 5])
    space = search.explore(graph, pynq, goal(budget=0.1))

    for wanted in (goal(budget=0.1), goal(budget=0.02), goal(budget=0.1, target_fps=1e6)):
        alone = search.search(graph, pynq, wanted)
        shared = search.search(graph, pynq, wanted, space=space)
        assert (shared.interval, shared.cost) == (alone.interval, alone.cost)


@pytest.fixture(scope="module")
def every_small(pynq):
    """A small network, and cost and interval of every folding that it has."""
    graph = mlp([6, 4, 3])
    found = []
    for a, b in product(*(_every_fold(graph[name].op.weights.shape) for name in ("fc0", "fc1"))):
        cycles = max(-(-6 // a.simd) * -(-4 // a.pe), -(-4 // b.simd) * -(-3 // b.pe))
        found.append((total(graph, Folding({"fc0": a, "fc1": b}), pynq), cycles))
    return graph, found


@pytest.mark.parametrize("budget", [0.004, 0.008, 0.02, 0.1])
def test_optimum_of_a_small_network_equals_brute_force(pynq, every_small, budget):
    graph, every = every_small
    available = pynq.available * budget
    best = min((cycles for cost, cycles in every if cost.fits(available)), default=None)

    if best is None:
        with pytest.raises(BudgetError):
            search.search(graph, pynq, goal(budget=budget))
    else:
        assert search.search(graph, pynq, goal(budget=budget)).interval == best


def _every_fold(shape):
    mh, mw = shape
    for pe, simd in product(range(1, mh + 1), range(1, mw + 1)):
        for memory in ("const", "lutram", "bram"):
            yield Fold(pe=pe, simd=simd, style="lut", memory=memory)


def test_constants_are_built_where_they_are_asked_for(pynq):
    graph = mlp([8, 6, 4])
    pins = {name: search.Pin(style="const") for name in ("fc0", "fc1")}
    found = search.search(graph, pynq, goal(target_fps=1e6, pins=pins))

    whole = {"fc0": Fold(6, 8, style="const", memory="const")}
    whole |= {"fc1": Fold(4, 6, style="const", memory="const")}
    assert {name: found.folding[name] for name in whole} == whole
    assert found.cost == total(graph, Folding(whole), pynq)


@pytest.mark.parametrize(
    ("pin", "why"),
    [
        ("fc0:style=const,pe=2", "style=const takes the whole matrix at once, pe=64 and simd=784"),
        ("fc1:style=const,memory=bram", "and no memory"),
    ],
)
def test_a_style_that_a_layer_cannot_have_is_named_with_what_it_needs(tfc, pynq, pin, why):
    with pytest.raises(FoldingError, match=rf"fc\d: nothing can be built with .*{why}"):
        search.search(tfc, pynq, goal(pins=search.join_pins([search.parse_pin(pin)])))


def test_impossible_target_says_the_best_possible(tfc, pynq):
    with pytest.raises(BudgetError) as caught:
        search.search(tfc, pynq, goal(target_fps=200e6))

    best = search.search(tfc, pynq, goal())
    assert "200,000,000 fps is out of reach" in str(caught.value)
    assert best.interval == 1
    assert "100,000,000 fps (1 cycle" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_too_small_a_budget_says_what_is_short_and_where(tfc, pynq):
    with pytest.raises(BudgetError, match=r"smallest folding needs [\d,.]+ (LUT|BRAM36) of .*fc0"):
        search.search(tfc, pynq, goal(budget=0.001))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fc1", "must be LAYER:KEY=VALUE"),
        ("fc1:pee=3", "key 'pee' is unknown; did you mean pe"),
        ("fc1:pe=0", "pe=0 must be a whole number from 1 up"),
        ("fc1:style=fast", "style=fast is unknown; it is one of auto, lut"),
        ("fc1:pe=2,pe=3", "pe is 2 and 3; give it once"),
    ],
)
def test_faulty_pins(text, message):
    with pytest.raises(FoldingError, match=message):
        search.parse_pin(text)


def test_pins_by_text_join_or_contradict():
    pins = [search.parse_pin("fc.1:pe=2"), search.parse_pin("fc.1:simd=3,memory=bram")]
    assert search.join_pins(pins) == {"fc.1": search.Pin(pe=2, simd=3, memory="bram")}

    with pytest.raises(FoldingError, match=r"fc\.1 contradict each other: pe=2 and pe=4"):
        search.join_pins([*pins, search.parse_pin("fc.1:pe=4")])


def test_pins_of_unknown_layers_or_out_of_bounds(tfc, pynq):
    with pytest.raises(FoldingError, match="layer 'fc9' is unknown; did you mean fc"):
        search.search(tfc, pynq, goal(pins={"fc9": search.Pin(pe=1)}))
    with pytest.raises(FoldingError, match=r"pin: fc3: PE=11 is outside 1..10 \(MH\)"):
        search.search(tfc, pynq, goal(pins={"fc3": search.Pin(pe=11)}))


def test_goals_out_of_range():
    with pytest.raises(FoldingError, match="budget 150% must be"):
        goal(budget=1.5)
    with pytest.raises(FoldingError, match="target fps -1 must be a positive number"):
        goal(target_fps=-1)


def test_input_thresholds_choose_their_own_lanes(pynq):
    inner = mlp([40, 8, 4], x_high=3)
    levels = np.tile([64, 128, 192], (40, 1)).astype(np.int64)
    first = Node("quant", ops.Threshold(levels), ("x",))
    head = Node("fc0", inner["fc0"].op, ("quant",))
    graph = Graph(
        (Input("x", TensorType((40,), 0, 255)),), (first, head, *inner.nodes[1:]), ("best",)
    )

    found = search.search(graph, pynq, goal(target_fps=100e6 / 10))

    assert found.folding["quant"].pe == 4
    assert found.cost.fits(Resources(*pynq.available))


def test_wide_products_go_into_multipliers_where_the_chip_has_them(pynq):
    wide = mlp([64, 64, 64], bits=8, x_high=255)
    packed = search.search(wide, pynq, goal())
    adders = search.search(
        wide, pynq, goal(pins={name: search.Pin(style="lut") for name in ("fc0", "fc1")})
    )

    assert "dsp" in {packed.folding[name].style for name in packed.folding}
    assert packed.cost == total(wide, packed.folding, pynq)
    assert 0 < packed.cost.dsp <= 0.7 * pynq.available.dsp
    assert packed.interval < adders.interval
    assert adders.cost.dsp == 0


def test_small_products_stay_in_logic(tfc, pynq):
    for wanted, styles in ((goal(), {"const"}), (goal(target_fps=1e6), {"lut"})):
        found = search.search(tfc, pynq, wanted)
        assert {found.folding[name].style for name in found.folding} == styles


def test_matrices_that_are_used_whole_share_their_terms_where_that_is_less(pynq):
    net = mlp([64, 64, 64])
    fast = goal(target_fps=100e6)
    shared = search.search(net, pynq, fast)
    adders = search.search(
        net, pynq, replace(fast, pins={name: search.Pin(style="lut") for name in ("fc0", "fc1")})
    )

    assert {shared.folding[name].style for name in ("fc0", "fc1")} == {"const"}
    assert shared.interval == adders.interval == 1
    assert shared.cost.lut < 0.8 * adders.cost.lut
    assert shared.cost == total(net, shared.folding, pynq)


def test_folded_matrices_are_not_constants(pynq):
    found = search.search(mlp([64, 64, 64]), pynq, goal(target_fps=1e6))

    assert {found.folding[name].style for name in ("fc0", "fc1")} == {"lut"}


def test_shallow_block_memories_of_packed_operands_can_be_pinned(pynq):
    pin = search.Pin(pe=8, simd=32, style="dsp", memory="bram")
    found = search.search(
        mlp([64, 16], bits=8, x_high=255), pynq, goal(target_fps=1e6, pins={"fc0": pin})
    )

    assert (found.folding["fc0"].style, found.folding["fc0"].memory) == ("dsp", "bram")
