"""Small convolutional graphs, built directly."""

import numpy as np

from hwgen.ir import TensorType, ops
from tests.dataflow.nets import grow, start, thresholds, weights


def swu(x, kernel, stride=1, pads=None, dilation=1, code=0, groups=1):
    """Return a window for a tensor of type ``x``; ``pads`` of None keep the size (stride 1)."""
    axes = len(x.shape) - 1
    kernel = (kernel,) * axes if isinstance(kernel, int) else kernel
    if pads is None:
        reach = [(k - 1) * dilation for k in kernel]
        pads = tuple(r // 2 for r in reach) + tuple(r - r // 2 for r in reach)
    return ops.Swu(kernel, (stride,) * axes, (dilation,) * axes, pads, code, groups)


def conv(graph, name, x, channels, kernel, *, low=-1, high=1, seed=0, **window):
    """Return the graph with a convolution of ``x``."""
    rng = np.random.default_rng(seed + 100)
    op = swu(graph.types[x], kernel, **window)
    graph = grow(graph, f"{name}_window", op, x)
    columns = graph.types[f"{name}_window"].channels
    if op.groups > 1:
        shape = op.groups, channels // op.groups, columns // op.groups
        matrix = ops.GroupedMvu(rng.integers(low, high + 1, shape))
    else:
        matrix = ops.Mvu(weights(rng, channels, columns, low, high))
    return grow(graph, name, matrix, f"{name}_window", source=f"model.{name}")


def act(graph, name, x, steps=3, *, low=0, bipolar=False):
    """Return the graph with thresholds behind ``x``."""
    rng = np.random.default_rng(7)
    levels = thresholds(rng, graph, x, 1 if bipolar else steps)
    return grow(graph, name, ops.Threshold(levels, low=low, bipolar=bipolar), x)


def image(height=6, width=5, channels=3, low=0, high=3):
    return start(TensorType((height, width, channels), low, high))


def one(value):
    return np.array([value], np.int64)


def residual(channels=4, identity=True, deep=False):
    """Return two branches of very different latency that meet again.

    identity : one branch holds no layer
    deep : a second such block lies within the long branch
    """
    graph = image(6, 5, 3)
    graph = act(conv(graph, "first", "x", channels, 3), "a", "first")
    long = "a"
    if deep:
        graph = act(conv(graph, "inner", "a", channels, 3, seed=4), "inner_act", "inner", low=-2)
        graph = grow(graph, "inner_sum", ops.Add(one(1), one(2)), "inner_act", "a")
        graph = act(graph, "inner_out", "inner_sum")
        long = "inner_out"
    graph = act(conv(graph, "c1", long, channels, 3, seed=1), "b1", "c1")
    graph = act(conv(graph, "c2", "b1", channels, 3, seed=2), "b2", "c2", low=-2)
    short = "a"
    if not identity:
        graph = act(conv(graph, "skip", "a", channels, 1, seed=3), "short", "skip", low=-1)
        short = "short"
    graph = grow(graph, "sum", ops.Add(one(3), one(1)), "b2", short)
    graph = act(graph, "out", "sum")
    kind = graph.types["out"]
    graph = grow(graph, "flat", ops.Reshape((kind.size,)))
    graph = grow(graph, "mean", ops.SumPool(kind.pixels))
    rng = np.random.default_rng(5)
    return grow(graph, "fc", ops.Mvu(weights(rng, 3, channels)))
