"""From a request to a decided design: network, folding, dataflow, exact speed, resources."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from hwgen import boards, dataflow, passes, search
from hwgen.boards import Board
from hwgen.dataflow import Dataflow, Performance
from hwgen.errors import InputError
from hwgen.estimate import Estimate, estimate
from hwgen.flow.progress import Progress
from hwgen.flow.request import Request
from hwgen.frontend import Network, lower
from hwgen.ir import Folding, Graph, foldable_layers, read_folding

_MORE = 1.1  # step by which a missed target is raised
_LESS = 0.995  # step by which an exceeded budget is lowered, beyond the excess


@dataclass(frozen=True, eq=False)
class Decision:
    """Everything that is decided before hardware is written.

    graph : the network's graph after the passes
    dataflow : units and streams with FIFO depths
    front : cheapest foldings from slow to fast, none unless asked for
    """

    request: Request
    board: Board
    clock_mhz: float
    network: Network
    graph: Graph
    folding: Folding
    dataflow: Dataflow
    performance: Performance
    estimate: Estimate
    front: tuple[search.FrontPoint, ...] = ()

    @property
    def shell(self) -> boards.Shell:
        """What stands around the core."""
        return self.request.shell or self.board.shell

    @cached_property
    def io_cycles(self) -> int | None:
        """Cycles that the board's link needs for a frame, each way at once; None without a link."""
        bits = self.board.io_bits_per_cycle(self.clock_mhz)
        return None if bits is None else search.io_cycles(self.graph, bits)

    @property
    def fps(self) -> float:
        """Frames per second of the core."""
        return self.clock_mhz * 1e6 / self.performance.ii_cycles

    @property
    def fps_with_io(self) -> float | None:
        """Frames per second of core and link together."""
        if self.io_cycles is None:
            return None
        return self.clock_mhz * 1e6 / max(self.performance.ii_cycles, self.io_cycles)


def decide(
    request: Request, progress: Progress, *, check: Callable[[Network], object] | None = None
) -> Decision:
    """Read the network, choose its folding and size its FIFOs.

    check : called with the network before the search, to raise what need not wait for it
    """
    board = boards.load(request.board)
    _check_shell(request, board)
    clock_mhz = board.clock.core_mhz if request.clock_mhz is None else request.clock_mhz
    goal = search.Goal(
        clock_mhz=clock_mhz,
        maximize=request.maximize or "fps",
        target_fps=request.target_fps,
        budget=request.budget,
        io_bits_per_cycle=board.io_bits_per_cycle(clock_mhz),
        pins=search.join_pins([search.parse_pin(text) for text in request.pins]),
    )
    with progress.step("reading the network"):
        network = lower(request.model, input=request.input.options())
        network = replace(network, name=network_name(request.model))
        graph = passes.run(network.graph)
    for note in network.notes:
        progress.note(note)
    if check is not None:
        check(network)
    front: tuple[search.FrontPoint, ...] = ()
    if request.folding is not None:
        folding = read_folding(request.folding, foldable_layers(graph))
        planned, speed = _sized(graph, folding, progress)
    else:
        with progress.step("listing the folds of each layer"):
            space = search.explore(graph, board, goal)
        folding, planned, speed = _fold(space, goal, progress)
        front = _front(space, goal, request.front, progress)
    with progress.step("estimating resources"):
        cost = estimate(planned, board)
    return Decision(request, board, clock_mhz, network, graph, folding, planned, speed, cost, front)


def _check_shell(request: Request, board: Board) -> None:
    """Raise ``InputError`` for a shell that the board cannot carry."""
    shell = request.shell
    if shell == "zynq" and board.shell != "zynq":
        raise InputError(f"--shell zynq needs a board with a Zynq-7000, {board.name} has none")
    if shell == "uart" and board.uart is None:
        raise InputError(
            f"--shell uart needs a serial link, {board.name} names none; give its pins in a board "
            f"file, or take --shell stream"
        )


def network_name(path: Path) -> str:
    """Return what a network is called: its file's name, or its folder's where that says more."""
    folder = path.resolve().parent.name
    return folder if path.stem == "model" and folder else path.stem


def _fold(
    space: search.Space, goal: search.Goal, progress: Progress
) -> tuple[Folding, Dataflow, Performance]:
    """Choose a folding, size its FIFOs and measure it.

    The search knows every layer's own cycles, and guesses what waits at joins. Where layers slow
    each other down so that a target is missed, it is asked for more until the whole design reaches
    the target; where FIFOs turn out deeper so that the budget is exceeded, for a smaller design.
    """
    asked, budget = goal, space.board.available * goal.budget
    while True:
        with progress.step("choosing the folding"):
            folding = search.search(space.graph, space.board, asked, space=space).folding
        planned, speed = _sized(space.graph, folding, progress)
        cost = estimate(planned, space.board).total
        share = min(have / need for have, need in zip(budget, cost, strict=True) if need)
        if share < 1:
            asked = replace(asked, budget=asked.budget * share * _LESS)
        elif asked.target_fps is not None and goal.fps(speed.ii_cycles) < (goal.target_fps or 0):
            asked = replace(asked, target_fps=asked.target_fps * _MORE)
        else:
            return folding, planned, speed


def _sized(graph: Graph, folding: Folding, progress: Progress) -> tuple[Dataflow, Performance]:
    with progress.step("sizing FIFOs"):
        planned = dataflow.size_fifos(dataflow.plan(graph, folding))
        return planned, dataflow.performance(planned)


def _front(
    space: search.Space, goal: search.Goal, points: int, progress: Progress
) -> tuple[search.FrontPoint, ...]:
    """Return as many of the cheapest designs as ``points`` says, from slow to fast."""
    if not points:
        return ()
    with progress.step("comparing other foldings"):
        wide = replace(goal, maximize="fps", target_fps=None, io_bits_per_cycle=None)
        return search.search(space.graph, space.board, wide, front=points, space=space).front
