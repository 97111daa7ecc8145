"""The rules of streams and time as a machine that is stepped cycle by cycle.

Slow and plain: it knows registers, valid and ready, and none of the model's max-plus rules. The
networks must not have a loop.
"""

from __future__ import annotations

import numpy as np

from hwgen.timing import Buffer, Pipe, Queue


class _Stages:
    """Elastic registers: ``held[s]`` is the set of outputs the step in stage s emits, or None."""

    def __init__(self, latency, absorb):
        self.held = [None] * latency
        self.absorb = absorb
        self.unsent = set()

    def valid(self, port):
        return port in self.unsent

    def open(self, ready):
        """Return per stage whether it takes what is before it; ``ready(port)`` of the outputs."""
        free = all(ready(port) for port in self.unsent)
        opened = []
        for held in reversed(self.held):
            free = held is None or free
            opened.insert(0, free)
        return opened

    def step(self, opened, entering, sent):
        """Clock edge: ``entering`` goes into the first stage if that is open."""
        self.unsent -= sent
        if self.held[-1] is not None and not self.unsent:
            self.held[-1] = None
        for stage in reversed(range(len(self.held))):
            if opened[stage]:
                before = self.held[stage - 1] if stage else entering
                if stage:
                    self.held[stage - 1] = None
                self.held[stage] = before
                if before is not None and not before and stage == self.absorb - 1:
                    self.held[stage] = None
                elif before is not None and stage == len(self.held) - 1:
                    self.unsent = set(before)


class Machine:
    """Steps a network; ``times[edge]`` collects the cycles of transfers."""

    def __init__(self, network, frames, source_stalls, sink_stalls):
        self.network = network
        self.total = [count * frames for count in network.edge_transfers]
        self.times = [[] for _ in network.edges]
        self.offering = dict.fromkeys(network.inputs, False)
        self.source_stalls = dict(zip(network.inputs, source_stalls, strict=True))
        self.sink_stalls = dict(zip(network.outputs, sink_stalls, strict=True))
        self.fired = [0] * len(network.nodes)
        self.stages = [
            None
            if isinstance(n, Queue)
            else _Stages(n.latency, n.absorb if isinstance(n, Pipe) else n.latency)
            for n in network.nodes
        ]
        self.into = {(e.target, e.target_port): i for i, e in enumerate(network.edges)}
        self.out = {(e.source, e.source_port): i for i, e in enumerate(network.edges)}
        self.cycle = 0

    def valid(self, edge):
        end = self.network.edges[edge]
        if end.source < 0:
            return self.offering[edge]
        node = self.network.nodes[end.source]
        if isinstance(node, Queue):
            sent = len(self.times[edge])
            written = self.times[self.into[end.source, 0]]
            return len(written) > sent and written[sent] + node.latency <= self.cycle
        return self.stages[end.source].valid(end.source_port)

    def ready(self, edge):
        end = self.network.edges[edge]
        if end.target < 0:
            return not _at(self.sink_stalls[edge], self.cycle)
        node, index = self.network.nodes[end.target], end.target
        if isinstance(node, Queue):
            gone = sum(t < self.cycle for t in self.times[self.out[index, 0]])
            written = sum(t < self.cycle for t in self.times[edge])
            return node.depth is None or written - gone < node.depth
        if isinstance(node, Buffer):
            period, place = divmod(len(self.times[edge]), len(node.frees))
            return node.frees[place] + period * len(node.needs) < self.fired[index]
        takes = node.takes[self.fired[index] % len(node.takes)]
        return bool(takes[end.target_port]) and self.fires(index)

    def fires(self, index):
        """Whether a pipe's or buffer's next step goes into its first stage in this cycle."""
        node = self.network.nodes[index]
        if not self.opened(index)[0]:
            return False
        if isinstance(node, Pipe):
            if self.fired[index] >= self.limit(index):
                return False
            takes = node.takes[self.fired[index] % len(node.takes)]
            return all(self.valid(self.into[index, port]) for port in np.flatnonzero(takes))
        period, place = divmod(self.fired[index], len(node.needs))
        need = node.needs[place] + period * len(node.frees)
        written = self.times[self.into[index, 0]]
        return len(written) > need and written[need] < self.cycle

    def limit(self, index):
        node = self.network.nodes[index]
        frames = self.total[0] // self.network.edge_transfers[0]
        return len(node.takes) * self.network.periods[index] * frames

    def opened(self, index):
        return self.stages[index].open(lambda port: self.ready(self.out[index, port]))

    def step(self):
        for edge in self.network.inputs:
            if not self.offering[edge]:
                more = len(self.times[edge]) < self.total[edge]
                self.offering[edge] = more and not _at(self.source_stalls[edge], self.cycle)
        edges = range(len(self.network.edges))
        moves = {edge for edge in edges if self.valid(edge) and self.ready(edge)}
        plans = []
        for index, node in enumerate(self.network.nodes):
            if isinstance(node, Queue):
                continue
            fires = self.fires(index)
            entering = None
            if fires:
                entering = {0}
                if isinstance(node, Pipe):
                    emits = node.emits[self.fired[index] % len(node.emits)]
                    entering = set(np.flatnonzero(emits).tolist())
            sent = {p for (n, p), e in self.out.items() if n == index and e in moves}
            plans.append((index, self.opened(index), entering, sent))
        for index, opened, entering, sent in plans:
            self.stages[index].step(opened, entering, sent)
            self.fired[index] += entering is not None
        for edge in moves:
            self.times[edge].append(self.cycle)
            if edge in self.offering:
                self.offering[edge] = False
        self.cycle += 1

    def run(self, limit=5000):
        """Step until all transfers happened or nothing can move; return ``times`` as arrays."""
        while self.cycle < limit and any(
            len(t) < total for t, total in zip(self.times, self.total, strict=True)
        ):
            self.step()
        return [np.array(t, np.int64) for t in self.times]


def _at(stall, cycle):
    return bool(cycle < len(stall) and stall[cycle])
