"""Several output pixels at once: every integer, every cycle."""

import numpy as np
import pytest

from hwgen.dataflow import performance, plan, size_fifos
from hwgen.emit import emit
from hwgen.errors import FoldingError
from hwgen.ir import Fold, TensorType, ops
from hwgen.verify import engines, verify
from tests.dataflow.conv_nets import act, conv, image, one, swu
from tests.dataflow.nets import codes, fold, grow, start, weights

AMARANTH = engines()["amaranth"]


def check(graph, folding, folder, frames=2, stalls=(0.4,)):
    """Simulate ``graph`` and compare everything; return the dataflow."""
    flow = size_fifos(plan(graph, folding))
    x = codes(np.random.default_rng(1), graph, frames)
    verify(emit(flow), graph, x, engine=AMARANTH, folder=folder, stalls=stalls).require()
    return flow


def single(width=6, channels=2, kernel=3, **window):
    return conv(image(3, width, channels, -2, 1), "c", "x", 3, kernel, **window)


def line():
    graph = start(TensorType((12, 2), 0, 3))
    op = ops.Swu((4,), (2,), (1,), (1, 2), 1)
    return grow(grow(graph, "w", op), "c", ops.Mvu(weights(np.random.default_rng(2), 5, 8)))


def far_padding():
    """A window that lies in the padding alone, as a transposed convolution makes them."""
    graph = grow(image(2, 3, 2), "z", ops.ZeroInsert((2, 2)))
    op = ops.Swu((2, 2), (1, 1), (1, 1), (2, 1, 1, 2), 0)
    return grow(grow(graph, "w", op), "c", ops.Mvu(weights(np.random.default_rng(7), 3, 8)))


def pointwise():
    """A convolution of single pixels, its window dropped."""
    graph = image(3, 6, 4)
    return act(grow(graph, "c", ops.Mvu(weights(np.random.default_rng(3), 6, 4))), "a", "c")


def depthwise(stride=1):
    graph = start(TensorType((3, 6, 4), -4, 3))
    graph = grow(graph, "w", swu(graph.types["x"], 3, stride, (1, 1, 1, 1)))
    return grow(graph, "c", ops.Vvu(np.random.default_rng(4).integers(-3, 4, (4, 9))))


def pooled(op, stride=2, size=2, **window):
    graph = start(TensorType((4, 8, 4), -3, 4))
    graph = grow(graph, "w", swu(graph.types["x"], size, stride, **window))
    return grow(graph, "p", op(size * size))


def total():
    graph = image(3, 5, 4)
    return grow(grow(graph, "flat", ops.Reshape((60,))), "p", ops.SumPool(15))


def chain():
    """Matrix, thresholds, depthwise, pool: each with pixels of its own."""
    graph = act(conv(image(4, 8, 2), "c", "x", 4, 3), "a", "c", low=-1)
    graph = grow(graph, "w", swu(graph.types["a"], 3))
    graph = grow(graph, "d", ops.Vvu(np.random.default_rng(5).integers(-3, 4, (4, 9))))
    graph = act(graph, "b", "d")
    graph = grow(graph, "pw", swu(graph.types["b"], 2, 2, (0, 0, 0, 0)))
    graph = grow(graph, "p", ops.MaxPool(4))
    return grow(graph, "e", ops.Mvu(weights(np.random.default_rng(6), 3, 4)))


def joined():
    """Branches side by side: sum, join and cut of several pixels, then their mean."""
    graph = act(conv(image(4, 6, 2), "first", "x", 4, 3), "a", "first")
    graph = act(conv(graph, "long", "a", 4, 3, seed=1), "b", "long", low=-2)
    graph = grow(graph, "sum", ops.Add(np.array([1, 2, -1, 3]), one(2)), "b", "a")
    graph = grow(graph, "both", ops.Concat(), "sum", "a")
    graph = grow(graph, "part", ops.Slice(2, 6), "both")
    graph = grow(graph, "weighed", ops.Affine(np.arange(4) - 2, one(1)), "part")
    graph = grow(graph, "flat", ops.Reshape((graph.types["weighed"].size,)))
    return grow(graph, "mean", ops.SumPool(24))


CASES = {
    "all at once": (single(), fold(c=Fold(3, 18, 2))),
    "channels in words": (single(channels=4), fold(c=Fold(3, 18, 2))),
    "several passes": (single(), fold(c=Fold(2, 18, 3))),
    "parts of windows": (single(), fold(c=Fold(2, 7, 2))),
    "serial": (single(4, 1), fold(c=Fold(1, 1, 2, memory="bram"))),
    "part of a group": (single(7), fold(c=Fold(3, 18, 3))),
    "a row": (single(4), fold(c=Fold(3, 9, 4, memory="lutram"))),
    "unpadded": (single(8, pads=(0, 0, 0, 0)), fold(c=Fold(3, 18, 2))),
    "stride": (single(8, stride=2, pads=(1, 1, 1, 1)), fold(c=Fold(3, 18, 2))),
    "stride, one pixel": (single(8, stride=2, pads=(0, 0, 1, 1)), fold(c=Fold(3, 10))),
    "dilation": (single(8, 1, dilation=2), fold(c=Fold(3, 9, 2))),
    "large kernel": (single(6, 1, 5), fold(c=Fold(3, 25, 2))),
    "far padding": (far_padding(), fold(c=Fold(3, 8, 2), z=Fold(2))),
    "skips": (single(8, 2, 1, stride=2, pads=(0, 0, 0, 0)), fold(c=Fold(3, 2, 2))),
    "line": (line(), fold(c=Fold(5, 8, 2))),
    "line in parts": (line(), fold(c=Fold(2, 4, 4))),
    "pixels": (pointwise(), fold(c=Fold(6, 4, 3))),
    "depthwise": (depthwise(), fold(c=Fold(2, 9, 2))),
    "depthwise, taps": (depthwise(), fold(c=Fold(4, 4, 3))),
    "depthwise, stride": (depthwise(2), fold(c=Fold(1, 9, 3, memory="bram"))),
    "depthwise, one pixel": (depthwise(), fold(c=Fold(4, 9))),
    "depthwise, padded": (depthwise(), fold(c=Fold(3, 9, 2))),
    "depthwise, serial": (depthwise(), fold(c=Fold(2, 1, 2))),
    "max, serial": (pooled(ops.MaxPool), fold(p=Fold(1, 1, 2))),
    "max": (pooled(ops.MaxPool), fold(p=Fold(4, 4, 2))),
    "max, one pixel": (pooled(ops.MaxPool), fold(p=Fold(2, 4))),
    "max, padded": (pooled(ops.MaxPool, 1, 3, code=-3), fold(p=Fold(2, 9, 4))),
    "sum": (pooled(ops.SumPool), fold(p=Fold(4, 2, 4))),
    "total": (total(), fold(p=Fold(2, 4))),
    "chain": (
        chain(),
        fold(c=Fold(4, 18, 4), d=Fold(2, 9, 4), p=Fold(4, 4, 2), e=Fold(3, 4, 2)),
    ),
    "different pixels": (
        chain(),
        fold(c=Fold(2, 18, 4), d=Fold(4, 9, 2), p=Fold(4, 4), e=Fold(1, 3, 4)),
    ),
    "joined": (
        joined(),
        fold(
            first=Fold(4, 18, 2),
            long=Fold(2, 36, 2),
            sum=Fold(2, 1, 2),
            both=Fold(2, 1, 3),
            part=Fold(1, 1, 2),
            mean=Fold(4, 6),
        ),
    ),
    "pixels, folded": (pointwise(), fold(c=Fold(2, 3, 2))),
}


LONG = ("chain", "different pixels", "joined")


@pytest.mark.parametrize("name", [name for name in CASES if name not in LONG])
def test_equals_reference_and_token_model(name, tmp_path):
    check(*CASES[name], tmp_path)


@pytest.mark.parametrize("name", ["joined"])
def test_layers_with_pixels_of_their_own(name, tmp_path):
    check(*CASES[name], tmp_path, frames=3, stalls=(0.0, 0.4))


@pytest.mark.slow
@pytest.mark.parametrize("name", LONG[:2])
def test_more_layers_with_pixels_of_their_own(name, tmp_path):
    check(*CASES[name], tmp_path, frames=3, stalls=(0.0, 0.4))


@pytest.mark.parametrize(("m", "cycles"), [(1, 1025), (2, 513), (4, 257)])
def test_a_first_layer_is_as_much_faster(m, cycles):
    """Three channels of 32 by 32 pixels: one cycle more than groups, for the padding."""
    graph = act(conv(image(32, 32, 3), "c", "x", 16, 3), "a", "c")
    flow = size_fifos(plan(graph, fold(c=Fold(16, 27, m))))
    assert performance(flow).ii_cycles == cycles


@pytest.mark.parametrize(
    ("graph", "folding", "message"),
    [
        (single(), fold(c=Fold(m=7)), r"c: M=7 is outside 1\.\.6 \(pixels of a row\)"),
        (
            conv(image(4, 5, 6), "c", "x", 9, 3, groups=3),
            fold(c=Fold(m=2)),
            r"c: M=2 cannot be built for 3 groups; raise PE or SIMD",
        ),
        (single(4, pads=(1, 2, 1, 2)), fold(c=Fold(m=2)), "c: M=2 cannot be built where padding"),
        (depthwise(), fold(c=Fold(3, 2, 2)), r"c: PE=3, SIMD=2, M=2 cannot be fed; .* SIMD=9"),
        (total(), fold(p=Fold(m=2)), r"p: M=2 is outside 1\.\.1"),
        (
            grow(image(2, 3, 2), "y", ops.Upsample((2, 2))),
            fold(y=Fold(m=2)),
            "y: M=2, but Upsample moves one pixel at a time",
        ),
    ],
)
def test_pixels_that_cannot_come_at_once_are_refused(graph, folding, message):
    with pytest.raises(FoldingError, match=message):
        plan(graph, folding)
