"""Vectors stored once and sent several times."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hwgen import timing
from hwgen.rtl.elastic import Counter, Stages, lanes_of


class Replay(wiring.Component):
    """Send each vector of ``words`` transfers ``times`` times in a row.

    A circular memory: while one vector is sent, the next fills the places that are free. With
    ``depth`` of twice the words a vector takes words * times cycles. Latency 2.

    Parameters
    ----------
    shape, lanes : Amaranth shape of a lane, lanes of a transfer
    words : transfers of a vector
    times : how often each is sent
    depth : transfers of memory, at least ``words``
    memory : "lutram" or "bram"; None takes block RAM from 65 transfers on

    Members
    -------
    i : In stream
    o : Out stream
    """

    def __init__(self, shape, lanes, *, words, times, depth, memory=None):
        assert memory in (None, "lutram", "bram"), f"memory {memory!r} is not lutram or bram"
        self.words, self.times, self.depth = words, times, depth
        self.memory = memory or ("lutram" if depth <= 64 else "bram")
        self.schedule = timing.replay(words, times, depth)
        super().__init__({"i": In(lanes_of(shape, lanes)), "o": Out(lanes_of(shape, lanes))})

    def elaborate(self, platform):
        m = Module()
        write, step, available = Signal(), Signal(), Signal()
        stages = Stages(m, 1, available, self.o.ready)
        m.d.comb += [
            write.eq(self.i.valid & self.i.ready),
            step.eq(stages.enter[1]),
            self.o.valid.eq(stages.valid[1]),
        ]
        word = Counter(m, self.words, step, "word")
        time = Counter(m, self.times, step & word.last, "time")
        unread = self._level(m, write, step & time.first, "unread")
        used = self._level(m, write, step & time.last, "used")
        fresh, room = Signal(), Signal(init=1)
        m.d.sync += [fresh.eq(unread != 0), room.eq(used != self.depth)]
        m.d.comb += [available.eq(fresh | ~time.first), self.i.ready.eq(room)]
        self._memory(m, write, stages.open[1], self._place(m, step, word, time))
        return m

    def _level(self, m, up, down, name):
        """Count transfers between two events; return the count of the next cycle."""
        level = Signal(range(self.depth + 1), name=name)
        following = Signal.like(level, name=f"{name}_next")
        m.d.comb += following.eq(level + up - down)
        m.d.sync += level.eq(following)
        return following

    def _next(self, place):
        return Mux(place == self.depth - 1, 0, place + 1)

    def _place(self, m, step, word, time):
        """Return where the next step reads: back to the vector's begin, or on."""
        place = Signal(range(max(self.depth, 2)), name="read_place")
        begin = Signal.like(place, name="vector_begin")
        if self.times == 1:
            begin = None
        with m.If(step):
            m.d.sync += place.eq(self._next(place))
            if begin is not None:
                with m.If(word.last):
                    with m.If(time.last):
                        m.d.sync += begin.eq(self._next(place))
                    with m.Else():
                        m.d.sync += place.eq(begin)
        return place

    def _memory(self, m, write, enable, place):
        memory = Memory(
            shape=len(Value.cast(self.i.payload)),
            depth=self.depth,
            init=[],
            attrs={"ram_style": "distributed" if self.memory == "lutram" else "block"},
        )
        m.submodules.memory = memory
        into = memory.write_port()
        write_place = Signal(range(max(self.depth, 2)))
        with m.If(write):
            m.d.sync += write_place.eq(self._next(write_place))
        m.d.comb += [
            into.addr.eq(write_place),
            into.data.eq(Value.cast(self.i.payload)),
            into.en.eq(write),
        ]
        output = Value.cast(self.o.payload)
        if self.memory == "lutram":
            out = memory.read_port(domain="comb")
            kept = Signal(len(output), reset_less=True)
            with m.If(enable):
                m.d.sync += kept.eq(out.data)
            m.d.comb += output.eq(kept)
        else:
            out = memory.read_port()
            m.d.comb += [out.en.eq(enable), output.eq(out.data)]
        m.d.comb += out.addr.eq(place)
