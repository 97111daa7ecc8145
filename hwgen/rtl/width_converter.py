"""The same elements on another number of lanes."""

from __future__ import annotations

from math import lcm
from typing import NamedTuple

from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen import timing
from hwgen.rtl.elastic import Stages, cast_shape, lanes_of


class _Move(NamedTuple):
    """What one kind of step does: elements held before it, taken by it, emitted, held after it."""

    held: int
    taken: int
    emit: bool
    dropped: int
    kept: int


class WidthConverter(wiring.Component):
    """Regroup each group of ``elements_in`` elements into words of ``lanes_out``.

    The elements that a step does not emit wait in registers, oldest first. Latency 1; a group takes
    the steps of ``timing.width_steps``: the larger number of words where no word is padded.

    Parameters
    ----------
    shape : Amaranth shape of an element
    elements_in, lanes_in : elements of a group as it comes, lanes of its words
    elements_out, lanes_out : of these the first ``elements_out`` leave, padded to whole words
    m : an element is ``m`` codes of this shape, each of another pixel; a word holds the lanes of
        one pixel after another

    Members
    -------
    i : In stream of ``m * lanes_in`` codes
    o : Out stream of ``m * lanes_out`` codes; lanes past ``elements_out`` hold anything
    """

    def __init__(self, shape, elements_in, lanes_in, elements_out, lanes_out, *, m=1):
        common = lcm(lanes_in, lanes_out)
        if elements_in == elements_out and elements_in % common == 0:
            elements_in = elements_out = common
        self.lanes_in, self.lanes_out = lanes_in, lanes_out
        self.code_bits, self.m = Shape.cast(cast_shape(shape)).width, m
        self.bits = m * self.code_bits
        sizes = elements_in, lanes_in, elements_out, lanes_out
        self.schedule = timing.width_converter(*sizes)
        period = max(common // lanes_in, common // lanes_out)
        self.moves, self.period, self.rounds = _rolled(_moves(*sizes), period)
        super().__init__(
            {"i": In(lanes_of(shape, m * lanes_in)), "o": Out(lanes_of(shape, m * lanes_out))}
        )

    def elaborate(self, platform):
        m = Module()
        available, take, emit = Signal(), Signal(), Signal()
        stages = Stages(m, 1, available, self.o.ready, last=False)
        m.d.comb += [
            available.eq(self.i.valid | ~take),
            self.i.ready.eq(stages.open[1] & take),
            stages.valid[1].eq(self.o.valid),
        ]
        with m.If(stages.open[1]):
            m.d.sync += self.o.valid.eq(available & emit)
        step = self._step(m, stages.enter[1])
        slots = [
            Signal(self.bits, name=f"slot_{n}", reset_less=True)
            for n in range(max(move.kept for move in self.moves))
        ]
        word, bits = Value.cast(self.i.payload), self.code_bits
        inputs = [
            Cat(word[(p * self.lanes_in + n) * bits :][:bits] for p in range(self.m))
            for n in range(self.lanes_in)
        ]
        with m.Switch(step):
            for move in dict.fromkeys(self.moves):
                numbers = [n for n, other in enumerate(self.moves) if other == move]
                with m.Case(*numbers):
                    m.d.comb += [take.eq(move.taken > 0), emit.eq(move.emit)]
                    with m.If(stages.enter[1]):
                        self._move(m, move, slots, inputs)
        return m

    def _step(self, m, advance):
        """Count through ``moves``, going ``rounds`` times through the first ``period`` of them."""
        last = len(self.moves) - 1
        step = Signal(range(max(last + 1, 2)), name="step")
        again = Const(0)
        if self.rounds > 1:
            rounds = Signal(range(self.rounds), name="rounds")
            turn, final = step == self.period - 1, rounds == self.rounds - 1
            again = turn & ~final
            with m.If(advance & turn):
                m.d.sync += rounds.eq(Mux(final, 0, rounds + 1))
        with m.If(advance):
            m.d.sync += step.eq(Mux(again | (step == last), 0, step + 1))
        return step

    def _move(self, m, move, slots, inputs):
        """Load the output and the slots."""
        waiting = [*slots[: move.held], *inputs[: move.taken]]
        if move.emit:
            padding = Const(0, self.bits)
            lanes = [*waiting, *[padding] * self.lanes_out][: self.lanes_out]
            bits = self.code_bits
            codes = [lane[p * bits :][:bits] for p in range(self.m) for lane in lanes]
            m.d.sync += Value.cast(self.o.payload).eq(Cat(codes))
        for slot, element in zip(slots, waiting[move.dropped :][: move.kept], strict=False):
            if slot is not element:
                m.d.sync += slot.eq(element)


def _moves(elements_in, lanes_in, elements_out, lanes_out):
    """Return what each step of a group does."""
    takes, emits = timing.width_steps(elements_in, lanes_in, elements_out, lanes_out)
    useful = min(elements_in, elements_out)
    moves = []
    taken = left = 0
    for take, emit in zip(takes, emits, strict=True):
        held = min(taken, useful) - left
        new = 0
        if take:
            new = min(lanes_in, elements_in - taken)
            taken += new
        dropped = min(lanes_out, useful - left) if emit else 0
        left += dropped
        kept = min(taken, useful) - left
        moves.append(_Move(held, new, bool(emit), dropped, kept))
    return tuple(moves)


def _rolled(moves, period):
    """Return (moves, period, rounds): the first ``period`` moves stand for ``rounds`` repeats."""
    rounds = 1
    body = moves[:period]
    while moves[rounds * period : (rounds + 1) * period] == body:
        rounds += 1
    return (*body, *moves[rounds * period :]), period, rounds
