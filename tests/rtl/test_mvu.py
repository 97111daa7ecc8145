from dataclasses import replace

import numpy as np
import pytest
from amaranth.hdl import Shape, signed, unsigned
from amaranth.sim import Simulator

from hwgen import rtl
from hwgen.arith import mvu as arith_mvu
from hwgen.arith.mvu import Lane, accumulator
from hwgen.arith.writing import writes
from hwgen.ir import TensorType, ops
from tests.rtl.harness import check_times, drive, refused


async def stream_put(ctx, stream, payload):
    ctx.set(stream.payload, payload)
    ctx.set(stream.valid, 1)
    await ctx.tick().until(stream.ready)
    ctx.set(stream.valid, 0)


def wire_range(shape, bipolar):
    if bipolar:
        return 0, 1
    return (-(1 << shape.width - 1) if shape.signed else 0), (1 << shape.width - shape.signed) - 1


def check(
    weights,
    shape,
    *,
    pe,
    simd,
    bipolar=False,
    vectors=4,
    stalls=(0.3,),
    seed=0,
    component=rtl.Mvu,
    **options,
):
    """Drive random vectors and the ends of the range through one fold; return the component."""
    rng = np.random.default_rng(seed)
    (mh, mw), (low, high) = weights.shape, wire_range(shape, bipolar)
    words, folds = -(-mw // simd), -(-mh // pe)
    x = rng.integers(low, high + 1, (vectors + 2, words * simd))  # padding lanes hold noise
    x[0, :mw] = np.where(weights[0] > 0, high, low)  # the first row's largest sum
    x[1, :mw] = np.where(weights[0] > 0, low, high)
    expected = ops.Mvu(weights).reference((2 * x - 1 if bipolar else x)[:, :mw])
    replayed = np.repeat(x.reshape(len(x), 1, words, simd), folds, axis=1).reshape(-1, simd)
    for stall in stalls:
        dut = component(weights, shape, pe=pe, simd=simd, x_bipolar=bipolar, **options)
        run = drive(dut, replayed, stall=stall, seed=seed)
        np.testing.assert_array_equal(run.output.reshape(len(x), -1)[:, :mh], expected)
        check_times(dut, run)
        if not stall:
            assert run.output_cycles[0][0] == words - 1 + dut.schedule.latency
            assert run.output_cycles[0][-1] == run.output_cycles[0][0] + words * (
                folds * len(x) - 1
            )
    return dut


@pytest.mark.parametrize("memory", ["const", "lutram", "bram", "writable"])
@pytest.mark.parametrize("pe", [1, 2, 3, 4])
def test_every_fold_of_a_small_matrix(pe, memory):
    weights = np.random.default_rng(5).integers(-1, 2, (4, 5))
    for simd in range(1, 6):
        stalls = (0.0, 0.4) if memory == "const" else (0.4,)
        check(weights, unsigned(2), pe=pe, simd=simd, memory=memory, stalls=stalls)


@pytest.mark.parametrize("simd", [1, 2, 5])
@pytest.mark.parametrize("high", [1, 3])
def test_block_memories_deeper_than_one_block(simd, high, monkeypatch):
    monkeypatch.setattr(arith_mvu, "DEEP_WORDS", 3)
    weights = np.random.default_rng(5).integers(-high, high + 1, (8, 5))

    dut = check(weights, unsigned(2), pe=2, simd=simd, memory="bram", stalls=(0.0, 0.4))

    assert dut.plan.stage(0) == 1  # of the products alone


@pytest.mark.parametrize("x_bits", range(1, 9))
@pytest.mark.parametrize("w_bits", range(1, 9))
def test_all_widths(x_bits, w_bits):
    rng = np.random.default_rng(8 * x_bits + w_bits)
    negative = (x_bits + w_bits) % 2
    low, high = -(1 << w_bits - 1), (1 << w_bits - 1) - 1
    weights = rng.integers(low, high + 1, (2, 3))
    if w_bits == 1:
        weights = rng.choice([-1, 1], (2, 3)) if negative else rng.integers(0, 2, (2, 3))
    elif negative:
        weights = np.maximum(weights, -high)  # narrow range: a plane less
        weights[0, :2] = -high, high
    else:
        weights[0, :2] = low, high
    check(weights, unsigned(x_bits) if x_bits % 3 else signed(x_bits), pe=1, simd=2, seed=w_bits)
    if x_bits == w_bits:
        check(weights, signed(x_bits), pe=2, simd=2, memory="lutram")
        check(np.abs(weights), unsigned(x_bits), pe=1, simd=3)


@pytest.mark.parametrize("simd", range(1, 8))
def test_bipolar_weights_and_inputs(simd):
    weights = np.random.default_rng(simd).choice([-1, 1], (5, 7))
    for pe, memory in ((1, "const"), (2, "lutram"), (3, "bram"), (5, "const")):
        check(weights, unsigned(1), pe=pe, simd=simd, bipolar=True, memory=memory)


@pytest.mark.parametrize("w_bits", [2, 3, 8])
def test_bipolar_inputs_with_wider_weights(w_bits):
    weights = np.random.default_rng(w_bits).integers(-(1 << w_bits - 1), 1 << w_bits - 1, (3, 6))
    check(weights, unsigned(1), pe=2, simd=4, bipolar=True)


@pytest.mark.parametrize(
    "weights",
    [
        np.zeros((2, 3), np.int64),
        np.array([[0, 0, 0], [1, -1, 0]]),
        np.array([[2, -2, 0], [2, 2, 2]]),
        np.array([[-128, 127, 0], [-128, -128, -128]]),
        np.array([[4, 0, -4], [0, 0, 1]]),
        np.array([[-8, 7, 1], [0, -8, -8]]),
    ],
)
@pytest.mark.parametrize("memory", ["const", "lutram"])
def test_odd_matrices(weights, memory):
    for pe, simd in ((1, 1), (1, 3), (2, 2), (2, 3)):
        check(weights, signed(3), pe=pe, simd=simd, memory=memory, vectors=3)


@pytest.mark.parametrize("levels", [1, 2, 3, 9])
def test_registers_every_few_levels(levels):
    weights = np.random.default_rng(2).integers(-4, 4, (2, 11))
    dut = check(weights, unsigned(2), pe=1, simd=11, levels_per_stage=levels, stalls=(0.0, 0.4))
    # Lanes, then the digits 1 and 2 or 4: no weight up to 4 has both of these.
    tree = (11 - 1).bit_length() + 1
    assert dut.plan.groups == ((0,), (1, 2))
    assert dut.schedule.latency == 1 + -(-tree // levels) + 1


def test_many_steps_read_a_table_of_constants():
    weights = np.random.default_rng(4).integers(-2, 2, (9, 11))
    dut = check(weights, unsigned(2), pe=1, simd=2)
    assert dut.plan.steps > 32
    assert not dut.plan.merged


@pytest.mark.parametrize(("pe", "simd"), [(4, 5), (2, 3), (3, 1)])
@pytest.mark.parametrize("memory", ["const", "lutram", "bram"])
def test_vectors_side_by_side_share_weights(pe, simd, memory):
    rng = np.random.default_rng(9)
    weights = rng.integers(-4, 4, (4, 5))
    folds, words = -(-4 // pe), -(-5 // simd)
    x = rng.integers(-4, 4, (4, 3, words * simd))
    x[0], x[1] = -4, 3
    given = np.repeat(x.reshape(4, 3, 1, words, simd), folds, axis=2).transpose(0, 2, 3, 1, 4)
    dut = rtl.Mvu(weights, signed(3), pe=pe, simd=simd, memory=memory, m=3)
    run = drive(dut, given.reshape(-1, 3 * simd), stall=0.3)
    found = run.output.reshape(4, folds, 3, pe).swapaxes(1, 2).reshape(4, 3, -1)
    np.testing.assert_array_equal(found[..., :4], ops.Mvu(weights).reference(x[..., :5]))
    check_times(dut, run)


def test_sums_have_the_graph_type():
    """The smallest accumulator is the type that the integer graph states."""
    rng = np.random.default_rng(6)
    for low, high, lane in ((0, 3, Lane(2)), (-4, 3, Lane(3, True)), (-1, 1, Lane(1, False, True))):
        for weights in (rng.integers(-2, 2, (4, 6)), rng.integers(0, 3, (4, 6))):
            kind = ops.Mvu(weights).infer(TensorType((6,), low, high))
            acc = accumulator(weights, lane)
            assert (acc.bits, acc.signed) == (kind.bits, kind.signed)


def test_wider_sums_where_asked():
    weights = np.array([[1, -2, 3]])
    dut = check(weights, signed(3), pe=1, simd=2, acc_shape=signed(20))
    assert Shape.cast(dut.o.payload.shape().elem_shape) == signed(20)


def test_folds_out_of_range_are_refused():
    def fold(pe, simd):
        return lambda: rtl.Mvu(np.ones((4, 3)), unsigned(2), pe=pe, simd=simd)

    refused(r"Mvu: PE=5 is outside 1\.\.4 \(MH\)", fold(5, 1))
    refused(r"Mvu: SIMD=0 is outside 1\.\.3 \(MW\)", fold(1, 0))


@pytest.mark.parametrize("shape", [unsigned(2), signed(3)])
@pytest.mark.parametrize(("pe", "simd"), [(1, 1), (2, 3), (3, 5), (6, 20)])
def test_other_weights_are_written_at_run_time(pe, simd, shape):
    rng = np.random.default_rng(pe)
    first, other = rng.integers(-3, 4, (2, 6, 20))
    first[0, 0] = 3
    acc = Shape(10, True)
    dut = rtl.Mvu(first, shape, pe=pe, simd=simd, acc_shape=acc, memory="writable")
    low, high = wire_range(shape, False)
    words, folds = -(-20 // simd), -(-6 // pe)
    x = rng.integers(low, high + 1, (3, words * simd))
    plan = replace(dut.plan, weights=other)
    found = []

    async def bench(ctx):
        for address, data in writes(plan):
            ctx.set(dut.write_valid, 1)
            ctx.set(dut.write_address, address)
            ctx.set(dut.write_data, data)
            await ctx.tick()
        ctx.set(dut.write_valid, 0)
        for vector in x.reshape(-1, words, simd):
            for word in np.tile(vector, (folds, 1)):
                await stream_put(ctx, dut.i, [int(lane) for lane in word])

    async def sink(ctx):
        ctx.set(dut.o.ready, 1)
        while len(found) < 3 * folds:
            *_, valid, payload = await ctx.tick().sample(dut.o.valid, dut.o.payload)
            if valid:
                found.append([payload[lane] for lane in range(pe)])

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.add_testbench(sink)
    simulator.run()
    expected = ops.Mvu(other).reference(x[:, :20])
    np.testing.assert_array_equal(np.reshape(found, (3, -1))[:, :6], expected)
