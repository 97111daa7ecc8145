"""Drop thresholds that say nothing, and shorten the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hwgen.ir import Graph, Node
from hwgen.ir.ops import Threshold
from hwgen.passes.ranges import channel_range


@dataclass(frozen=True)
class TrimThresholds:
    """Pull levels into what each channel can reach; drop steps that are the same for all.

    A level at or below a channel's smallest accumulator is always reached, one above its largest
    never: both move to the nearest such value. A first step that every channel always reaches
    becomes part of ``low``; a last step that none reaches goes. One step stays in any case.
    """

    name: ClassVar[str] = "trim-thresholds"

    def __call__(self, graph: Graph) -> Graph:
        for node in graph.nodes:
            if isinstance(node.op, Threshold):
                trimmed = _trim(graph, node, node.op)
                if not _same(trimmed, node.op):
                    graph = graph.replace_op(node.name, trimmed)
        return graph


def _trim(graph: Graph, node: Node, op: Threshold) -> Threshold:
    low, high = channel_range(graph, node.inputs[0])
    levels = np.clip(op.thresholds, low[:, None], high[:, None] + 1)
    if op.bipolar:
        return Threshold(levels, op.low, bipolar=True)
    always = int((levels <= low[:, None]).all(axis=0).sum())
    never = int((levels > high[:, None]).all(axis=0).sum())
    steps = levels.shape[1]
    always = min(always, steps - 1)
    never = min(never, steps - 1 - always)
    return Threshold(np.ascontiguousarray(levels[:, always : steps - never]), op.low + always)


def _same(a: Threshold, b: Threshold) -> bool:
    return a.low == b.low and np.array_equal(a.thresholds, b.thresholds)
