"""Any layout of a stream to any other, by converters as they are planned."""

from dataclasses import replace

import numpy as np
import pytest

from hwgen.dataflow import Stream, pack, unpack
from hwgen.dataflow.regroup import regroup
from hwgen.dataflow.wire import words_of
from hwgen.ir import TensorType

BITS = 3


def convert(words, part):
    """What a width converter does: groups of elements, each ``m`` codes, to words of others."""
    codes = np.unpackbits(words.view(np.uint8), axis=1, bitorder="little")
    codes = codes[:, : part.m * part.lanes_in * BITS].reshape(-1, part.m, part.lanes_in, BITS)
    elements = codes.swapaxes(1, 2)  # (words, lanes, m, bits)
    into, out = -(-part.elements // part.lanes_in), -(-part.elements // part.lanes_out)
    assert len(words) % into == 0, "whole groups make a frame"
    groups = elements.reshape(-1, into * part.lanes_in, part.m, BITS)[:, : part.elements]
    spare = out * part.lanes_out - part.elements
    padded = np.pad(groups, ((0, 0), (0, spare), (0, 0), (0, 0)), constant_values=1)
    codes = padded.reshape(-1, part.lanes_out, part.m, BITS).swapaxes(1, 2)
    flags = codes.reshape(len(codes), -1)
    length = words_of(flags.shape[1])
    packed = np.packbits(flags, axis=1, bitorder="little")
    return np.pad(packed, ((0, 0), (0, 4 * length - packed.shape[1]))).view(np.uint32)


def layouts(shape):
    """Every way to lay a small tensor out, its pixels also joined to one."""
    for kind in (shape, (shape[0] * shape[1], shape[2]), (shape[0] * shape[1] * shape[2],)):
        kind = TensorType(kind, 0, 7)
        for lanes in range(1, min(kind.channels, 6) + 1):
            for m in range(1, min(kind.row, 4) + 1):
                yield Stream("", "x", kind, lanes, m=m)


@pytest.mark.parametrize("shape", [(2, 6, 4), (2, 5, 3), (3, 4, 1)])
def test_any_layout_becomes_any_other(shape):
    rng = np.random.default_rng(1)
    x = rng.integers(0, 8, (2, *shape))
    every = list(layouts(shape))
    for have in every:
        for want in [every[n] for n in rng.choice(len(every), 20)]:
            words, last = pack(x.reshape(2, *have.type.shape), have, rng), have
            for part in regroup(have, want):
                words = convert(words, part)
                assert len(words) == 2 * part.out.transfers
                last = replace(part.out, type=part.out.type)
            assert last.same_layout(want)
            assert words.shape[0] == 2 * want.transfers
            np.testing.assert_array_equal(unpack(words, want).reshape(x.shape), x)


def test_what_is_alike_needs_no_converter():
    kind = TensorType((3, 4, 2), 0, 7)
    both = Stream("", "x", kind, 2, m=2), Stream("", "x", TensorType((6, 4), 0, 7), 4)
    assert not list(regroup(*both))
    assert not list(regroup(*reversed(both)))
    halves = Stream("", "x", kind, 1, m=2)
    assert [part.suffix for part in regroup(halves, replace(halves, lanes=2))] == ["width"]
    assert [part.suffix for part in regroup(halves, replace(halves, m=4))] == [
        "pixels",
        "width",
        "split",
    ]
