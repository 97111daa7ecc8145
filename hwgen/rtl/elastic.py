"""Stages of a pipeline that move on one by one, and small counters."""

from __future__ import annotations

import numpy as np
from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, unsigned
from amaranth.lib import data, stream

from hwgen.arith.memory import UNCHAINED


def lane_shape(low, high):
    """Return the Amaranth shape of a code in ``low..high``; at least one bit."""
    shape = Shape.cast(range(low, high + 1))
    return shape if shape.width else unsigned(1)


def lane_range(shape):
    """Return the smallest and largest code that a lane of ``shape`` can hold."""
    if isinstance(shape, range):
        return min(shape), max(shape)
    shape = Shape.cast(shape)
    if shape.signed:
        return -(1 << shape.width - 1), (1 << shape.width - 1) - 1
    return 0, (1 << shape.width) - 1


def cast_shape(shape):
    """Return ``shape``, which may be a Python range, as an Amaranth shape of at least one bit."""
    return lane_shape(*lane_range(shape)) if isinstance(shape, range) else Shape.cast(shape)


def lanes_of(shape, lanes):
    """Return the signature of a stream of ``lanes`` elements per transfer."""
    return stream.Signature(data.ArrayLayout(cast_shape(shape), lanes))


class Stages:
    """The valid bits of a pipeline and which stages take what is before them.

    Stage 0 is the input, stage ``latency`` shows on the output. ``open[s]`` says that stage s takes
    the content of stage s - 1 in this cycle, valid or not: the enable of its payload registers.
    ``enter[s]`` says that what it takes is valid. ``ready`` is that of the output.

    Everything moves on by itself except the valid bit of the last stage, which the component sets
    where not every step emits (``last=False``).
    """

    def __init__(self, m: Module, latency: int, valid, ready, *, last=True):
        self.valid = [valid]
        self.open = [None] * (latency + 1)
        self.enter = [None] * (latency + 1)
        for stage in range(1, latency + 1):
            self.valid.append(Signal(name=f"valid_{stage}"))
        following = ready
        for stage in range(latency, 0, -1):
            opened = Signal(name=f"open_{stage}")
            m.d.comb += opened.eq(following | ~self.valid[stage])
            self.open[stage] = following = opened
        for stage in range(1, latency + 1):
            entering = Signal(name=f"enter_{stage}")
            m.d.comb += entering.eq(self.open[stage] & self.valid[stage - 1])
            self.enter[stage] = entering
            if stage < latency or last:
                with m.If(self.open[stage]):
                    m.d.sync += self.valid[stage].eq(self.valid[stage - 1])


class Counter:
    """Counts 0..size - 1 and starts over; ``first`` and ``last`` describe the present count."""

    def __init__(self, m: Module, size: int, step, name: str):
        self.size = size
        self.value = Signal(range(max(size, 2)), name=name)
        if size > 1:
            self.first = self.value == 0
            self.last = self.value == size - 1
            with m.If(step):
                if size & size - 1:
                    m.d.sync += self.value.eq(Mux(self.last, 0, self.value + 1))
                else:
                    m.d.sync += self.value.eq(self.value + 1)
        else:
            self.first = self.last = 1


def rom_index(m: Module, size: int, step, name: str):
    """Return a register that counts 0..size - 1 and starts over, to read constants with.

    What it holds next is in a register of its own: where the carry chain of a counter begins at the
    address of constants, Yosys maps these to about three times the LUTs.
    """
    if size <= UNCHAINED:
        return Counter(m, size, step, name).value
    value, ahead = Signal(range(size), name=name), Signal(range(size), init=1, name=f"{name}_next")
    with m.If(step):
        m.d.sync += [value.eq(ahead), ahead.eq(Mux(ahead == size - 1, 0, ahead + 1))]
    return value


def payload(shape, name):
    """Return a register of a payload: without reset, so that it may become a shift register."""
    return Signal(shape, name=name, reset_less=True)


def words_of(rows):
    """Return bool rows as integers, column 0 in the lowest bit."""
    packed = np.packbits(rows, axis=1, bitorder="little")
    return [int.from_bytes(row.tobytes(), "little") for row in packed]


def rom_attrs(memory):
    """Return the attributes that put a constant memory into block RAM ("bram") or into LUTs.

    "logic" is Yosys's name for LUTs: it has no read-only "distributed" memory. A plain case over
    the addresses may end in block RAM, so constants ask for LUTs, too.
    """
    kind = "block" if memory == "bram" else "logic"
    return {"rom_style": kind, "ram_style": kind}


def placed(m: Module, word, place, name):
    """Return the word's bits at ``place`` as one signal; -1 is always 0 and -2 always 1.

    Every use of a long expression costs its length again, so it has a signal; one signal for all
    bits of a memory would have more pieces than CXXRTL's templates compile with.
    """
    found = Signal(len(place), name=name)
    m.d.comb += found.eq(Cat(word[n] if n >= 0 else Const(-1 - n, 1) for n in place.tolist()))
    return found


def select(m: Module, index, constants, shape, name):
    """Return a signal that holds ``constants[index]``; one constant needs no logic."""
    found = Signal(shape, name=name)
    if len(set(constants)) == 1:
        m.d.comb += found.eq(constants[0])
        return found
    with m.Switch(index):
        for number, constant in enumerate(constants[:-1]):
            with m.Case(number):
                m.d.comb += found.eq(constant)
        with m.Default():
            m.d.comb += found.eq(constants[-1])
    return found
