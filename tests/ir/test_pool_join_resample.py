"""Pools, joins and moves of pixels, against numpy and ONNX's reference."""

import numpy as np
import pytest
from onnx import helper
from onnx.reference import ReferenceEvaluator

from hwgen.errors import ShapeError
from hwgen.ir import TensorType, ops


def onnx_node(x, node_type, **attributes):
    node = helper.make_node(node_type, ["x"], ["y"], **attributes)
    moved = np.moveaxis(x, -1, 1).astype(np.float64)
    return np.moveaxis(ReferenceEvaluator(node).run(None, {"x": moved})[0], 1, -1)


def array(*values):
    return np.array(values, dtype=np.int64)


def test_windowed_max_equals_onnx():
    x = np.random.default_rng(1).integers(-8, 8, (2, 7, 6, 3))
    rows = ops.Swu((3, 3), (2, 2), (1, 1), (1, 1, 1, 1), pad_code=-8)
    expected = onnx_node(x, "MaxPool", kernel_shape=(3, 3), strides=(2, 2), pads=(1, 1, 1, 1))

    np.testing.assert_array_equal(ops.MaxPool(9).reference(rows.reference(x)), expected)


def test_windowed_sum_is_the_average_times_taps():
    x = np.random.default_rng(2).integers(0, 16, (2, 6, 6, 3))
    rows = ops.Swu((2, 2), (2, 2), (1, 1), (0, 0, 0, 0))
    expected = onnx_node(x, "AveragePool", kernel_shape=(2, 2), strides=(2, 2)) * 4

    np.testing.assert_array_equal(ops.SumPool(4).reference(rows.reference(x)), expected)


def test_global_pools_read_one_row():
    x = np.random.default_rng(3).integers(-8, 8, (2, 4, 5, 3))
    row = ops.Reshape((60,)).reference(x)
    np.testing.assert_array_equal(ops.SumPool(20).reference(row), x.sum(axis=(1, 2)))
    np.testing.assert_array_equal(ops.MaxPool(20).reference(row), x.max(axis=(1, 2)))
    assert ops.SumPool(20).infer(TensorType((60,), -8, 7)) == TensorType((3,), -160, 140)
    assert ops.MaxPool(20).infer(TensorType((60,), -8, 7)) == TensorType((3,), -8, 7)


def test_add_takes_multipliers_per_channel():
    a, b = TensorType((2, 2), 0, 3), TensorType((2, 2), -2, 1)
    op = ops.Add(array(2, -1), array(3))
    assert op.infer(a, b) == TensorType((2, 2), -9, 9)
    low, high = op.channel_range(a, b)
    np.testing.assert_array_equal(low, [-6, -9])
    np.testing.assert_array_equal(high, [9, 3])
    y = op.reference(np.full((1, 2, 2), 3), np.full((1, 2, 2), -2))
    np.testing.assert_array_equal(y, np.broadcast_to([0, -9], (1, 2, 2)))


def test_affine_shifts_each_channel():
    op = ops.Affine(array(-2), array(1, 5))
    assert op.infer(TensorType((2,), -3, 4)) == TensorType((2,), -7, 11)
    np.testing.assert_array_equal(op.reference(array(4, -3)[None]), [[-7, 11]])


def test_concat_and_slice_undo_each_other():
    a = np.arange(6).reshape(1, 3, 2)
    b = -np.arange(9).reshape(1, 3, 3)
    y = ops.Concat().reference(a, b)
    np.testing.assert_array_equal(ops.Slice(0, 2).reference(y), a)
    np.testing.assert_array_equal(ops.Slice(2, 5).reference(y), b)
    kinds = TensorType((3, 2), 0, 5), TensorType((3, 3), -1, 1, bipolar=True)
    assert ops.Concat().infer(*kinds) == TensorType((3, 5), -1, 5)
    assert ops.Concat().infer(kinds[1], kinds[1]) == TensorType((3, 6), -1, 1, bipolar=True)
    assert ops.Slice(1, 2).infer(kinds[1]) == TensorType((3, 1), -1, 1, bipolar=True)


def test_upsample_repeats_pixels():
    x = np.arange(8).reshape(1, 2, 2, 2)
    y = ops.Upsample((2, 3)).reference(x)
    assert y.shape == (1, 4, 6, 2)
    for r in range(4):
        for c in range(6):
            np.testing.assert_array_equal(y[0, r, c], x[0, r // 2, c // 3])


def test_pad_and_zero_insert_place_their_code():
    x = np.array([[[1], [2]]])
    np.testing.assert_array_equal(ops.Pad((1, 2), code=7).reference(x)[0, :, 0], [7, 1, 2, 7, 7])
    np.testing.assert_array_equal(ops.ZeroInsert((3,), 7).reference(x)[0, :, 0], [1, 7, 7, 2])
    assert ops.ZeroInsert((3,), 7).infer(TensorType((2, 1), 1, 2)) == TensorType((4, 1), 1, 7)
    bipolar = TensorType((2, 1), -1, 1, bipolar=True)
    assert not ops.Pad((1, 0)).infer(bipolar).bipolar
    assert ops.ZeroInsert((1,)).infer(bipolar).bipolar


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_depth_to_space_equals_onnx(mode):
    x = np.random.default_rng(4).integers(0, 9, (2, 3, 2, 12))
    op = ops.DepthToSpace(2, mode)
    expected = onnx_node(x, "DepthToSpace", blocksize=2, mode=mode)
    np.testing.assert_array_equal(op.reference(x), expected)
    assert op.infer(TensorType((3, 2, 12), 0, 8)).shape == (6, 4, 3)


@pytest.mark.parametrize(
    ("op", "inputs", "text"),
    [
        (ops.Add(array(1), array(1)), [(2, 2), (2, 3)], "shapes must be equal"),
        (ops.Add(array(1, 2), array(1)), [(2, 3), (2, 3)], r"needs \(1,\) or \(3,\)"),
        (ops.Concat(), [(2, 2), (3, 2)], "all axes but the last"),
        (ops.Slice(1, 4), [(2, 3)], "not within 3 channels"),
        (ops.MaxPool(2), [(2, 3)], "does not divide rows of 3"),
        (ops.DepthToSpace(2), [(2, 2, 3)], "multiple of 4 channels"),
        (ops.Upsample((2, 2)), [(2, 3)], "its input has shape"),
        (ops.Pad((-1, 0)), [(2, 3)], "must not be negative"),
    ],
)
def test_misfits_are_named(op, inputs, text):
    with pytest.raises(ShapeError, match=text):
        op.infer(*(TensorType(shape, 0, 3) for shape in inputs))
