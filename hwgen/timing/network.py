"""Schedules wired to each other: the object that the token model solves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from hwgen.timing.schedule import Schedule


@dataclass(frozen=True)
class Edge:
    """A stream from one component's output to another's input, without any register of its own.

    source, target : indices into ``Network.nodes``; -1 is the world outside
    source_port, target_port : which output, which input, in the component's port order
    """

    source: int
    target: int
    source_port: int = 0
    target_port: int = 0


@dataclass(frozen=True, eq=False)
class Network:
    """Components and the streams between them; each port has exactly one edge.

    nodes : schedules
    edges : streams; those with ``source == -1`` are the network's inputs, those with
        ``target == -1`` its outputs
    transfers : transfers per frame on each input, in the order of the inputs among ``edges``
    """

    nodes: tuple[Schedule, ...]
    edges: tuple[Edge, ...]
    transfers: tuple[int, ...]

    def __post_init__(self) -> None:
        assert len(self.transfers) == len(self.inputs), "one transfer count per input"
        for node, schedule in enumerate(self.nodes):
            for port in range(len(schedule.transfers_in)):
                found = [e for e in self.edges if (e.target, e.target_port) == (node, port)]
                assert len(found) == 1, f"input {port} of node {node} has {len(found)} edges"
            for port in range(len(schedule.transfers_out)):
                found = [e for e in self.edges if (e.source, e.source_port) == (node, port)]
                assert len(found) == 1, f"output {port} of node {node} has {len(found)} edges"

    @cached_property
    def inputs(self) -> tuple[int, ...]:
        """Indices of the edges that come from outside."""
        return tuple(i for i, edge in enumerate(self.edges) if edge.source < 0)

    @cached_property
    def outputs(self) -> tuple[int, ...]:
        """Indices of the edges that leave the network."""
        return tuple(i for i, edge in enumerate(self.edges) if edge.target < 0)

    @cached_property
    def edge_transfers(self) -> tuple[int, ...]:
        """Transfers per frame on every edge, from the rates of the components."""
        return self._rates[0]

    @cached_property
    def periods(self) -> tuple[int, ...]:
        """Periods per frame of every node."""
        return self._rates[1]

    @cached_property
    def _rates(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        counts = [0] * len(self.edges)
        periods = [0] * len(self.nodes)
        for edge, count in zip(self.inputs, self.transfers, strict=True):
            counts[edge] = count
        waiting = list(self.inputs)
        while waiting:
            index = waiting.pop()
            edge = self.edges[index]
            if edge.target < 0 or periods[edge.target]:
                continue
            schedule = self.nodes[edge.target]
            taken = schedule.transfers_in[edge.target_port]
            assert counts[index] % taken == 0, (
                f"edge {index} carries {counts[index]} transfers per frame, "
                f"node {edge.target} takes {taken} per period"
            )
            periods[edge.target] = counts[index] // taken
            for other, leaving in enumerate(self.edges):
                if leaving.source == edge.target:
                    emitted = schedule.transfers_out[leaving.source_port]
                    counts[other] = emitted * periods[edge.target]
                    waiting.append(other)
        self._check_balance(counts, periods)
        return tuple(counts), tuple(periods)

    def _check_balance(self, counts: list[int], periods: list[int]) -> None:
        assert all(periods), "every node is reached from an input"
        for index, edge in enumerate(self.edges):
            if edge.target >= 0:
                taken = self.nodes[edge.target].transfers_in[edge.target_port]
                assert counts[index] == taken * periods[edge.target], (
                    f"edge {index} carries {counts[index]} transfers per frame, its target "
                    f"node {edge.target} takes {taken * periods[edge.target]}"
                )


def chain(nodes: tuple[Schedule, ...], transfers: int) -> Network:
    """Return components with one input and one output each, one behind the other.

    transfers : transfers per frame into the first of them
    """
    edges = tuple(
        Edge(index - 1, index if index < len(nodes) else -1) for index in range(len(nodes) + 1)
    )
    return Network(nodes, edges, (transfers,))


def single(node: Schedule, periods: int = 1) -> Network:
    """Return one component with all its ports open; a frame is ``periods`` of its periods."""
    inputs = tuple(Edge(-1, 0, 0, port) for port in range(len(node.transfers_in)))
    outputs = tuple(Edge(0, -1, port, 0) for port in range(len(node.transfers_out)))
    return Network((node,), inputs + outputs, tuple(n * periods for n in node.transfers_in))
