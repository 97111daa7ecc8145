"""Units put in a row, as one component."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Module, Value, signed, unsigned
from amaranth.lib import wiring

from hwgen.arith.stream import StreamPlan
from hwgen.dataflow import units as u
from hwgen.emit.components import component
from hwgen.rtl.stream_mvu import StreamMvu


def stitch(parts: Sequence[u.Unit | StreamPlan]) -> wiring.Component:
    """Return one component: that of the only part, or all in a row, output to input."""
    made = [_streamed(p) if isinstance(p, StreamPlan) else component(p) for p in parts]
    return made[0] if len(made) == 1 else _Row(made)


def _streamed(plan: StreamPlan) -> StreamMvu:
    shapes = ((signed if lane.signed else unsigned)(lane.bits) for lane in (plan.x, plan.w))
    return StreamMvu(
        plan.words,
        *shapes,
        pe=plan.pe,
        simd=plan.simd,
        x_bipolar=plan.x.bipolar,
        w_bipolar=plan.w.bipolar,
    )


class _Row(wiring.Component):
    """Components with one input ``i`` and one output ``o`` each."""

    def __init__(self, parts):
        self.parts = parts
        first, last = parts[0].signature, parts[-1].signature
        super().__init__({"i": first.members["i"], "o": last.members["o"]})

    def elaborate(self, platform):
        del platform
        m = Module()
        for number, part in enumerate(self.parts):
            m.submodules[f"part_{number}"] = part
        ends = [self.i, *(stream for part in self.parts for stream in (part.i, part.o)), self.o]
        for source, sink in zip(ends[::2], ends[1::2], strict=True):
            data, into = Value.cast(source.payload), Value.cast(sink.payload)
            assert len(data) == len(into), "neighbours have lanes of one width"
            m.d.comb += [into.eq(data), sink.valid.eq(source.valid), source.ready.eq(sink.ready)]
        return m
