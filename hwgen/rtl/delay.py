"""A fixed number of words back."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

SHIFT_DEPTH = 32  # one shift register LUT holds so many; beyond, distributed memory is smaller


class Delay(wiring.Component):
    """Show the word that was shifted in ``depth`` shifts ago.

    Parameters
    ----------
    shape : Amaranth shape of a word
    depth : shifts from ``d`` to ``q``, at least 1

    Members
    -------
    en : shift in this cycle
    d, q : word in and out; ``q`` comes from a register or a memory read in this cycle
    """

    def __init__(self, shape, depth):
        self.depth = depth
        super().__init__({"en": In(1), "d": In(shape), "q": Out(shape)})

    def elaborate(self, platform):
        m = Module()
        if self.depth <= SHIFT_DEPTH:
            word = self.d
            for stage in range(self.depth):
                held = Signal(self.d.shape(), name=f"stage_{stage}", reset_less=True)
                with m.If(self.en):
                    m.d.sync += held.eq(word)
                word = held
            m.d.comb += self.q.eq(word)
            return m
        m.submodules.memory = ram = memory.Memory(
            shape=self.d.shape(), depth=self.depth, init=[], attrs={"ram_style": "distributed"}
        )
        write, read = ram.write_port(), ram.read_port(domain="comb")
        at = Signal(range(self.depth))
        with m.If(self.en):
            m.d.sync += at.eq(Mux(at == self.depth - 1, 0, at + 1))
        m.d.comb += [
            read.addr.eq(at),
            self.q.eq(read.data),
            write.addr.eq(at),
            write.data.eq(self.d),
            write.en.eq(self.en),
        ]
        return m
