"""Small integer graphs, built directly."""

from itertools import pairwise

import numpy as np

from hwgen.ir import Fold, Folding, Graph, Input, Node, TensorType, ops


def fold(**layers):
    """Return a folding from ``name=(pe, simd)`` or ``name=Fold(...)``."""
    return Folding(
        {n: f if isinstance(f, Fold) else Fold(pe=f[0], simd=f[1]) for n, f in layers.items()}
    )


def weights(rng, mh, mw, low=-1, high=1):
    values = rng.integers(low, high + 1, (mh, mw))
    if low == -1 and high == 1:
        values[rng.random((mh, mw)) < 0.1] = 0
    return values


def thresholds(rng, graph, tensor, steps):
    """Return levels spread over the range that the tensor really has on random inputs."""
    kind = graph.types[tensor]
    x = codes(rng, graph, 200)
    seen = graph.run_all(x)[tensor].reshape(-1, kind.channels)
    spread = np.quantile(seen, (np.arange(steps) + 1) / (steps + 1), axis=0).T
    return np.sort(np.round(spread).astype(np.int64), axis=1)


def codes(rng, graph, frames):
    """Return random input codes, the ends of the range included."""
    kind = graph.inputs[0].type
    if kind.bipolar:
        return rng.choice(np.array([-1, 1]), (frames, *kind.shape))
    x = rng.integers(kind.low, kind.high + 1, (frames, *kind.shape))
    x[0], x[-1] = kind.low, kind.high
    return x


def grow(graph, name, op, *inputs, source=""):
    """Return the graph with a node behind its output; ``op`` may be a function of the graph."""
    before = inputs or graph.outputs
    node = Node(name, op, before, source)
    return Graph(graph.inputs, (*graph.nodes, node), (name,))


def start(kind):
    return Graph((Input("x", kind),), (), ("x",))


def mlp(widths, *, kind=None, steps=3, seed=0, argmax=True, bipolar=False):
    """Return a perceptron: Mvu and Threshold per hidden layer, Mvu, ArgMax."""
    rng = np.random.default_rng(seed)
    graph = start(kind or TensorType((widths[0],), 0, 3))
    for number, (mw, mh) in enumerate(pairwise(widths)):
        last = number == len(widths) - 2
        matrix = weights(rng, mh, mw)
        if bipolar:
            matrix = rng.choice(np.array([-1, 1]), (mh, mw))
        graph = grow(graph, f"fc{number}", ops.Mvu(matrix), source=f"model.fc{number}")
        if not last:
            levels = thresholds(rng, graph, f"fc{number}", 1 if bipolar else steps)
            op = ops.Threshold(levels, bipolar=bipolar)
            graph = grow(graph, f"act{number}", op, source=f"model.act{number}")
    return grow(graph, "top", ops.ArgMax()) if argmax else graph
