"""The counters that walk a line buffer."""

from __future__ import annotations

from amaranth.hdl import Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class Nest:
    """Counters of a nest of loops, and constants chosen by which loop goes on.

    index, last : per loop, its iteration and whether that is the last; None where it has only one
    """

    def __init__(self, m, counts, fire):
        self.counts = counts
        self.index = [
            Signal(range(count), name=f"index_{level}") if count > 1 else None
            for level, count in enumerate(counts)
        ]
        self.last = [
            None if index is None else index == count - 1
            for index, count in zip(self.index, counts, strict=True)
        ]
        ends = fire  # this loop and all inside it are in their last iteration
        for index, last in reversed(list(zip(self.index, self.last, strict=True))):
            if index is not None:
                with m.If(ends):
                    m.d.sync += index.eq(Mux(last, 0, index + 1))
                ends = ends & last

    def pick(self, goes_on, over):
        """Return ``goes_on[level]`` for the loop that goes on, ``over`` where all are through."""
        value = over
        for last, constant in zip(self.last, goes_on, strict=True):
            if last is not None:
                value = Mux(last, value, constant)
        return value

    def choose(self, level, values):
        """Return ``values[iteration]`` of a loop, cheap where most values are equal."""
        if len(set(values)) <= 1:
            return values[0] if values else 0
        usual = max(set(values), key=values.count)
        chosen = usual
        for iteration, value in enumerate(values):
            if value != usual:
                chosen = Mux(self.index[level] == iteration, value, chosen)
        return chosen

    def within(self, level, since, until):
        """Return whether a loop is in its iterations ``since..until - 1``."""
        index, count = self.index[level], self.counts[level]
        if index is None:
            return Const(since <= 0 < until, 1)
        inside = Const(1, 1) if since <= 0 else index >= since
        return inside if until >= count else inside & (index < until)


class Walker(wiring.Component):
    """Step along a ``Walk``, no faster than words arrive, and free words as they lose their use.

    ``ahead`` is the position of the current step minus the words stored, so that its sign says
    whether the word is there; ``room`` is the free memory minus one, whose sign says whether the
    next input may come. Both move by constants that depend on which loop goes on.

    Parameters
    ----------
    walk : a ``hwgen.timing.Walk``
    depth : words of memory

    Members
    -------
    accept : a word is stored in this cycle (only while ``ready``)
    go : the stage behind takes a step
    ready : a word may be stored
    fire : a step happens (only while ``go``)
    padding : the step reads padding, not memory
    read_at, write_at : addresses of the current step and of the next word
    """

    def __init__(self, walk, depth):
        self.walk, self.depth = walk, depth
        super().__init__(
            {
                "accept": In(1),
                "go": In(1),
                "ready": Out(1),
                "fire": Out(1),
                "padding": Out(1),
                "read_at": Out(range(max(depth, 2))),
                "write_at": Out(range(max(depth, 2))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        walk, depth = self.walk, self.depth
        nest = Nest(m, [loop.count for loop in walk.loops], self.fire)
        first = Signal(init=1)
        with m.If(self.fire):
            m.d.sync += first.eq(nest.pick([0] * len(walk.loops), 1))

        low, high = walk.ahead_range(depth)
        ahead = Signal(range(low, high + 1), init=int(walk.waits[0]))
        move = self._move(nest, first, lambda step: step - 1)
        m.d.sync += ahead.eq(ahead + Mux(self.fire, move, -1) + ~self.accept)
        room = Signal(range(-1, walk.most_room(depth)), init=depth + walk.kept - 1)
        freed = self._freed(nest)
        m.d.sync += room.eq(room + Mux(self.fire, freed, -1) + ~self.accept)

        jump = self._move(nest, first, lambda step: step % depth)
        with m.If(self.fire):
            m.d.sync += self.read_at.eq(_wrapped(self.read_at + jump, depth))
        with m.If(self.accept):
            m.d.sync += self.write_at.eq(_wrapped(self.write_at + 1, depth))

        m.d.comb += [
            self.ready.eq(room >= 0),
            self.padding.eq(self._padding(m, nest)),
            self.fire.eq(self.go & ((ahead < 0) | (self.padding & ~first))),
        ]
        return m

    def _move(self, nest, first, form):
        """Return the constant for the way to the next step, each in the given form."""
        walk = self.walk
        if walk.start >= 0:
            return nest.pick(*self._forms(nest, form, 0))
        # the first step waits for the first word, so it stands there, wherever it reads
        leaving = nest.pick(*self._forms(nest, form, walk.start))
        return Mux(first, leaving, nest.pick(*self._forms(nest, form, 0)))

    def _forms(self, nest, form, more):
        *levels, (over,) = self.walk.moves()
        goes_on = [
            nest.choose(level, [form(step + more) for step in steps])
            for level, steps in enumerate(levels)
        ]
        return goes_on, form(over + more)

    def _freed(self, nest):
        """Return the words that the current step sets free, minus one."""
        loops = self.walk.loops
        goes_on, inside = [], Const(1, 1)
        for level, loop in enumerate(loops):
            inside = inside & nest.within(level, loop.since, loop.limit)
            goes_on.append(Mux(inside, loop.release - 1, -1) if loop.release else -1)
        return nest.pick(goes_on, self.walk.last_release - 1)

    def _padding(self, m, nest):
        walk, outside = self.walk, Const(0, 1)
        for name, axis in (("row", walk.rows), ("col", walk.cols)):
            if axis is not None:
                start, size = axis
                *goes_on, back = walk.turns(name)
                reach = sum((loop.count - 1) * getattr(loop, name) for loop in walk.loops)
                place = Signal(range(start, max(start + reach, size) + 1), init=start, name=name)
                with m.If(self.fire):
                    m.d.sync += place.eq(place + nest.pick(goes_on, back))
                outside = outside | (place < 0) | (place >= size)
        return outside


def _wrapped(address, depth):
    """Return ``address`` modulo ``depth`` where it is below twice the depth."""
    return address if depth & (depth - 1) == 0 else Mux(address >= depth, address - depth, address)
