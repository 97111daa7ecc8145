"""What verification says about right and wrong designs."""

import numpy as np
import pytest

from hwgen.emit import emit
from hwgen.errors import InputError, VerificationError
from hwgen.verify import Progress, engines, verify
from hwgen.verify.locate import blame
from tests.verify.parts import HIGH, LOW, Add, chain

SHAPE, LANES, FRAMES = (2, 3), 2, 9
AMARANTH = engines()["amaranth"]


def check(models, engine=AMARANTH, frames=FRAMES, **faults):
    graph, flow = chain([3, -1, 3, 1], SHAPE, LANES, **faults)
    rng = np.random.default_rng(0)
    codes = rng.integers(LOW, HIGH + 1, (frames, *SHAPE))
    return verify(emit(flow, make=Add), graph, codes, engine=engine, folder=models)


def test_a_right_design_is_good(models):
    result = check(models)
    result.require()
    assert result.good
    assert result.values == 2 * FRAMES * 6
    assert result.frames == 2 * FRAMES
    assert result.mismatches == 0
    assert result.cycles_predicted == result.cycles_simulated > 0


@pytest.mark.parametrize("engine", ["amaranth", "cxxrtl"])
def test_a_wrong_layer_is_named_with_its_channel(engine, models):
    result = check(models, engines()[engine], layer2={"wrong": 1})
    # word 1 of each pixel, lane 0 is channel 2
    assert result.mismatches == 2 * FRAMES * 2
    assert result.divergence is not None
    assert result.divergence.layer == "layer2"
    assert result.divergence.pixel == (0,)
    assert result.divergence.channel == 2
    assert (result.divergence.got - result.divergence.expected) % 16 == 1
    with pytest.raises(
        VerificationError, match=r"36 of 108 .*frame 0, layer layer2 \(model/layer2\).*channel 2"
    ):
        result.require()


def test_the_first_of_two_wrong_layers_is_named(models):
    result = check(models, layer1={"wrong": 0}, layer3={"wrong": 1})
    assert result.divergence is not None
    assert (result.divergence.layer, result.divergence.channel) == ("layer1", 0)


def test_a_wrong_prediction_is_reported(models):
    result = check(models, layer1={"latency": 2})
    assert not result.mismatches
    assert result.late is not None
    assert (result.late.side, result.late.transfer) == ("output", 0)
    assert result.late.predicted == result.late.simulated + 1
    with pytest.raises(VerificationError, match=r"output transfer 0 happens in cycle 4 .*was 5"):
        result.require()


def test_a_hang_names_the_layer_that_stopped(models):
    result = check(models, layer1={"stuck": 10})
    assert result.mismatches == 2 * (FRAMES * 6 - 2 * 6)
    with pytest.raises(
        VerificationError,
        match=r"hangs .* layer1 stopped taking after 10 of 36 transfers from layer0",
    ):
        result.require()


def test_no_frames_are_refused(models):
    with pytest.raises(InputError, match="at least one frame"):
        check(models, frames=0)


def test_a_layer_that_swallows_is_named():
    progress = (Progress("a", "b", 8, 8, False), Progress("b", "output", 3, 8, False))
    assert blame(progress) == "layer b gave 3 of 8 transfers"
