"""Several output pixels at once: every integer, every cycle."""

import numpy as np
import pytest

from hwgen.dataflow import performance, plan, size_fifos
from hwgen.emit import emit
from hwgen.ir import Fold, TensorType, ops
from hwgen.verify import engines, verify
from tests.dataflow.conv_nets import act, conv, image, one
from tests.dataflow.nets import codes, fold, grow, start, weights

AMARANTH = engines()["amaranth"]


def check(graph, folding, folder, frames=3, stalls=(0.0, 0.4)):
    """Simulate ``graph`` and compare everything; return the dataflow."""
    flow = size_fifos(plan(graph, folding))
    x = codes(np.random.default_rng(1), graph, frames)
    verify(emit(flow), graph, x, engine=AMARANTH, folder=folder, stalls=stalls).require()
    return flow


def single(width=6, channels=3, kernel=3, **window):
    return conv(image(4, width, channels, -2, 1), "c", "x", 5, kernel, **window)


def line():
    graph = start(TensorType((12, 2), 0, 3))
    op = ops.Swu((4,), (2,), (1,), (1, 2), 1)
    return grow(grow(graph, "w", op), "c", ops.Mvu(weights(np.random.default_rng(2), 5, 8)))


def pointwise():
    """A convolution of single pixels, its window dropped."""
    graph = image(3, 6, 4)
    return act(grow(graph, "c", ops.Mvu(weights(np.random.default_rng(3), 6, 4))), "a", "c")


CASES = {
    "all at once": (single(), fold(c=Fold(5, 27, 2))),
    "channels in words": (single(channels=4), fold(c=Fold(5, 18, 2))),
    "several passes": (single(), fold(c=Fold(2, 27, 3))),
    "parts of windows": (single(), fold(c=Fold(3, 10, 2))),
    "serial": (single(), fold(c=Fold(1, 1, 2, memory="bram"))),
    "part of a group": (single(7), fold(c=Fold(5, 27, 3))),
    "a row": (single(4), fold(c=Fold(5, 9, 4, memory="lutram"))),
    "unpadded": (single(8, pads=(0, 0, 0, 0)), fold(c=Fold(5, 27, 2))),
    "stride": (single(8, stride=2, pads=(1, 1, 1, 1)), fold(c=Fold(5, 27, 2))),
    "stride, one pixel": (single(8, stride=2, pads=(0, 0, 1, 1)), fold(c=Fold(5, 14))),
    "dilation": (single(8, dilation=2), fold(c=Fold(5, 27, 2))),
    "large kernel": (single(6, 1, 5), fold(c=Fold(5, 25, 2))),
    "skips": (single(8, 2, 1, stride=2, pads=(0, 0, 0, 0)), fold(c=Fold(5, 2, 2))),
    "line": (line(), fold(c=Fold(5, 8, 2))),
    "line in parts": (line(), fold(c=Fold(2, 4, 4))),
    "pixels": (pointwise(), fold(c=Fold(6, 4, 3))),
    "pixels, folded": (pointwise(), fold(c=Fold(2, 3, 2))),
}


@pytest.mark.parametrize("name", CASES)
def test_equals_reference_and_token_model(name, tmp_path):
    check(*CASES[name], tmp_path)
