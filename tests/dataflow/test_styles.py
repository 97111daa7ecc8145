"""Every way to sum products, in whole designs: every integer, every cycle."""

import numpy as np
import pytest

from hwgen.dataflow import plan, size_fifos
from hwgen.emit import emit
from hwgen.errors import FoldingError
from hwgen.estimate import unit_cost
from hwgen.ir import Fold, TensorType, ops
from hwgen.verify import engines, verify
from tests.dataflow.conv_nets import act, conv, image
from tests.dataflow.nets import codes, fold, grow, mlp, start, weights


def check(graph, folding, folder):
    """Simulate ``graph`` and compare everything; return its matrices."""
    flow = size_fifos(plan(graph, folding))
    x = codes(np.random.default_rng(1), graph, 3)
    engine = engines()["amaranth"]
    verify(emit(flow), graph, x, engine=engine, folder=folder, stalls=(0.0, 0.4)).require()
    return [unit for unit in flow.units if hasattr(unit, "weights")]


def windows():
    """A convolution whose window comes whole, and one behind it."""
    graph = act(conv(image(4, 6, 2), "c", "x", 3, 3), "a", "c")
    return conv(graph, "d", "a", 4, 1)


@pytest.mark.parametrize("m", [1, 2])
def test_windows_that_come_whole(m, tmp_path):
    found = check(windows(), fold(c=Fold(pe=3, simd=18, m=m, style="const"), d=(4, 3)), tmp_path)
    assert [unit.style for unit in found] == ["const", "const"]


@pytest.mark.parametrize("memory", ["const", "bram"])
def test_multipliers(memory, tmp_path):
    first = Fold(pe=2, simd=9, style="dsp", memory=memory)
    folding = fold(c=first, d=Fold(pe=4, simd=2, m=2, style="dsp"))
    found = check(windows(), folding, tmp_path)
    assert [unit.style for unit in found] == ["dsp", "dsp"]
    for unit in found:
        assert unit_cost(unit, "xc7").dsp == unit.m * unit.plan.multipliers


def test_whole_matrices_are_constant_unless_asked(tmp_path):
    graph = mlp((6, 5, 3), argmax=False)
    assert [u.style for u in check(graph, fold(fc0=(5, 6), fc1=(3, 4)), tmp_path)] == [
        "const",
        "lut",
    ]
    kept = plan(graph, fold(fc0=Fold(5, 6, style="lut"), fc1=Fold(3, 5, memory="bram")))
    assert [unit.style for unit in kept.units if hasattr(unit, "weights")] == ["lut", "lut"]


def test_matrices_of_several_groups_cannot_be_constant():
    several = np.stack([weights(np.random.default_rng(2), 2, 3) for _ in range(2)])
    graph = grow(start(TensorType((6,), 0, 3)), "g", ops.GroupedMvu(several))
    with pytest.raises(FoldingError, match=r"g: style='const' .* but it has 2 groups"):
        plan(graph, fold(g=Fold(2, 3, style="const")))


@pytest.mark.parametrize("style", ["dsp", "const"])
def test_depthwise_layers_have_one_style(style):
    graph = grow(start(TensorType((36,), 0, 3)), "v", ops.Vvu(np.ones((4, 9), np.int64)))
    with pytest.raises(FoldingError, match=rf"v: style='{style}' cannot be built for a depthwise"):
        plan(graph, fold(v=Fold(style=style)))
