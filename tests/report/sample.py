"""A report with every field set."""

from itertools import pairwise

from hwgen.report.schema import (
    Counts,
    FrontPoint,
    Layer,
    LayerTime,
    Model,
    Performance,
    Report,
    Resources,
    Span,
    Step,
    Stream,
    Tensor,
    Timeline,
    Verification,
)


def layer(index: int, cycles: int, lut: int) -> Layer:
    return Layer(
        name=f"fc{index}",
        op="Mvu",
        source=f"features.{index}.<linear>",
        pe=4,
        simd=16,
        style="lut",
        memory="lutram",
        cycles=cycles,
        lut=lut,
        ff=lut // 2,
        bram36=0.5,
        dsp=0,
        weight_bits=2,
        input_bits=2,
        output_bits=9,
        acc_bits=9,
        acc_low=-200,
        acc_high=211 + index,
        weights=64 * (64 + index),
        thresholds=3,
        macs=64 * 64,
        fifo_depth=2,
        synth=Counts(lut=lut - 7, ff=lut // 2, bram36=0.5, dsp=0),
        ties=3,
    )


def chain(layers: tuple[Layer, ...]) -> tuple[Stream, ...]:
    names = ["input", *(entry.name for entry in layers), "output"]
    return tuple(
        Stream(source=source, target=target, lanes=4, bits=2, depth=2, peak=1)
        for source, target in pairwise(names)
    )


def timeline(frame: int, start: int) -> Timeline:
    spans = (
        Span(start=start, stop=start + 40, state="filling", busy=0.9),
        Span(start=start + 40, stop=700, state="working", busy=1.0),
        Span(start=700, stop=790, state="stalled", busy=0.1),
        Span(start=790, stop=900, state="draining", busy=0.4),
    )
    layers = tuple(
        LayerTime(
            layer=f"fc{index}",
            first_input=start,
            last_input=789,
            first_output=start + 40,
            last_output=899,
            spans=spans,
        )
        for index in range(3)
    )
    return Timeline(frame=frame, steady=frame > 0, cycles=1200, layers=layers)


def point(interval: int, lut: int) -> FrontPoint:
    return FrontPoint(
        interval=interval,
        fps=1e8 / interval,
        lut=lut,
        ff=lut // 2,
        bram36=1.5,
        dsp=0,
        bottleneck="fc0",
    )


def sample(**changes) -> Report:
    layers = (layer(0, 784, 2900), layer(1, 256, 1200), layer(2, 64, 800))
    streams = (
        Stream(source="input", target="fc0", lanes=8, bits=2, depth=2),
        Stream(source="fc0", target="fc1", lanes=4, bits=9, depth=32, peak=30),
        Stream(source="fc1", target="fc2", lanes=4, bits=9, depth=0),
        Stream(source="fc2", target="output", lanes=1, bits=9, depth=0),
    )
    values = {
        "hwgen": "0.1.0",
        "command": "hwgen build --model tfc.onnx --board pynq-z2",
        "model": Model(name="tfc & <friends>", sha256="ab" * 32, macs=59008, weight_bits=118016),
        "board": "pynq-z2",
        "part": "xc7z020clg400-1",
        "clock_mhz": 100.0,
        "performance": Performance(
            fps=127551.02,
            latency_cycles=1200,
            latency_us=12.0,
            ii_cycles=784,
            bottleneck="fc0",
            fps_with_io=127551.02,
            io_cycles=98,
        ),
        "resources": Resources(
            estimate=Counts(lut=4900, ff=2450, bram36=1.5, dsp=0),
            synth=Counts(lut=4879, ff=2450, bram36=1.5, dsp=0),
            available=Counts(lut=53200, ff=106400, bram36=140, dsp=220),
            budget=0.7,
            lut_error=0.1,
        ),
        "layers": layers,
        "streams": streams,
        "input": Tensor(shape=(784,), low=-1, high=1, bits=2, lanes=8, transfers=98),
        "output": Tensor(shape=(10,), low=-90, high=90, bits=8, lanes=1, transfers=10),
        "verification": Verification(
            engine="verilator",
            frames=64,
            values=12345,
            mismatches=0,
            cycles_predicted=51000,
            cycles_simulated=51000,
            ties=9,
            onnx_frames=64,
            onnx_explained=0,
            onnx_unexplained=0,
        ),
        "steps": (Step(name="lower", seconds=1.25),),
        "timelines": (timeline(0, 0), timeline(3, 12)),
        "front": (point(7840, 900), point(1568, 2500), point(784, 4900)),
        "versions": {"python": "3.11.9", "amaranth": "0.5.10"},
    }
    return Report(**{**values, **changes})
