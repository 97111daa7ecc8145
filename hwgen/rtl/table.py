"""Codes to codes by lookup."""

from __future__ import annotations

import numpy as np
from amaranth.hdl import Cat, Module, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from hwgen import timing
from hwgen.errors import check_divides
from hwgen.rtl.elastic import Stages, cast_shape, lane_shape, lanes_of, rom_index


class Table(wiring.Component):
    """Replace each code by its channel's table entry, ``pe`` channels per transfer.

    II 1, latency 1.

    Parameters
    ----------
    values : int array (C, N) with C a multiple of ``pe``, or (1, N) where all channels share it
    first : the code of entry 0
    x_shape : Amaranth shape of an input code
    pe : channels per transfer
    bipolar : entries are -1 and +1, one bit each on the wire
    x_bipolar : input lanes are bipolar
    memory : "const" for look-up tables, "bram" for block RAM

    Members
    -------
    i : In stream of ``pe`` codes, each in first..first + N - 1
    o : Out stream of ``pe`` entries
    """

    def __init__(
        self, values, first, x_shape, *, pe, bipolar=False, x_bipolar=False, memory="const"
    ):
        if len(values) > 1:
            check_divides("Table", "PE", pe, "channels", len(values))
        assert memory in ("const", "bram"), f"memory {memory!r} is not one of const, bram"
        self.values = np.asarray(values, np.int64)
        self.first, self.pe, self.memory = first, pe, memory
        self.bipolar, self.x_bipolar = bipolar, x_bipolar
        self.x_shape = cast_shape(x_shape)
        low, high = int(self.values.min()), int(self.values.max())
        self.y_shape = unsigned(1) if bipolar else lane_shape(low, high)
        self.schedule = timing.elementwise(1)
        super().__init__({"i": In(lanes_of(x_shape, pe)), "o": Out(lanes_of(self.y_shape, pe))})

    def elaborate(self, platform):
        m = Module()
        stages = Stages(m, 1, self.i.valid, self.o.ready)
        m.d.comb += [self.i.ready.eq(stages.open[1]), self.o.valid.eq(stages.valid[1])]
        folds = max(len(self.values) // self.pe, 1)
        fold = rom_index(m, folds, stages.enter[1], "fold")
        for lane in range(self.pe):
            rows = self.values[lane :: self.pe] if len(self.values) > 1 else self.values
            memory = Memory(
                shape=unsigned(self.y_shape.width),
                depth=max(len(rows) << self.x_shape.width, 2),
                init=self._init(rows),
                attrs={"rom_style": "block" if self.memory == "bram" else "logic"},
            )
            m.submodules[f"lane_{lane}"] = memory
            address = Cat(self.i.p[lane].as_unsigned(), fold) if folds > 1 else self.i.p[lane]
            self._read(m, stages, memory, address, lane)
        return m

    def _read(self, m, stages, memory, address, lane):
        if self.memory == "bram":
            port = memory.read_port()
            m.d.comb += [port.en.eq(stages.open[1]), self.o.p[lane].eq(port.data)]
        else:
            port = memory.read_port(domain="comb")
            code = Signal(self.y_shape, name=f"code_{lane}", reset_less=True)
            with m.If(stages.open[1]):
                m.d.sync += code.eq(port.data)
            m.d.comb += self.o.p[lane].eq(code)
        m.d.comb += port.addr.eq(address)

    def _init(self, rows):
        """Return the entries by wire code, one fold behind the other."""
        size = 1 << self.x_shape.width
        wire = np.arange(size)
        if self.x_bipolar:
            codes = 2 * wire - 1
        elif self.x_shape.signed:
            codes = np.where(wire < size // 2, wire, wire - size)
        else:
            codes = wire
        known = rows[:, np.clip(codes - self.first, 0, rows.shape[1] - 1)].reshape(-1)
        bits = known > 0 if self.bipolar else known & ((1 << self.y_shape.width) - 1)
        return [int(bit) for bit in bits]
