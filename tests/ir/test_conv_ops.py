"""Convolution by Swu and a product, against ONNX's own reference."""

import numpy as np
import pytest
from onnx import helper
from onnx.reference import ReferenceEvaluator

from hwgen.errors import ShapeError
from hwgen.ir import TensorType, ops


def onnx_run(node_type, feeds, **attributes):
    """Execute one ONNX node on integer-valued doubles, exactly."""
    node = helper.make_node(node_type, list(feeds), ["y"], **attributes)
    doubles = {name: value.astype(np.float64) for name, value in feeds.items()}
    return ReferenceEvaluator(node).run(None, doubles)[0].astype(np.int64)


def channels_last(x):
    return np.moveaxis(x, 1, -1)


GEOMETRIES = [
    # kernel, stride, dilation, pads, spatial
    ((3, 3), (1, 1), (1, 1), (1, 1, 1, 1), (6, 7)),
    ((3, 2), (2, 1), (1, 1), (0, 1, 1, 0), (7, 5)),
    ((2, 2), (2, 3), (2, 1), (0, 0, 2, 1), (8, 6)),
    ((1, 1), (2, 2), (1, 1), (0, 0, 0, 0), (5, 5)),
    ((3,), (1,), (2,), (2, 2), (9,)),
    ((4,), (3,), (1,), (0, 2), (11,)),
]


@pytest.mark.parametrize(("kernel", "stride", "dilation", "pads", "spatial"), GEOMETRIES)
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_convolution_equals_onnx(kernel, stride, dilation, pads, spatial, groups):
    rng = np.random.default_rng(3)
    channels, outputs = 4, 8
    x = rng.integers(-8, 8, (2, channels, *spatial))
    w = rng.integers(-8, 8, (outputs, channels // groups, *kernel))
    expected = onnx_run(
        "Conv", {"x": x, "w": w}, strides=stride, dilations=dilation, pads=pads, group=groups
    )
    rows = ops.Swu(kernel, stride, dilation, pads, groups=groups)
    flat = np.moveaxis(w, 1, -1).reshape(groups, outputs // groups, -1)
    product = ops.GroupedMvu(flat) if groups > 1 else ops.Mvu(flat[0])

    kind = TensorType((*spatial, channels), -8, 7)
    y = product.reference(rows.reference(channels_last(x)))

    np.testing.assert_array_equal(y, channels_last(expected))
    out = product.infer(rows.infer(kind))
    assert out.shape == y.shape[1:]
    assert out.low <= y.min() <= y.max() <= out.high


def test_depthwise_equals_onnx():
    rng = np.random.default_rng(4)
    x = rng.integers(0, 16, (3, 5, 6, 6))
    w = rng.integers(-8, 8, (5, 1, 3, 3))
    expected = onnx_run("Conv", {"x": x, "w": w}, pads=(1, 1, 1, 1), strides=(2, 2), group=5)
    rows = ops.Swu((3, 3), (2, 2), (1, 1), (1, 1, 1, 1))
    product = ops.Vvu(w.reshape(5, 9))

    y = product.reference(rows.reference(channels_last(x)))

    np.testing.assert_array_equal(y, channels_last(expected))
    low, high = product.channel_range(TensorType((6, 6, 5), 0, 15))
    np.testing.assert_array_equal(low, np.minimum(product.weights, 0).sum(axis=1) * 15)
    np.testing.assert_array_equal(high, np.maximum(product.weights, 0).sum(axis=1) * 15)


@pytest.mark.parametrize("pad", [0, 1, 2])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_transposed_convolution_equals_onnx(pad, stride):
    rng = np.random.default_rng(5)
    x = rng.integers(-4, 4, (2, 3, 5, 4))
    w = rng.integers(-4, 4, (3, 6, 3, 3))
    expected = onnx_run("ConvTranspose", {"x": x, "w": w}, strides=[stride] * 2, pads=[pad] * 4)
    spread = ops.ZeroInsert((stride, stride))
    rows = ops.Swu((3, 3), (1, 1), (1, 1), (2 - pad,) * 4)
    turned = w[:, :, ::-1, ::-1].transpose(1, 2, 3, 0).reshape(6, -1)

    y = ops.Mvu(turned).reference(rows.reference(spread.reference(channels_last(x))))

    np.testing.assert_array_equal(y, channels_last(expected))


def test_padding_fills_with_its_code():
    op = ops.Swu((2,), (1,), (1,), (1, 0), pad_code=-3)
    y = op.reference(np.array([[[5], [6]]]))
    np.testing.assert_array_equal(y, [[[-3, 5], [5, 6]]])


def test_padding_widens_the_range():
    bipolar = TensorType((4, 4, 2), -1, 1, bipolar=True)
    unpadded = ops.Swu((3, 3), (1, 1), (1, 1), (0, 0, 0, 0))
    padded = ops.Swu((3, 3), (1, 1), (1, 1), (1, 1, 1, 1))
    lowest = ops.Swu((3, 3), (1, 1), (1, 1), (1, 1, 1, 1), pad_code=-1)

    assert unpadded.infer(bipolar) == TensorType((2, 2, 18), -1, 1, bipolar=True)
    assert padded.infer(bipolar) == TensorType((4, 4, 18), -1, 1)
    assert padded.infer(bipolar).bits == 2
    assert lowest.infer(bipolar).bipolar
    assert padded.infer(TensorType((4, 4, 2), 3, 7)) == TensorType((4, 4, 18), 0, 7)


@pytest.mark.parametrize(
    ("op", "text"),
    [
        (ops.Swu((3,), (1,), (1,), (0, 0)), "does not fit an input of shape"),
        (ops.Swu((5, 5), (1, 1), (1, 1), (0, 0, 0, 0)), "exceeds the padded input"),
        (ops.Swu((3, 3), (0, 1), (1, 1), (0, 0, 0, 0)), "must be at least 1"),
        (ops.Swu((3, 3), (1, 1), (1, 1), (0, 0, 0, 0), groups=2), "2 groups for 3 channels"),
        (ops.Vvu(np.ones((2, 2), np.int64)), "its input rows hold 3"),
        (ops.GroupedMvu(np.ones((2, 2, 2), np.int64)), "its input rows hold 3"),
    ],
)
def test_misfits_are_named(op, text):
    with pytest.raises(ShapeError, match=text):
        op.infer(TensorType((4, 4, 3), 0, 3))
