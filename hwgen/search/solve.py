"""The best choices of a program: cheapest, fastest, quickest, and the front between.

A choice that is best within some of the budgets, and happens to meet the others, is best within
all. So a program begins without budgets and takes in those that its best choice exceeds. Few ever
are, and the fewer count, the fewer points can be of use.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hwgen.search.program import Choice, Program

Scarce = tuple[int, ...]


def cheapest(program: Program, interval: float) -> Choice | None:
    """Return the choice of least price with every layer's cycles within ``interval``.

    None if no choice meets the budget.
    """
    return _cheapest(program, interval, (), exact=True)[0]


def fastest(program: Program, least: float = 0) -> Choice | None:
    """Return the cheapest choice of the shortest interval that meets the budget.

    least : an interval below this is worth nothing. None where no choice meets the budget.
    """
    candidates = sorted({max(cycles, least) for cycles in program.intervals})
    low, high = 0, len(candidates)
    middle = 0  # ``least`` may come from a search within a little more
    scarce: Scarce = ()
    while low < high:  # whether an interval can be met is monotone
        choice, scarce = _cheapest(program, candidates[middle], scarce, exact=False)
        if choice is not None:
            high = middle
        else:
            low = middle + 1
        middle = (low + high) // 2
    return cheapest(program, candidates[low]) if low < len(candidates) else None


def quickest(program: Program) -> Choice | None:
    """Return the choice of least latency; among these the cheapest. None over the budget."""
    fast = fastest(program)
    hopeful = None if fast is None else program.near(fast.latency)
    if hopeful is None:
        return None
    best, scarce = _meeting(
        program,
        (),
        lambda scarce: hopeful.slim(scarce, speed=True, price=False),
        lambda slim: slim.quickest(),
    )
    near = None if best is None else program.near(best.latency)
    if best is None or near is None:
        return None
    cheap, _ = _meeting(
        program,
        scarce,
        lambda scarce: near.slim(scarce, speed=True),
        lambda slim: slim.cheapest(most_latency=best.latency),
    )
    return cheap or best


def least_excess(program: Program) -> Choice:
    """Return the choice that exceeds the budget by the least sum of shares of it."""
    choice, _ = _meeting(
        program,
        (),
        lambda scarce: program.slim(scarce, speed=False),
        lambda slim: slim.least_excess(),
    )
    assert choice is not None
    return choice


def front(program: Program, quick: Choice, most: int = 24) -> list[Choice]:
    """Return cheapest choices for up to ``most`` intervals from slow to fast.

    quick : the fastest choice that meets the budget, the last of the front
    The intervals are spread evenly in their logarithm from the slowest that still saves anything.
    """
    slowest = cheapest(program, np.inf) if most > 1 else None
    if slowest is None or slowest.interval <= quick.interval:
        return [quick] * (most > 0)
    found = [slowest]
    known = np.array(program.intervals)
    for goal in np.geomspace(slowest.interval, quick.interval, most)[1:-1]:
        at = int(np.searchsorted(known, round(goal), side="right")) - 1
        choice = cheapest(program, int(known[max(at, 0)]))
        if choice is not None and quick.interval < choice.interval < found[-1].interval:
            found.append(choice)
    return [*found, quick]


def _cheapest(
    program: Program, interval: float, scarce: Scarce, *, exact: bool
) -> tuple[Choice | None, Scarce]:
    """Return the choice of least price, or any if not ``exact``, and what is scarce for it."""
    quick = program.within(interval)
    if quick is None or not quick.least.fits(program.budget):
        return None, scarce
    return _meeting(
        program,
        scarce,
        lambda scarce: quick.slim(scarce, speed=False),
        lambda slim: slim.cheapest(exact=exact),
    )


def _meeting(
    program: Program,
    scarce: Scarce,
    slim: Callable[[Scarce], Program],
    solve: Callable[[Program], Choice | None],
) -> tuple[Choice | None, Scarce]:
    """Solve with as few budgets as will do; return the choice, None of none, and the budgets."""
    while True:
        choice = solve(slim(scarce))
        if choice is None:
            return None, scarce
        more = program.exceeded(choice) - set(scarce)
        if not more:  # what is exceeded all the same is so by the solver's tolerance
            return choice, scarce
        scarce = tuple(sorted({*scarce, *more}))
