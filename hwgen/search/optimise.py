"""The folding search: the exact optimum over the layers' choices, checked on the whole design."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import floor

from hwgen import dataflow
from hwgen.boards import Board, Resources
from hwgen.errors import BudgetError
from hwgen.estimate import estimate
from hwgen.ir import Folding, Graph, foldable_layers
from hwgen.search import solve
from hwgen.search.goal import Goal, check_pins
from hwgen.search.layers import choices
from hwgen.search.points import Layer, Link
from hwgen.search.program import Choice, Program

_NAMES = ("LUT", "FF", "BRAM36", "DSP")
# Price of a whole board's LUTs, FFs, BRAMs and DSPs: LUTs run out first, and routing wants them.
_SHARES = (1000.0, 250.0, 250.0, 250.0)
_ROUNDS = 12


@dataclass(frozen=True)
class FrontPoint:
    """One design of the Pareto front: an interval and the least it takes."""

    folding: Folding
    interval: int
    fps: float
    cost: Resources
    bottleneck: str


@dataclass(frozen=True)
class Found:
    """The folding that was chosen.

    interval : cycles between frames, those of the slowest layer
    bottleneck : that layer
    cost : estimate of the whole dataflow
    front : cheapest designs from slow to fast within the budget, the fastest last
    """

    folding: Folding
    interval: int
    bottleneck: str
    cost: Resources
    front: tuple[FrontPoint, ...]


@dataclass(frozen=True, eq=False)
class Space:
    """What a search chooses from: every useful fold of each layer, and what joining them costs.

    budget : no layer has a fold that alone exceeds this, unless it has no other
    """

    graph: Graph
    board: Board
    layers: tuple[Layer, ...]
    links: tuple[Link, ...]
    budget: Resources


def explore(graph: Graph, board: Board, goal: Goal) -> Space:
    """Return what searches with the goal's pins, and at most its budget, choose from.

    Raises ``FoldingError`` for pins that cannot be kept.
    """
    check_pins(goal.pins, foldable_layers(graph))
    budget = board.available * goal.budget
    return Space(graph, board, *choices(graph, board.family, goal.pins, budget), budget)


def search(
    graph: Graph, board: Board, goal: Goal, *, front: int = 0, space: Space | None = None
) -> Found:
    """Return the best folding of ``graph`` for ``goal`` within its share of ``board``.

    front : designs to put into the Pareto front, 0 for none
    space : what ``explore`` found, where several searches share it
    Raises ``BudgetError`` where the target is out of reach or no folding fits, ``FoldingError`` for
    pins that cannot be kept.
    """
    space = explore(graph, board, goal) if space is None else space
    budget = board.available * goal.budget
    assert space.graph is graph, "a space of this graph"
    assert budget.fits(space.budget), "a space of this budget or more"
    worth = Resources(
        *(share / max(have, 1) for share, have in zip(_SHARES, board.available, strict=True))
    )
    program = Program(space.layers, budget, worth, space.links)
    unseen, interval = Resources(), 0
    for _ in range(_ROUNDS):
        choice = _choose(program, graph, board, goal, budget, interval)
        folding = _folding(program, choice)
        cost = estimate(dataflow.plan(graph, folding), board).total
        if cost.fits(budget):
            points = _front(program, choice, goal, front)
            return Found(folding, choice.interval, _bottleneck(program, choice), cost, points)
        unseen, interval = _unseen(unseen, cost, choice.cost, budget), choice.interval
        left = (max(0.0, have - over) for have, over in zip(budget, unseen, strict=True))
        program = replace(program, budget=Resources(*left))
    raise BudgetError(_too_small(program, board, goal, budget))


def _unseen(known: Resources, cost: Resources, seen: Resources, budget: Resources) -> Resources:
    """Return what designs take beyond what the program sees, of the resources they exceed.

    Copies of a stream for two readers, line buffers for neighbours that are slow.
    """
    columns = zip(known, cost, seen, budget, strict=True)
    return Resources(*(real - mine if real > most else old for old, real, mine, most in columns))


def _choose(
    program: Program, graph: Graph, board: Board, goal: Goal, budget: Resources, interval: int
) -> Choice:
    """Return the best choice; ``interval`` is known to be the least of the fastest."""
    if goal.target_fps is not None:
        limit = floor(goal.fps(1) / goal.target_fps * (1 + 1e-9))  # 11.0 may come as 10.999...
        choice = solve.cheapest(program, limit)
        if choice is None:
            best = solve.fastest(program)
            if best is None:
                raise BudgetError(_too_small(program, board, goal, budget))
            raise BudgetError(_out_of_reach(program, best, board, goal))
        return choice
    if goal.maximize == "latency":
        choice = solve.quickest(program)
    else:
        choice = solve.fastest(program, max(io_cycles(graph, goal.io_bits_per_cycle), interval))
    if choice is None:
        raise BudgetError(_too_small(program, board, goal, budget))
    return choice


def io_cycles(graph: Graph, bits_per_cycle: float | None) -> int:
    """Return the cycles in which a link moves a frame in or out, the longer; 0 without a link."""
    if bits_per_cycle is None:
        return 0
    ends = [entry.type for entry in graph.inputs] + [graph.types[name] for name in graph.outputs]
    return max(-int(-(kind.size * kind.bits) // bits_per_cycle) for kind in ends)


def _folding(program: Program, choice: Choice) -> Folding:
    pairs = zip(program.layers, choice.points, strict=True)
    return Folding({layer.name: point.fold for layer, point in pairs})


def _bottleneck(program: Program, choice: Choice) -> str:
    pairs = zip(program.layers, choice.points, strict=True)
    return max(pairs, key=lambda pair: pair[1].cycles)[0].name


def _front(program: Program, chosen: Choice, goal: Goal, most: int) -> tuple[FrontPoint, ...]:
    """Return up to ``most`` designs from slow to fast.

    The chosen one is the last, unless a target or the latency asked for another than the fastest.
    """
    quick = chosen
    if most and (goal.target_fps is not None or goal.maximize == "latency"):
        quick = solve.fastest(program) or chosen
    return tuple(
        FrontPoint(
            _folding(program, choice),
            choice.interval,
            goal.fps(choice.interval),
            choice.cost,
            _bottleneck(program, choice),
        )
        for choice in (solve.front(program, quick, most) if most else [])
    )


def _out_of_reach(program: Program, best: Choice, board: Board, goal: Goal) -> str:
    assert goal.target_fps is not None
    name = _bottleneck(program, best)
    return (
        f"{goal.target_fps:,.0f} fps is out of reach: the best possible within "
        f"{goal.budget * 100:.4g} % of {board.name} at {goal.clock_mhz:g} MHz is "
        f"{goal.fps(best.interval):,.0f} fps "
        f"({best.interval:,} cycle{'s' * (best.interval > 1)} per frame, limited by {name}); "
        f"ask for less, raise the clock or the budget"
    )


def _too_small(program: Program, board: Board, goal: Goal, budget: Resources) -> str:
    """Say what is short, by how much and in which layer, for the folding that comes nearest."""
    nearest = solve.least_excess(program)
    over = nearest.cost.excess(program.budget)
    shares = [amount / max(have, 1) for amount, have in zip(over, budget, strict=True)]
    kind = max(range(4), key=lambda index: shares[index])
    costs = [list(point.cost)[kind] for point in nearest.points]
    largest = max(range(len(costs)), key=lambda index: costs[index])
    need, have = list(nearest.cost)[kind], list(budget)[kind]
    return (
        f"the network does not fit within {goal.budget * 100:.4g} % of {board.name}: "
        f"even its smallest folding needs {need:,.10g} {_NAMES[kind]} of {have:,.10g}, "
        f"{need - have:,.10g} too many; "
        f"layer {program.layers[largest].name} takes most of them ({costs[largest]:,.10g}); "
        f"raise the budget, take a larger board or a smaller network"
    )
