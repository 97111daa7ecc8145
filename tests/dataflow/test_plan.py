"""Units and streams that a graph and a folding lead to."""

import numpy as np
import pytest

from hwgen.dataflow import plan
from hwgen.dataflow import units as u
from hwgen.errors import FoldingError, UnsupportedError
from hwgen.ir import Fold, TensorType, ops
from tests.dataflow.nets import fold, grow, mlp, start, weights

RNG = np.random.default_rng(0)


def kinds(flow):
    return [type(unit).__name__.removesuffix("Unit") for unit in flow.units]


def test_an_unfolded_layer_needs_nothing_around_it():
    flow = plan(mlp((6, 4), argmax=False), fold(fc0=(4, 6)))
    assert kinds(flow) == ["Mvu"]
    assert flow.streams[flow.input].lanes == 6
    assert flow.streams[flow.output].lanes == 4


def test_an_mlp_has_a_fifo_between_layers_and_replays_where_pe_folds():
    flow = plan(mlp((6, 4, 3)), fold(fc0=(2, 3), fc1=(1, 4)))
    assert kinds(flow) == [
        *("Replay", "Mvu", "Threshold"),
        *("Fifo", "Converter", "Replay", "Mvu", "ArgMax"),
    ]
    assert [unit.node for unit in flow.units] == ["fc0", "fc0", "act0", *["fc1"] * 4, "top"]
    assert {unit.node: unit.name for unit in flow.units}["fc0"] == "fc0"
    replay = flow["fc1.replay"]
    assert (replay.words, replay.times, replay.depth) == (1, 3, 2)
    assert flow.streams["act0"].lanes == 2
    assert flow.streams["fc1.replay"].transfers == 3
    assert flow.streams[flow.output].lanes == 1


def test_lanes_that_do_not_divide_are_padded():
    flow = plan(mlp((7, 5), argmax=False), fold(fc0=(2, 3)))
    assert flow.streams[flow.input].transfers == 3
    assert flow.streams["fc0.replay"].transfers == 9
    assert flow.streams[flow.output].transfers == 3
    flow = plan(mlp((7, 5, 3)), fold(fc0=(2, 3), fc1=(3, 5)))
    assert flow["act0"].thresholds.shape == (6, 3)
    np.testing.assert_array_equal(flow["act0"].thresholds[5], flow["act0"].thresholds[4])


def test_an_input_quantizer_folds_by_itself():
    rng = np.random.default_rng(1)
    graph = start(TensorType((6,), 0, 255))
    graph = grow(graph, "quant", ops.Threshold(np.sort(rng.integers(0, 256, (6, 3)), axis=1)))
    graph = grow(graph, "fc0", ops.Mvu(weights(rng, 4, 6)))
    flow = plan(graph, fold(quant=(2, 1), fc0=(4, 3)))
    assert kinds(flow) == ["Threshold", "Fifo", "Converter", "Mvu"]
    assert flow.streams[flow.input].lanes == 2
    with pytest.raises(FoldingError, match=r"quant: PE=7 is outside 1\.\.6"):
        plan(graph, fold(quant=(7, 1), fc0=(4, 3)))


@pytest.mark.parametrize(
    ("shape", "pe", "simd", "between"),
    [
        ((2, 4), 4, 8, ["Converter"]),  # no padding on either side: one gearbox
        ((2, 4), 2, 2, []),  # same lanes, no padding: the elements flow on
        ((2, 3), 2, 6, ["Converter", "Converter"]),  # padding at every pixel must go first
        ((2, 3), 2, 2, ["Converter", "Converter"]),
        ((2, 3), 3, 6, ["Converter"]),
        ((2, 3), 2, 3, ["Converter"]),
    ],
)
def test_reshape_moves_padding_only_where_there_is_some(shape, pe, simd, between):
    pixels, channels = shape
    graph = start(TensorType((pixels, 5), 0, 3))
    graph = grow(graph, "conv", ops.Mvu(weights(RNG, channels, 5)))
    graph = grow(graph, "flat", ops.Reshape((pixels * channels,)))
    graph = grow(graph, "fc", ops.Mvu(weights(RNG, 2, pixels * channels)))
    flow = plan(graph, fold(conv=(pe, 5), fc=(2, simd)))
    found = kinds(flow)
    assert found[found.index("Fifo") + 1 : -1] == between
    for unit in flow.units:
        if isinstance(unit, u.ConverterUnit):
            taken = flow.streams[unit.inputs[0]].transfers
            given = flow.streams[unit.outputs[0]].transfers
            periods = pixels * channels // unit.elements
            assert taken == periods * -(-unit.elements // unit.lanes_in)
            assert given == periods * -(-unit.elements // unit.lanes_out)


def test_a_reshape_of_the_input_costs_nothing():
    graph = start(TensorType((2, 3, 1), 0, 3))
    graph = grow(graph, "flat", ops.Reshape((6,)))
    graph = grow(graph, "fc", ops.Mvu(weights(RNG, 2, 6)))
    graph = grow(graph, "out", ops.Reshape((2, 1)))
    flow = plan(graph, fold(fc=(2, 4)))
    assert kinds(flow) == ["Mvu"]
    assert flow.streams[flow.input].type.shape == (6,)
    assert flow.streams[flow.input].transfers == 2


@pytest.mark.parametrize(
    ("folding", "message"),
    [
        (fold(fc0=(5, 1)), r"fc0: PE=5 is outside 1\.\.4 \(MH\)"),
        (fold(fc0=(1, 7)), r"fc0: SIMD=7 is outside 1\.\.6 \(MW\)"),
        (fold(fc0=(0, 1)), r"fc0: PE=0 is outside"),
        (fold(fc0=Fold(m=2)), r"fc0: M=2 is outside 1\.\.1 \(pixels of a row\)"),
        (
            fold(fc0=Fold(pe=4, simd=3, style="const")),
            r"fc0: style='const' builds .* PE=4 and SIMD=6 in one group, but PE=4 and SIMD=3;",
        ),
        (
            fold(fc0=Fold(pe=4, simd=6, style="const", memory="bram")),
            r"fc0: memory='bram' cannot hold the weights of style='const'",
        ),
        (fold(fc1=(1, 1)), r"names layer fc1, which the network lacks; did you mean fc0\?"),
    ],
)
def test_bad_folds_are_refused(folding, message):
    with pytest.raises(FoldingError, match=message):
        plan(mlp((6, 4), argmax=False), folding)


def test_codes_too_wide_for_a_multiplier_are_refused():
    graph = grow(start(TensorType((6,), 0, 2**18)), "fc", ops.Mvu(weights(RNG, 2, 6)))
    with pytest.raises(FoldingError, match=r"fc: style='dsp' multiplies .* its codes have 19 bits"):
        plan(graph, fold(fc=Fold(style="dsp")))


def test_networks_without_hardware_are_refused():
    graph = start(TensorType((6,), 0, 3))
    with pytest.raises(UnsupportedError, match="computes nothing"):
        plan(grow(graph, "flat", ops.Reshape((2, 3))), fold())
    whole = mlp((6, 4), argmax=False)
    two = type(whole)(whole.inputs, whole.nodes, ("fc0", "fc0"))
    with pytest.raises(UnsupportedError, match="1 inputs and 2 outputs"):
        plan(two, fold())


def test_equal_units_have_equal_keys_wherever_they_stand():
    first = plan(mlp((6, 4, 3), seed=1), fold(fc0=(2, 3)))
    again = plan(mlp((6, 4, 3), seed=1), fold(fc0=(2, 3)))
    other = plan(mlp((6, 4, 3), seed=2), fold(fc0=(2, 3)))
    assert [unit.key for unit in first.units] == [unit.key for unit in again.units]
    assert first["fc0"].key == first["fc0"].moved(name="z", inputs=("y",)).key
    assert first["fc0"].key != other["fc0"].key
    assert len({unit.key for unit in first.units}) == len(first.units)
