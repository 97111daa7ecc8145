"""``hwgen check``: whether every layer can become hardware, and the network fit a board."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hwgen import boards, passes, search
from hwgen.boards import Resources
from hwgen.flow.progress import Progress
from hwgen.flow.request import InputFlags
from hwgen.frontend import Diagnosis, diagnose, lower

_CRAWL = 1e-3  # frames per second that every folding reaches


@dataclass(frozen=True)
class Fit:
    """What a network takes of a board at its smallest, and how fast it can get.

    smallest : resources of the smallest folding
    fps : of the fastest folding within the default budget
    """

    board: str
    smallest: Resources
    available: Resources
    fps: float


def check(
    model: Path, board: str | None, flags: InputFlags, progress: Progress
) -> tuple[Diagnosis, Fit | None]:
    """Return a report on every layer, and the fit where a board is named and all is supported.

    Raises ``BudgetError`` where the network does not fit, ``ModelError`` for a broken file.
    """
    known = None if board is None else boards.load(board)
    options = flags.options()
    with progress.step("reading the network"):
        diagnosis = diagnose(model, input=options)
    if known is None or diagnosis.problems:
        return diagnosis, None
    with progress.step("choosing foldings"):
        graph = passes.run(lower(model, input=options).graph)
        clock = known.clock.core_mhz
        least = search.search(graph, known, search.Goal(clock, target_fps=_CRAWL))
        link = known.io_bits_per_cycle(clock)
        most = search.search(graph, known, search.Goal(clock, io_bits_per_cycle=link))
    fps = clock * 1e6 / most.interval
    return diagnosis, Fit(known.name, least.cost, known.available, fps)
