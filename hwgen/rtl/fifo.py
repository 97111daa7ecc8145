"""Queues between components."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hwgen import timing
from hwgen.rtl.elastic import lanes_of


class Fifo(wiring.Component):
    """First in, first out, of exactly ``depth`` transfers; ``ready`` comes from a register.

    A transfer written in cycle c can be read from cycle c + 1 on, with block RAM from c + 2 on.

    Parameters
    ----------
    shape, lanes : Amaranth shape of a lane, lanes of a transfer
    depth : transfers it holds
    style : "reg", "lutram" or "bram"; None chooses by depth as ``timing.fifo_style``

    Members
    -------
    i : In stream
    o : Out stream
    """

    def __init__(self, shape, lanes, depth, style=None):
        self.style = timing.fifo_style(depth) if style is None else style
        self.schedule = timing.fifo(depth, self.style)
        self.depth = depth
        super().__init__({"i": In(lanes_of(shape, lanes)), "o": Out(lanes_of(shape, lanes))})

    def elaborate(self, platform):
        m = Module()
        write, read = Signal(), Signal()
        level = Signal(range(self.depth + 1))
        following = Signal.like(level)
        m.d.comb += [
            write.eq(self.i.valid & self.i.ready),
            read.eq(self.o.valid & self.o.ready),
            following.eq(level + write - read),
        ]
        room = Signal(init=1)
        m.d.sync += [level.eq(following), room.eq(following != self.depth)]
        m.d.comb += self.i.ready.eq(room)
        if self.style == "bram":
            self._prefetch(m, write)
        else:
            filled = Signal()
            m.d.sync += filled.eq(following != 0)
            m.d.comb += self.o.valid.eq(filled)
            if self.style == "reg":
                self._registers(m, write, read, level)
            else:
                self._lutram(m, write, read)
        return m

    def _pointer(self, m, step, name):
        """Return a place that moves on with ``step``."""
        place = Signal(range(max(self.depth, 2)), name=name)
        if self.depth > 1:
            moved = Mux(place == self.depth - 1, 0, place + 1)
            with m.If(step):
                m.d.sync += place.eq(moved)
        return place

    def _registers(self, m, write, read, level):
        """Keep the oldest transfer in the first register; the others shift down."""
        width = len(Value.cast(self.i.payload))
        slots = [Signal(width, name=f"slot_{n}", reset_less=True) for n in range(self.depth)]
        kept = Signal.like(level)
        m.d.comb += kept.eq(level - read)
        for place, slot in enumerate(slots):
            with m.If(write & (kept == place)):
                m.d.sync += slot.eq(Value.cast(self.i.payload))
            if place + 1 < self.depth:
                with m.Elif(read):
                    m.d.sync += slot.eq(slots[place + 1])
        m.d.comb += Value.cast(self.o.payload).eq(slots[0])

    def _memory(self, m, write, kind):
        memory = Memory(
            shape=len(Value.cast(self.i.payload)),
            depth=self.depth,
            init=[],
            attrs={"ram_style": kind},
        )
        m.submodules.memory = memory
        port = memory.write_port()
        m.d.comb += [
            port.addr.eq(self._pointer(m, write, "write_place")),
            port.data.eq(Value.cast(self.i.payload)),
            port.en.eq(write),
        ]
        return memory

    def _lutram(self, m, write, read):
        port = self._memory(m, write, "distributed").read_port(domain="comb")
        m.d.comb += [
            port.addr.eq(self._pointer(m, read, "read_place")),
            Value.cast(self.o.payload).eq(port.data),
        ]

    def _prefetch(self, m, write):
        """Read ahead: the memory's output register holds the oldest transfer."""
        port = self._memory(m, write, "block").read_port()
        fetch, stored = Signal(), Signal(range(self.depth + 1))
        waiting = Signal()
        m.d.comb += [
            fetch.eq(waiting & (self.o.ready | ~self.o.valid)),
            port.en.eq(fetch),
            port.addr.eq(self._pointer(m, fetch, "read_place")),
            Value.cast(self.o.payload).eq(port.data),
        ]
        following = stored + write - fetch
        m.d.sync += [stored.eq(following), waiting.eq(following != 0)]
        with m.If(self.o.ready | ~self.o.valid):
            m.d.sync += self.o.valid.eq(fetch)
