"""Every op of convolutional networks, alone and together: every integer, every cycle."""

import numpy as np
import pytest

from hwgen.dataflow import plan, size_fifos
from hwgen.emit import emit
from hwgen.ir import TensorType, ops
from hwgen.verify import engines, verify
from tests.dataflow.conv_nets import act, conv, image, one, swu
from tests.dataflow.nets import codes, fold, grow, start, weights

AMARANTH = engines()["amaranth"]
RNG = np.random.default_rng(11)
BITS = TensorType((5, 4, 4), -1, 1, bipolar=True)


def check(graph, folding, folder, frames=3, stalls=(0.0, 0.4), engine=AMARANTH):
    """Simulate ``graph`` and compare everything; return the dataflow."""
    flow = size_fifos(plan(graph, folding))
    x = codes(np.random.default_rng(1), graph, frames)
    verify(emit(flow), graph, x, engine=engine, folder=folder, stalls=stalls).require()
    return flow


def plain():
    return conv(image(5, 4, 4, -2, 1), "c", "x", 6, 3)


def line():
    """One axis, even kernel, stride, dilation, one-sided padding with another code than zero."""
    graph = start(TensorType((11, 4), 0, 3))
    op = ops.Swu((2,), (2,), (3,), (3, 0), 1)
    return grow(grow(graph, "w", op), "c", ops.Mvu(weights(RNG, 5, 8)))


def strided():
    return conv(image(6, 6, 4), "c", "x", 4, 1, stride=2, pads=(0, 0, 0, 0))


def far_padding():
    """A window that lies in the padding alone, as a transposed convolution makes them."""
    graph = image(3, 3, 2)
    graph = grow(graph, "z", ops.ZeroInsert((2, 2)))
    op = ops.Swu((2, 2), (1, 1), (1, 1), (2, 1, 1, 2), 0)
    return grow(grow(graph, "w", op), "c", ops.Mvu(weights(RNG, 3, 8)))


def grouped():
    return conv(image(4, 5, 6), "c", "x", 9, 3, groups=3)


def depthwise(shape=(5, 4, 6), stride=1):
    graph = start(TensorType(shape, -4, 3))
    graph = grow(graph, "w", swu(graph.types["x"], 3, stride, (1, 1, 1, 1)))
    return grow(graph, "c", ops.Vvu(RNG.integers(-3, 4, (shape[-1], 9))))


def pooled(op, kind=None, **window):
    graph = start(kind or TensorType((6, 4, 5), -3, 4))
    graph = grow(graph, "w", swu(graph.types["x"], 2, 2, **window))
    return grow(graph, "p", op(4))


def bipolar():
    graph = conv(start(BITS), "c", "x", 4, 3, pads=(0, 0, 0, 0))
    return act(graph, "a", "c", bipolar=True)


def shared():
    """Two convolutions read the same window."""
    graph = conv(image(4, 4, 2), "a", "x", 4, 3)
    graph = grow(graph, "b", ops.Mvu(weights(RNG, 4, 18)), "a_window")
    return grow(graph, "y", ops.Add(np.arange(4) - 1, one(2)), "a", "b")


def alone():
    """Something other than a matrix reads the window."""
    graph = image(4, 3, 2)
    graph = grow(graph, "w", swu(graph.types["x"], 3))
    return grow(graph, "t", ops.Table(RNG.integers(-4, 5, (18, 4)), 0))


def twice():
    return grow(image(3, 2, 5), "y", ops.Add(one(3), one(-1)), "x", "x")


def parts():
    """Split, weigh one part, join the parts of different types, enlarge, cut."""
    graph = image(3, 2, 6)
    graph = grow(graph, "low", ops.Slice(0, 2), "x")
    graph = grow(graph, "rest", ops.Slice(2, 6), "x")
    graph = grow(graph, "weighed", ops.Affine(np.array([3, -2]), np.array([1, 0])), "low")
    graph = grow(graph, "joined", ops.Concat(), "weighed", "rest", "low")
    graph = grow(graph, "up", ops.Upsample((2, 3)), "joined")
    return grow(graph, "y", ops.Slice(1, 7), "up")


def padded(code=0, kind=None):
    return grow(start(kind or TensorType((2, 3, 3), 0, 3)), "y", ops.Pad((1, 0, 2, 1), code))


def shuffled(mode):
    return grow(image(2, 3, 8), "y", ops.DepthToSpace(2, mode))


def flattened():
    """Vectors of several pixels on the lanes of one pixel: nothing to regroup, all to replay."""
    graph = grow(image(2, 3, 4), "t", ops.Table(RNG.integers(-4, 5, (4, 4)), 0))
    graph = grow(graph, "flat", ops.Reshape((24,)))
    return grow(graph, "fc", ops.Mvu(weights(RNG, 5, 24)))


CASES = {
    "taps": (plain(), fold(c=(3, 2)), ["Swu", "Mvu"]),
    "unfolded taps": (plain(), fold(c=(6, 4)), ["Swu", "Mvu"]),
    "serial": (plain(), fold(c=(1, 1)), ["Swu", "Mvu"]),
    "wide": (plain(), fold(c=(2, 3)), ["Swu", "Converter", "Mvu"]),
    "narrow": (plain(), fold(c=(2, 12)), ["Swu", "Converter", "Replay", "Mvu"]),
    "whole, cut up": (plain(), fold(c=(6, 5)), ["Lines", "Windows", "Converter", "Mvu"]),
    "whole": (plain(), fold(c=(6, 36)), ["Lines", "Windows", "Mvu"]),
    "whole in words": (plain(), fold(c=(3, 18)), ["Lines", "Windows", "Replay", "Mvu"]),
    "line": (line(), fold(c=(2, 4)), ["Swu", "Mvu"]),
    "whole line": (line(), fold(c=(5, 8)), None),
    "strided": (strided(), fold(c=(2, 1)), ["Swu", "Converter", "Mvu"]),
    "flattened": (flattened(), fold(t=(2, 1), fc=(2, 2)), ["Table", "Fifo", "Replay", "Mvu"]),
    "far padding": (
        far_padding(),
        fold(c=(3, 2), z=(2, 1)),
        ["Insert", "Fifo", "Insert", "Swu", "Mvu"],
    ),
    "grouped": (grouped(), fold(c=(3, 2)), ["Swu", "Mvu"]),
    "grouped, padded": (grouped(), fold(c=(2, 5)), None),
    "depthwise": (depthwise(), fold(c=(2, 1)), ["Swu", "Vvu"]),
    "depthwise, padded": (depthwise(), fold(c=(4, 1)), ["Swu", "Vvu"]),
    "depthwise, whole": (depthwise(), fold(c=(3, 9)), ["Lines", "Windows", "Vvu"]),
    "depthwise, parts": (
        depthwise((5, 4, 2)),
        fold(c=(2, 4)),
        ["Lines", "Windows", "Converter", "Vvu"],
    ),
    "depthwise, stride": (depthwise(stride=2), fold(c=(6, 1)), ["Swu", "Vvu"]),
    "max": (pooled(ops.MaxPool), fold(p=(2, 1)), ["Swu", "Pool"]),
    "max of bits": (pooled(ops.MaxPool, BITS, code=-1, pads=(1, 0, 0, 1)), fold(p=(4, 1)), None),
    "sum": (pooled(ops.SumPool), fold(p=(5, 1)), ["Swu", "Pool"]),
    "bipolar": (bipolar(), fold(c=(2, 4)), ["Swu", "Mvu", "Threshold"]),
    "shared window": (shared(), fold(a=(4, 2), b=(2, 18)), None),
    "window alone": (alone(), fold(), ["Swu", "Table"]),
    "added to itself": (twice(), fold(y=(2, 1)), None),
    "parts": (parts(), fold(joined=(2, 1), up=(3, 1)), None),
    "pad": (padded(), fold(y=(2, 1)), ["Insert"]),
    "pad bits with zero": (padded(0, BITS), fold(y=(3, 1)), ["Insert"]),
    "shuffle DCR": (shuffled("DCR"), fold(y=(2, 1)), ["DepthToSpace"]),
    "shuffle CRD": (shuffled("CRD"), fold(y=(2, 1)), ["DepthToSpace"]),
}


@pytest.mark.parametrize("name", CASES)
def test_equals_reference_and_token_model(name, tmp_path):
    graph, folding, units = CASES[name]
    flow = check(graph, folding, tmp_path)
    if units is not None:
        assert [type(unit).__name__.removesuffix("Unit") for unit in flow.units] == units
