"""Depthwise products."""

import numpy as np
import pytest
from amaranth.hdl import signed, unsigned

from hwgen.ir import ops
from hwgen.rtl.vvu import Vvu
from hwgen.timing import vvu_cuts, vvu_latency
from tests.rtl.harness import check_times, drive


def transfers(rows, channels, taps, pe, simd, fill):
    """Rows (frames, taps * channels) as transfers; what pads them is ``fill``."""
    words, steps = -(-channels // pe), -(-taps // simd)
    padded = np.full((len(rows), steps * simd, words * pe), fill)
    padded[:, :taps, :channels] = rows.reshape(-1, taps, channels)
    parts = padded.reshape(-1, steps, simd, words, pe)
    return parts.transpose(0, 1, 3, 2, 4).reshape(-1, simd * pe)


def folds():
    for channels, taps in ((4, 9), (3, 4), (2, 1)):
        for pe in range(1, channels + 1):
            for simd in sorted({1, 2, 3, taps} & set(range(1, taps + 1))):
                yield channels, taps, pe, simd


@pytest.mark.parametrize(("channels", "taps", "pe", "simd"), list(folds()))
@pytest.mark.parametrize(
    ("style", "memory", "stall"), [("lut", "const", 0.0), ("dsp", "bram", 0.3)]
)
def test_every_fold_equals_the_reference(channels, taps, pe, simd, style, memory, stall):
    rng = np.random.default_rng(1)
    op = ops.Vvu(rng.integers(-4, 4, (channels, taps)))
    op.weights[0] = -4
    x = rng.integers(-4, 4, (4, taps * channels))
    x[0], x[1] = -4, 3
    dut = Vvu(op.weights, signed(3), signed(9), pe=pe, simd=simd, style=style, memory=memory)

    run = drive(dut, transfers(x, channels, taps, pe, simd, fill=3), stall=stall)

    found = run.output.reshape(len(x), -1)[:, :channels]
    np.testing.assert_array_equal(found, op.reference(x))
    check_times(dut, run)
    if not stall:
        gathered = (-(-taps // simd) - 1) * -(-channels // pe)
        assert run.output_cycles[0][0] == gathered + vvu_latency(simd, memory)  # II 1


def test_no_stage_has_more_than_two_levels_of_adders():
    assert [vvu_cuts(simd, "const") for simd in (1, 2, 3, 8, 9, 25)] == [
        (0,), (1,), (1, 2), (1, 3), (1, 3, 4), (1, 3, 5),
    ]  # fmt: skip
    assert [vvu_latency(simd, "const") for simd in (1, 2, 4, 9)] == [3, 3, 4, 5]


def test_products_with_weights_out_of_block_memory_have_a_stage_of_their_own():
    assert [vvu_cuts(simd, "bram") for simd in (1, 2, 3, 9, 25)] == [
        (0,), (0, 1), (0, 2), (0, 2, 4), (0, 2, 4, 5),
    ]  # fmt: skip
    assert vvu_latency(9, "bram") == vvu_latency(9, "const")


@pytest.mark.parametrize("value", [0, -2])
@pytest.mark.parametrize("style", ["lut", "dsp"])
def test_weights_that_are_all_equal_need_no_memory(value, style):
    op = ops.Vvu(np.full((4, 3), value))
    x = np.random.default_rng(5).integers(-4, 4, (3, 12))
    dut = Vvu(op.weights, signed(3), signed(7), pe=2, simd=1, style=style)
    run = drive(dut, transfers(x, 4, 3, 2, 1, fill=3), stall=0.2)
    np.testing.assert_array_equal(run.output.reshape(3, -1), op.reference(x))
    check_times(dut, run)


@pytest.mark.parametrize("simd", [1, 2, 4])
def test_bipolar_codes(simd):
    rng = np.random.default_rng(2)
    op = ops.Vvu(rng.choice([-1, 1], (2, 4)))
    x = rng.choice([-1, 1], (5, 8))
    dut = Vvu(op.weights, unsigned(1), signed(4), pe=2, simd=simd, x_bipolar=True)
    bits = transfers((x + 1) // 2, 2, 4, 2, simd, fill=0)
    run = drive(dut, bits, stall=0.2)
    np.testing.assert_array_equal(run.output, op.reference(x))
    check_times(dut, run)


@pytest.mark.parametrize(
    ("pe", "simd", "memory"), [(2, 4, "const"), (1, 2, "bram"), (2, 3, "bram")]
)
def test_pixels_side_by_side_share_weights(pe, simd, memory):
    rng = np.random.default_rng(3)
    op = ops.Vvu(rng.integers(-4, 4, (4, 4)))
    x = rng.integers(0, 8, (3, 2, 16))
    parts = [transfers(x[:, pixel], 4, 4, pe, simd, fill=7) for pixel in range(2)]
    dut = Vvu(op.weights, unsigned(3), signed(9), pe=pe, simd=simd, memory=memory, m=2)
    run = drive(dut, np.concatenate(parts, axis=1), stall=0.3)
    expected = op.reference(x).reshape(3, 2, -1, pe).swapaxes(1, 2)
    np.testing.assert_array_equal(run.output, expected.reshape(-1, 2 * pe))
    check_times(dut, run)
