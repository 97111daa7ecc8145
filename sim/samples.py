"""Components whose synthesis calibrates the estimates: what networks are made of, at many folds."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from hwgen.dataflow import Element
from hwgen.dataflow import units as u
from hwgen.ir import TensorType, ops
from hwgen.ir.ops import IntArray
from sim.samples_pixels import pixel_units

_PLACE = ("", "", (), ())
BIPOLAR = Element(-1, 1, bipolar=True)

# (MH, MW), weight bits (1 is bipolar), input, foldings (PE, SIMD), memories or styles
_MATRICES: tuple[
    tuple[tuple[int, int], int, Element, tuple[tuple[int, int], ...], tuple[str, ...]], ...
] = (
    ((64, 64), 2, Element(0, 3), ((1, 4), (2, 8)), ("const", "bram")),
    ((64, 64), 2, Element(0, 3), ((4, 4), (8, 8), (13, 11), (16, 16)), ("const",)),
    ((64, 784), 2, Element(0, 3), ((2, 49),), ("const", "bram")),
    ((64, 784), 2, Element(0, 255), ((1, 8),), ("bram",)),
    ((64, 64), 1, BIPOLAR, ((2, 16), (8, 8), (4, 64)), ("const",)),
    ((64, 64), 1, Element(0, 3), ((4, 8), (8, 8)), ("const",)),
    ((128, 128), 3, Element(0, 7), ((2, 8),), ("const", "bram")),
    ((128, 128), 3, Element(0, 7), ((4, 16),), ("const",)),
    ((64, 64), 4, Element(0, 15), ((1, 4), (4, 4)), ("const",)),
    ((64, 64), 8, Element(-128, 127), ((4, 4),), ("const", "bram")),
    ((12, 256), 3, Element(0, 7), ((1, 2), (3, 16)), ("const",)),
    ((10, 64), 2, Element(0, 3), ((1, 4), (5, 8), (10, 64)), ("const",)),
    ((16, 32), 2, Element(0, 3), ((16, 32), (8, 32), (16, 8)), ("const",)),
    ((8, 24), 4, Element(0, 15), ((8, 24), (4, 12)), ("const",)),
    ((64, 576), 1, BIPOLAR, ((4, 64), (8, 96)), ("const",)),
    ((64, 27), 1, Element(-128, 127), ((6, 27),), ("const",)),
    ((64, 288), 2, Element(0, 3), ((4, 72),), ("const", "bram")),
    ((64, 784), 2, Element(-1, 1), ((2, 49), (8, 66)), ("const", "bram")),
    ((64, 64), 2, Element(-1, 1), ((1, 6), (4, 16)), ("const",)),
    ((10, 64), 2, Element(-1, 1), ((10, 1),), ("const",)),
    ((128, 576), 2, Element(0, 3), ((2, 64), (8, 36)), ("bram",)),
    ((256, 256), 1, BIPOLAR, ((4, 32),), ("const", "bram")),
    ((64, 64), 1, BIPOLAR, ((1, 1), (2, 2)), ("bram",)),
    ((10, 64), 1, BIPOLAR, ((10, 1),), ("const",)),
    ((64, 784), 1, BIPOLAR, ((2, 28),), ("bram",)),
    ((64, 64), 2, Element(0, 3), ((1, 1), (1, 2)), ("bram",)),
    ((16, 144), 2, Element(0, 3), ((1, 1), (2, 3)), ("bram",)),
    ((16, 32), 2, Element(0, 3), ((1, 1),), ("const",)),
    ((10, 100), 2, Element(0, 7), ((1, 1), (5, 1)), ("const",)),
    ((32, 96), 4, Element(0, 15), ((1, 1), (1, 3)), ("bram",)),
    ((256, 576), 2, Element(0, 3), ((1, 1), (1, 4)), ("bram",)),
    ((64, 64), 2, Element(0, 15), ((4, 8), (16, 16)), ("dsp",)),
    ((32, 144), 2, Element(0, 3), ((8, 12), (4, 36)), ("dsp",)),
    ((64, 64), 4, Element(0, 15), ((2, 4), (8, 8)), ("dsp",)),
    ((32, 64), 8, Element(0, 255), ((4, 2), (4, 8)), ("dsp",)),
    ((64, 64), 8, Element(-128, 127), ((2, 16),), ("dsp",)),
    ((64, 64), 2, Element(0, 3), ((64, 64),), ("unrolled",)),
    ((10, 64), 4, Element(0, 15), ((10, 64),), ("unrolled",)),
    ((16, 27), 8, Element(0, 255), ((16, 27),), ("unrolled",)),
    ((64, 128), 1, BIPOLAR, ((64, 128),), ("unrolled",)),
)
_STYLES = {"dsp": ("dsp", "const"), "unrolled": ("const", "const")}  # others: LUTs, that memory


def weights(shape: tuple[int, int], bits: int, seed: int) -> IntArray:
    """Return random weights: -1 and +1 for one bit, else the narrow range, small ones likelier."""
    rng = np.random.default_rng(seed)
    if bits == 1:
        return rng.choice(np.array([-1, 1], dtype=np.int64), shape)
    limit = 2 ** (bits - 1) - 1
    spread = rng.normal(0, max(limit / 2, 0.8), shape)
    return np.clip(np.rint(spread), -limit, limit).astype(np.int64)


def mvus() -> Iterator[u.MvuUnit]:
    """Yield matrix-vector units."""
    for number, (shape, bits, x, folds, memories) in enumerate(_MATRICES):
        matrix = weights(shape, bits, number)
        kind = ops.Mvu(matrix).infer(TensorType((shape[1],), x.low, x.high, x.bipolar))
        for (pe, simd), name in product(folds, memories):
            style, memory = _STYLES.get(name, ("lut", name))
            acc = Element(kind.low, kind.high)
            yield u.MvuUnit(*_PLACE, matrix, x, acc, pe, simd, style, memory)


def thresholds() -> Iterator[u.ThresholdUnit]:
    """Yield threshold units: channels, steps, PE, range of an accumulator, lowest code."""
    for seed, (channels, steps, pe, reach, low) in enumerate(
        (
            (64, 1, 1, 200, 0),
            (64, 1, 16, 200, 0),
            (64, 3, 1, 100, 0),
            (64, 3, 4, 500, 0),
            (64, 3, 16, 100, 0),
            (64, 3, 64, 100, 0),
            (128, 7, 2, 1000, 0),
            (128, 7, 16, 1000, 0),
            (64, 15, 8, 500, 0),
            (64, 63, 1, 3000, 0),
            (784, 3, 8, 128, 0),
            (64, 2, 1, 60, -1),
            (64, 2, 4, 60, -1),
            (64, 2, 8, 300, -1),
            (64, 2, 16, 120, -1),
            (128, 3, 8, 250, 0),
            (256, 1, 4, 500, 0),
            (256, 3, 16, 1000, 0),
            (64, 1, 1, 60, 0),
            (64, 3, 1, 200, 0),
            (16, 3, 1, 100, 0),
            (32, 15, 1, 1000, 0),
            (64, 15, 1, 400, 0),
            (16, 15, 1, 100, 0),
            (64, 3, 2, 400, 0),
        )
    ):
        rng = np.random.default_rng(seed)
        levels = np.sort(rng.integers(-reach, reach + 1, (channels, steps)), axis=1)
        y = BIPOLAR if steps == 1 else Element(low, low + steps)
        yield u.ThresholdUnit(*_PLACE, levels, low, Element(-reach, reach), y, pe)
    for channels, steps, pe, low in (
        (784, 2, 1, -1),
        (792, 2, 11, -1),
        (3072, 3, 6, 0),
        (784, 1, 49, 0),
    ):
        alike = np.tile(np.arange(1, steps + 1) * 256 // (steps + 1), (channels, 1))  # of pixels
        y = Element(low, low + steps)
        yield u.ThresholdUnit(*_PLACE, alike, low, Element(0, 255), y, pe)


def tables() -> Iterator[u.TableUnit]:
    """Yield tables: channels (1 for one that all share), PE, largest input and output code."""
    for seed, (channels, pe, x, y) in enumerate(
        ((1, 1, 255, 3), (1, 8, 255, 15), (1, 4, 15, 15), (64, 4, 15, 7), (64, 16, 3, 3))
    ):
        values = np.random.default_rng(seed).integers(0, y + 1, (channels, x + 1))
        yield u.TableUnit(*_PLACE, values, 0, Element(0, x), Element(0, y), pe)


def others() -> Iterator[u.Unit]:
    """Yield what stands between layers."""
    for channels, pe, reach in ((10, 1, 100), (10, 5, 300), (10, 10, 60), (100, 4, 500)):
        yield u.ArgMaxUnit(*_PLACE, channels, Element(-reach, reach), Element(0, channels - 1), pe)
    for high, lanes, words, times in (
        (3, 4, 16, 64),
        (3, 16, 4, 8),
        (3, 49, 16, 32),
        (1, 64, 2, 4),
        (255, 8, 30, 5),
        (7, 8, 98, 16),
        (3, 6, 11, 64),
        (3, 16, 4, 16),
        (3, 66, 12, 8),
    ):
        yield u.ReplayUnit(*_PLACE, Element(0, high), lanes, words, times, 2 * words)
    for high, elements, lanes_in, lanes_out in (
        (3, 64, 4, 16),
        (3, 64, 16, 4),
        (3, 64, 1, 64),
        (3, 784, 8, 49),
        (3, 64, 6, 11),
        (255, 64, 8, 4),
        (7, 60, 12, 20),
        (1, 64, 13, 16),
        (3, 784, 1, 49),
        (3, 792, 11, 66),
        (3, 64, 1, 6),
        (3, 64, 2, 6),
        (15, 128, 3, 8),
    ):
        yield u.ConverterUnit(*_PLACE, Element(0, high), elements, lanes_in, lanes_out)
    for high, lanes, depth in ((3, 4, 2), (3, 64, 2), (255, 8, 2), (3, 8, 20), (3, 16, 50)):
        yield u.FifoUnit(*_PLACE, Element(0, high), lanes, depth)
    for high, lanes, depth in ((3, 32, 500), (15, 1, 1088), (3, 2, 300), (15, 4, 136)):
        yield u.FifoUnit(*_PLACE, Element(0, high), lanes, depth)
    for lanes, copies in ((4, 2), (32, 2), (16, 3)):
        yield u.ForkUnit(*_PLACE, Element(0, 3), lanes, copies)


def samples() -> Iterator[u.Unit]:
    """Yield every component of the sweep, always in the same order."""
    yield from thresholds()
    yield from tables()
    yield from others()
    yield from mvus()
    yield from pixel_units()
