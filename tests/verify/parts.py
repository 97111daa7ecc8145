"""A unit with a component of its own, so that engines are tested without the library's."""

from dataclasses import dataclass

import numpy as np
from amaranth import Module, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwgen import timing
from hwgen.dataflow import Dataflow, Stream
from hwgen.dataflow.units import Unit
from hwgen.ir import Graph, Input, Node, TensorType, ops

BITS = 4
LOW, HIGH = -(2 ** (BITS - 1)), 2 ** (BITS - 1) - 1


@dataclass(frozen=True, eq=False)
class AddUnit(Unit):
    """Adds ``addend`` to every lane, wrapping.

    latency : registers that the schedule promises; the component has one
    wrong : transfer of each pixel on which lane 0 comes out one too large, -1 for never
    stuck : transfer after which nothing moves any more, -1 for never
    """

    lanes: int
    words: int
    addend: int
    latency: int = 1
    wrong: int = -1
    stuck: int = -1

    @property
    def schedule(self):
        return timing.elementwise(self.latency)


class Add(wiring.Component):
    def __init__(self, unit):
        shape = data.ArrayLayout(signed(BITS), unit.lanes)
        self.unit = unit
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform):
        m = Module()
        unit = self.unit
        word = Signal(range(unit.words))
        count = Signal(16)
        free = Signal()
        m.d.comb += free.eq(self.o.ready | ~self.o.valid)
        m.d.comb += self.i.ready.eq(free & (count != unit.stuck % 2**16))
        with m.If(free):
            m.d.sync += self.o.valid.eq(self.i.valid & self.i.ready)
        with m.If(self.i.ready & self.i.valid):
            m.d.sync += count.eq(count + 1)
            m.d.sync += word.eq(0)
            with m.If(word != unit.words - 1):
                m.d.sync += word.eq(word + 1)
            for lane in range(unit.lanes):
                m.d.sync += self.o.p[lane].eq(self.i.p[lane] + unit.addend)
            with m.If(word == unit.wrong):
                m.d.sync += self.o.p[0].eq(self.i.p[0] + unit.addend + 1)
        return m


def chain(addends, shape, lanes, **faults):
    """Return graph and dataflow of layers that add; ``layer2={"wrong": 1}`` breaks one."""
    kind = TensorType(shape, LOW, HIGH)
    codes = np.arange(LOW, HIGH + 1)
    names = ["x", *(f"layer{n}" for n in range(len(addends)))]
    streams = {name: Stream(name, name, kind, lanes) for name in names}
    nodes, units = [], []
    for before, name, addend in zip(names, names[1:], addends, strict=False):
        table = (codes + addend - LOW) % 2**BITS + LOW
        nodes.append(Node(name, ops.Table(table[None, :], LOW), (before,), f"model/{name}"))
        words = streams[name].words
        place = (name, name, (before,), (name,))
        units.append(AddUnit(*place, lanes, words, addend, **faults.get(name, {})))
    graph = Graph((Input("x", kind),), tuple(nodes), (names[-1],))
    return graph, Dataflow(tuple(units), streams, "x", names[-1])
