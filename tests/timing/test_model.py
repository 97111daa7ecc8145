"""The token model against a machine that is stepped cycle by cycle."""

import time

import numpy as np
import pytest

from hwgen import timing
from hwgen.timing import Buffer, Edge, Network, Pipe, Queue
from tests.timing.cycle_machine import Machine


def random_pipe(rng, inputs=1, outputs=1):
    steps = int(rng.integers(1, 5))
    takes = rng.random((steps, inputs)) < 0.6
    emits = rng.random((steps, outputs)) < 0.6
    takes[0] = True  # a period begins with what it needs
    emits[rng.integers(steps)] = True
    takes |= ~(takes.any(axis=1) | emits.any(axis=1))[:, None]
    latency = int(rng.integers(1, 5))
    return Pipe(takes, emits, latency, int(rng.integers(1, latency + 1)))


def random_buffer(rng):
    words, times = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    depth = words + int(rng.integers(0, 5))
    return timing.replay(words, times, depth, latency=int(rng.integers(1, 3)))


def random_chain(rng):
    kinds = rng.integers(0, 3, int(rng.integers(1, 6)))
    nodes = []
    for kind in kinds:
        if kind == 0:
            nodes.append(random_pipe(rng))
        elif kind == 1:
            nodes.append(random_buffer(rng))
        else:
            nodes.append(Queue(int(rng.integers(1, 5)), int(rng.integers(1, 3))))
    return nodes


def balanced(nodes):
    """Return a number of input transfers that gives every component whole periods."""
    for transfers in range(1, 5000):
        count = transfers
        for node in nodes:
            count, rest = divmod(count, node.transfers_in[0])
            if rest:
                break
            count *= node.transfers_out[0]
        else:
            return transfers
    return None


def stalls(rng, ports, probability):
    return [rng.random(400) < probability for _ in range(ports)]


def compare(network, frames, rng, probability):
    given = stalls(rng, len(network.inputs), probability)
    taken = stalls(rng, len(network.outputs), probability)
    times = timing.solve(network, frames, given, taken)
    machine = Machine(network, frames, given, taken).run()
    for edge, (predicted, stepped) in enumerate(zip(times.cycles, machine, strict=True)):
        np.testing.assert_array_equal(predicted, stepped, err_msg=f"edge {edge}")
    return times


@pytest.mark.parametrize("seed", range(60))
def test_chain_equals_stepped_machine(seed):
    rng = np.random.default_rng(seed)
    nodes = random_chain(rng)
    transfers = balanced(nodes)
    if transfers is None or transfers > 60:
        nodes, transfers = [random_pipe(rng)], None
        transfers = balanced(nodes)
    network = timing.chain(tuple(nodes), transfers)
    times = compare(network, 2, rng, rng.choice([0.0, 0.3, 0.7]))
    assert times.complete


def diamond(rng, depth):
    """Fork, one branch through components, the other through a queue only, join."""
    middle = timing.mvu(3, 3, latency=int(rng.integers(1, 5)))
    replayed = timing.replay(3, 3, 3 + int(rng.integers(0, 4)))
    join = Pipe(np.ones((1, 2), bool), np.ones((1, 1), bool), 2, 1)
    nodes = (timing.fork(2), replayed, middle, Queue(depth), join)
    edges = (
        Edge(-1, 0),
        Edge(0, 1, 0),
        Edge(1, 2),
        Edge(2, 4, 0, 0),
        Edge(0, 3, 1),
        Edge(3, 4, 0, 1),
        Edge(4, -1),
    )
    return Network(nodes, edges, (6,))


@pytest.mark.parametrize("seed", range(12))
def test_fork_and_join_equal_stepped_machine(seed):
    rng = np.random.default_rng(seed)
    assert compare(diamond(rng, 6), 3, rng, rng.choice([0.0, 0.4])).complete


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_short_branch_needs_depth(depth):
    network = diamond(np.random.default_rng(0), depth)
    # The queue and the fork's register hold depth + 1 words; the vector has three.
    assert timing.deadlock_free(network) == (depth + 1 >= 3)
    stuck = timing.solve(network, 1)
    assert stuck.complete == (depth + 1 >= 3)
    if not stuck.complete:
        stepped = Machine(network, 1, [[]], [[]]).run(limit=200)
        for predicted, cycles in zip(stuck.cycles, stepped, strict=True):
            np.testing.assert_array_equal(predicted, cycles)


def test_absorbing_early_frees_the_pipeline():
    """Steps without output wait at the absorbing stage only, while the output is blocked."""
    takes = np.ones((2, 1), bool)
    emits = np.array([[False], [True]])
    blocked = [np.ones(20, bool)]
    taken = []
    for absorb in (1, 3):
        network = timing.single(Pipe(takes, emits, 3, absorb), 4)
        taken.append(timing.solve(network, 1, None, blocked).cycles[0].tolist())
        stepped = Machine(network, 1, [[]], blocked).run()
        np.testing.assert_array_equal(taken[-1], stepped[0])
    assert taken[0] == [0, 1, 2, 3, 4, 5, 20, 21]
    assert taken[1] == [0, 1, 2, 3, 20, 21, 22, 23]


def test_latency_is_first_input_to_last_output():
    network = timing.chain((timing.elementwise(3), Queue(2), timing.elementwise(1)), 5)
    steady = timing.steady(network)
    assert steady is not None
    assert steady.latency_cycles == 3 + 1 + 1 + (5 - 1)
    assert steady.ii_cycles == 5
    assert steady.occupancy == (0, 2, 0)  # one waits while the other is written


def test_slow_queue_halves_the_rate():
    steady = timing.steady(timing.chain((Queue(1),), 4))
    assert steady is not None
    assert steady.ii_cycles == 8


def test_pattern_over_several_frames():
    """A pipe that takes two frames per period stretches over both."""
    takes = np.ones((3, 1), bool)
    takes[2] = False
    emits = np.ones((3, 1), bool)
    network = timing.chain((Queue(2), Pipe(takes, emits, 1, 1)), 2)
    steady = timing.steady(network)
    assert steady is not None
    assert (steady.period_cycles, steady.period_frames, steady.ii_cycles) == (3, 1, 3)


def test_unbounded_queue_before_a_slow_component_never_repeats():
    slow = timing.replay(4, 4, 8)
    network = timing.chain((Queue(None), slow), 4)
    assert timing.steady(network, max_frames=32) is None
    steady = timing.steady(network, interval=16)
    assert steady is not None
    assert steady.ii_cycles == 16


@pytest.mark.parametrize("seed", range(20))
def test_occupancy_is_the_smallest_depth_that_changes_nothing(seed):
    rng = np.random.default_rng(seed)
    before, behind = random_pipe(rng), random_pipe(rng)
    transfers = balanced([before, behind])
    sink = [rng.random(300) < 0.5]
    free = timing.chain((before, Queue(None), behind), transfers)
    times = timing.solve(free, 3, None, sink)
    depth = times.occupancy(1)
    same = timing.chain((before, Queue(depth), behind), transfers)
    for a, b in zip(times.cycles, timing.solve(same, 3, None, sink).cycles, strict=True):
        np.testing.assert_array_equal(a, b)
    if depth > 1:
        less = timing.chain((before, Queue(depth - 1), behind), transfers)
        pairs = zip(times.cycles, timing.solve(less, 3, None, sink).cycles, strict=True)
        assert any((a != b).any() for a, b in pairs)


def test_not_before_holds_transfers_back():
    network = timing.chain((timing.elementwise(1),), 3)
    times = timing.solve(network, 2, not_before=[np.array([0, 5, 6, 6, 20, 21])])
    assert times.cycles[0].tolist() == [0, 5, 6, 7, 20, 21]
    assert times.cycles[1].tolist() == [1, 6, 7, 8, 21, 22]


def test_large_network_is_solved_quickly():
    nodes = []
    for _ in range(20):
        nodes += [timing.replay(8, 8, 16), timing.mvu(8, 8, latency=5), Queue(32)]
    network = timing.chain(tuple(nodes), 512)
    timing.solve(network, 1)
    begun = time.process_time()
    times = timing.solve(network, 3)
    seconds = time.process_time() - begun
    assert sum(map(len, times.cycles)) > 300_000
    assert seconds < 4.0


def test_rates_must_balance():
    with pytest.raises(AssertionError, match="takes 3 per period"):
        _ = timing.chain((timing.mvu(3, 1, latency=1),), 4).edge_transfers


def test_buffer_is_a_schedule():
    assert isinstance(timing.replay(2, 2, 4), Buffer)
