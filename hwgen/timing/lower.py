"""A network as the flat arrays of the compiled loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hwgen.timing import kernel
from hwgen.timing.network import Network
from hwgen.timing.schedule import BoolArray, Buffer, IntArray, Pipe, Schedule


class Arrays(NamedTuple):
    """The arguments of ``kernel.run``, as described there."""

    nodes: IntArray
    edges: IntArray
    stages: IntArray
    data: IntArray
    log: IntArray
    work: IntArray


class _Pool:
    """Arrays laid behind each other."""

    def __init__(self) -> None:
        self.parts: list[np.ndarray] = []
        self.size = 0

    def add(self, part: np.ndarray | Sequence[int]) -> int:
        """Append ``part``; return where it begins."""
        at = self.size
        self.parts.append(np.asarray(part, np.int64).reshape(-1))
        self.size += len(self.parts[-1])
        return at

    def flat(self) -> IntArray:
        return np.concatenate([*self.parts, np.zeros(0, np.int64)])


def lower(
    network: Network,
    frames: int,
    stalls: Sequence[BoolArray | None],
    floors: Sequence[IntArray | None],
) -> Arrays:
    """Return the network at reset.

    stalls, floors : per edge, of its end outside; None for none
    """
    data = _Pool()
    nodes = np.zeros((len(network.nodes), kernel.NODE_COLUMNS), np.int64)
    edges = np.zeros((len(network.edges), kernel.EDGE_COLUMNS), np.int64)
    log = stages = 0
    for row, schedule, periods in zip(nodes, network.nodes, network.periods, strict=True):
        _lower_node(row, schedule, data)
        row[kernel.TOTAL] = row[kernel.STEPS] * periods * frames
        row[kernel.FIRES_LOG_AT], row[kernel.STAGE_AT] = log, stages
        log += int(row[kernel.TOTAL]) if isinstance(schedule, Buffer) else 0
        stages += schedule.latency
    for index, edge in enumerate(network.edges):
        row = edges[index]
        row[kernel.SOURCE], row[kernel.TARGET] = edge.source, edge.target
        row[kernel.COUNT] = network.edge_transfers[index] * frames
        row[kernel.LOG_AT] = log
        log += int(row[kernel.COUNT])
        stall, floor = stalls[index], floors[index]
        if stall is not None:
            row[kernel.STALL_AT], row[kernel.STALL_LEN] = data.add(stall), len(stall)
        if floor is not None:
            row[kernel.FLOOR_AT], row[kernel.FLOOR_LEN] = data.add(floor), len(floor)
        row[kernel.PEND] = row[kernel.LAST] = -1
    flat = data.flat()
    for index, edge in enumerate(network.edges):
        if edge.target >= 0:
            flat[nodes[edge.target, kernel.IN_AT] + edge.target_port] = index
        if edge.source >= 0:
            flat[nodes[edge.source, kernel.OUT_AT] + edge.source_port] = index
    stage_rows = np.tile(np.array([-1, 0, 0], np.int64), (stages, 1))
    work = np.zeros(2 + 2 * len(nodes), np.int64)
    return Arrays(nodes, edges, stage_rows, flat, np.zeros(log, np.int64), work)


def _lower_node(row: IntArray, schedule: Schedule, data: _Pool) -> None:
    inputs, outputs = len(schedule.transfers_in), len(schedule.transfers_out)
    row[kernel.N_IN], row[kernel.N_OUT] = inputs, outputs
    row[kernel.IN_AT] = data.add(np.zeros(inputs))
    row[kernel.OUT_AT] = data.add(np.zeros(outputs))
    row[kernel.LATENCY], row[kernel.FIRED] = schedule.latency, -1
    row[kernel.STEPS] = 1
    if isinstance(schedule, Pipe):
        row[kernel.KIND], row[kernel.STEPS] = kernel.PIPE, len(schedule.takes)
        row[kernel.ABSORB] = schedule.absorb
        row[kernel.TAKES_AT] = data.add(schedule.takes)
        row[kernel.EMITS_AT] = data.add(schedule.emits)
    elif isinstance(schedule, Buffer):
        row[kernel.KIND], row[kernel.STEPS] = kernel.BUFFER, len(schedule.needs)
        row[kernel.PERIOD_IN] = len(schedule.frees)
        row[kernel.EMITS_AT] = data.add([1])
        row[kernel.NEEDS_AT] = data.add(schedule.needs)
        row[kernel.FREES_AT] = data.add(schedule.frees)
    else:
        row[kernel.KIND] = kernel.QUEUE
        row[kernel.DEPTH] = -1 if schedule.depth is None else schedule.depth
