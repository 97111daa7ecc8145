"""Matrix-vector product with a matrix that is known when it is built."""

from __future__ import annotations

import numpy as np
from amaranth.hdl import Cat, Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwgen import timing
from hwgen.arith.const import ADDERS_PER_STAGE, SHARED_LEVELS, ConstPlan
from hwgen.rtl.codes import matrix_lanes
from hwgen.rtl.elastic import Stages, cast_shape, lanes_of
from hwgen.rtl.heap import Wires, add_up


class ConstMvu(wiring.Component):
    """Multiply each vector with a constant matrix, all of it in every cycle.

    Shared terms, then per row a heap of bits that few levels of adders sum (``arith.heap``).
    II 1, latency ``plan.latency``.

    Parameters
    ----------
    weights : int array (MH, MW)
    x_shape : Amaranth shape of an input lane
    x_bipolar : input lanes are bipolar
    acc_shape : Amaranth shape of a sum; the smallest that holds all sums if None
    m : vectors side by side, each with hardware of its own
    shared_levels, adders_per_stage : as for ``ConstPlan``

    Members
    -------
    i : In stream of ``m * MW`` codes, one vector's after another's
    o : Out stream of ``m * MH`` sums
    """

    def __init__(
        self,
        weights,
        x_shape,
        *,
        x_bipolar=False,
        acc_shape=None,
        m=1,
        shared_levels=SHARED_LEVELS,
        adders_per_stage=ADDERS_PER_STAGE,
    ):
        weights = np.asarray(weights, np.int64)
        shape = cast_shape(x_shape)
        x, acc = matrix_lanes(weights, shape, x_bipolar, acc_shape)
        self.plan = ConstPlan(weights, x, acc, shared_levels, adders_per_stage)
        self.schedule = timing.mvu(1, 1, latency=self.plan.latency)
        self.m = m
        rows, columns = weights.shape
        super().__init__(
            {
                "i": In(lanes_of(shape, m * columns)),
                "o": Out(lanes_of(acc.codes, m * rows)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        plan = self.plan
        stages = Stages(m, plan.latency, self.i.valid, self.o.ready)
        m.d.comb += [self.i.ready.eq(stages.open[1]), self.o.valid.eq(stages.valid[plan.latency])]
        for vector in range(self.m):
            self._vector(m, stages, vector)
        return m

    def _vector(self, m, stages, vector):
        """Multiply one vector."""
        plan = self.plan
        netlist, rows = plan.built
        wires = Wires(self._inputs(vector), netlist.inputs, f"{vector}_")
        add_up(m, stages, plan, wires)
        for row, word in enumerate(rows, vector * len(rows)):
            m.d.comb += Value.cast(self.o.p[row]).eq(wires.word(word))

    def _inputs(self, vector):
        """Return the lanes in unsigned form: a signed code has its highest bit inverted."""
        lanes = []
        width = self.plan.weights.shape[1]
        for lane in range(vector * width, (vector + 1) * width):
            code = Value.cast(self.i.p[lane])
            lanes.append(Cat(code[:-1], ~code[-1]) if self.plan.x.signed else code)
        return lanes
