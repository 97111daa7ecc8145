"""Runs AXI models around a component in Amaranth's simulator."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from amaranth.sim import Simulator

from hwgen.emit.rtlil import flat_ports
from sim.axi import Agent


class CtxPins:
    """Ports of a component as its simulator's context shows them.

    A channel that the component lacks is silent: reads as 0, takes anything.
    """

    def __init__(self, ctx, component):
        self._ctx = ctx
        self._ports = {name: value for name, (value, _) in flat_ports(component).items()}
        self._channels = {name.rpartition("_")[0] for name in self._ports}

    def get(self, name: str) -> int:
        return self._ctx.get(self._ports[name]) if self._has(name) else 0

    def set(self, name: str, value: int) -> None:
        if self._has(name):
            self._ctx.set(self._ports[name], int(value))

    def _has(self, name: str) -> bool:
        return name.rpartition("_")[0] in self._channels


class Sink:
    """Takes the words of stream ``o`` with random pauses."""

    def __init__(self, stall: float) -> None:
        self.words: list[int] = []
        self._rng, self._stall = np.random.default_rng(7), stall

    def clear(self) -> None:
        self.words.clear()

    def drive(self, pins) -> None:
        pins.set("o_ready", self._rng.random() >= self._stall)

    def sample(self, pins) -> None:
        if pins.get("o_valid") and pins.get("o_ready"):
            self.words.append(pins.get("o_payload"))


class Source:
    """Gives ``words`` to stream ``i`` with random pauses."""

    def __init__(self, stall: float, words: Sequence[int]) -> None:
        self.words = list(words)
        self._rng, self._stall = np.random.default_rng(8), stall
        self._offering = False

    def clear(self) -> None:
        """Keep what is not given yet."""

    def drive(self, pins) -> None:
        go = self._rng.random() >= self._stall
        self._offering = bool(self.words) and (self._offering or go)
        pins.set("i_valid", self._offering)
        pins.set("i_payload", self.words[0] if self._offering else 1)

    def sample(self, pins) -> None:
        if self._offering and pins.get("i_ready"):
            self.words.pop(0)
            self._offering = False


def simulate(
    dut,
    agents: Sequence[Agent],
    script: Callable[[CtxPins], Iterator[None]],
    *,
    limit: int = 20_000,
) -> int:
    """Run ``script`` one step per cycle until it ends, agents beside it; return the cycles.

    A script drives before its ``yield`` and goes on behind the clock edge.
    """
    used = [0]

    async def bench(ctx):
        pins = CtxPins(ctx, dut)
        steps = script(pins)
        for used[0] in range(limit):
            for agent in agents:
                agent.drive(pins)
            try:
                next(steps)
            except StopIteration:
                return
            for agent in agents:
                agent.sample(pins)
            await ctx.tick()
        raise AssertionError(f"no end after {limit} cycles")

    simulator = Simulator(dut)
    simulator.add_clock(1e-8)
    simulator.add_testbench(bench)
    simulator.run()
    return used[0]
