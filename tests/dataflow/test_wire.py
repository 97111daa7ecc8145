import numpy as np
import pytest

from hwgen.dataflow.streams import Stream
from hwgen.dataflow.wire import pack, unpack
from hwgen.ir import TensorType

KINDS = [
    TensorType((5,), 0, 1),
    TensorType((2, 3), -4, 3),
    TensorType((7,), -1, 1, bipolar=True),
    TensorType((2, 2, 3), -5, 1000),
    TensorType((3,), -(2**40), 2**40),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lanes", [1, 2, 3, 7])
@pytest.mark.parametrize("times", [1, 3])
def test_unpack_undoes_pack(kind, lanes, times):
    rng = np.random.default_rng(1)
    stream = Stream("s", "t", kind, lanes, times)
    if kind.bipolar:
        codes = rng.choice([-1, 1], (4, *kind.shape))
    else:
        codes = rng.integers(kind.low, kind.high + 1, (4, *kind.shape))
        codes.flat[:2] = kind.low, kind.high

    words = pack(codes, stream, rng)

    assert words.shape == (4 * stream.transfers, -(-lanes * kind.bits // 32))
    np.testing.assert_array_equal(unpack(words, stream), codes)


def test_lane_zero_lies_in_the_lowest_bits():
    stream = Stream("s", "t", TensorType((3,), -2, 1), 2)
    words = pack(np.array([[1, -2, -1]]), stream)
    assert words.tolist() == [[0b1001], [0b0011]]


def test_padding_is_random_only_when_asked():
    stream = Stream("s", "t", TensorType((1,), 0, 255), 3)
    codes = np.zeros((50, 1), dtype=np.int64)
    assert not pack(codes, stream).any()
    random = pack(codes, stream, np.random.default_rng(0))
    assert random.any()
    assert not (random & 255).any()


def test_layouts_agree_where_no_lane_is_padded():
    flat, image = TensorType((12,), 0, 1), TensorType((3, 4), 0, 1)
    assert Stream("a", "a", flat, 4).same_layout(Stream("b", "b", image, 4))
    assert not Stream("a", "a", flat, 3).same_layout(Stream("b", "b", image, 3))
    assert not Stream("a", "a", flat, 4).same_layout(Stream("b", "b", flat, 2))
    assert Stream("a", "a", image, 3).same_layout(Stream("b", "b", image, 3))
