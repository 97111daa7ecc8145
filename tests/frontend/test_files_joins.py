"""Convolutional files whose branches meet: sums, concats, parts; float32 is exact here."""

import numpy as np
import pytest

from hwgen.errors import UnsupportedError
from hwgen.frontend import certify, lower
from hwgen.ir import ops
from tests.frontend.build import frames
from tests.frontend.execution import check_exact, execute, kinds
from tests.frontend.layers import act, conv, started


@pytest.mark.parametrize("scales", [(0.25, 0.25), (0.25, 0.5), (0.125, 2.0)])
def test_residual_of_unequal_scales(tmp_path, scales):
    net, x = started()
    stem = act(net, conv(net, x, (4, 3, 3, 3), pads=[1, 1, 1, 1]), scale=scales[0])
    x = net.quant(conv(net, stem, (4, 4, 3, 3), pads=[1, 1, 1, 1]), scales[1], 4)
    x = act(net, net.node("Add", x, stem), scale=0.5)
    x = conv(net, x, (2, 4, 1, 1))
    network = check_exact(net.save(tmp_path / "n.onnx", (1, 3, 6, 6), x), frames((3, 6, 6), 4))
    (add,) = [node.op for node in network.graph.nodes if isinstance(node.op, ops.Add)]
    assert max(int(np.abs(m).max()) for m in (add.m_a, add.m_b)) <= 16


def test_residual_of_arbitrary_scales_is_exact(tmp_path):
    """Scales without a small common multiple still get small multipliers."""
    net, x = started(scale=0.0937)
    stem = act(net, conv(net, x, (4, 3, 1, 1)), scale=0.0713)
    x = net.quant(conv(net, stem, (4, 4, 1, 1)), 0.1931, 4)
    x = act(net, net.node("Add", x, stem), scale=0.1511)
    x = net.quant(conv(net, x, (2, 4, 1, 1)), 0.3, 8)
    path = net.save(tmp_path / "n.onnx", (1, 3, 6, 6), x)
    network = lower(path)
    (add,) = [node.op for node in network.graph.nodes if isinstance(node.op, ops.Add)]
    assert max(int(np.abs(m).max()) for m in (add.m_a, add.m_b)) <= 64
    data = frames((3, 6, 6), 6)
    certificate = certify(network, data)
    assert certificate.unexplained == 0, str(certificate.first)
    out = network.output.decode(network.graph.run(network.input.encode(data)))
    assert (np.abs(out - execute(path, data)) < 1e-6).mean() > 0.98


def test_two_nested_joins_and_a_branch_without_layers(tmp_path):
    net, x = started()
    a = act(net, conv(net, x, (3, 3, 3, 3), pads=[1, 1, 1, 1]))
    b = net.quant(conv(net, a, (3, 3, 3, 3), pads=[1, 1, 1, 1]), 0.25, 4)
    inner = act(net, net.node("Add", b, a))
    outer = act(net, net.node("Add", inner, x))
    x = conv(net, outer, (2, 3, 1, 1))
    check_exact(net.save(tmp_path / "n.onnx", (1, 3, 6, 6), x), frames((3, 6, 6), 4))


def test_sum_of_one_pixel_and_of_a_vector(tmp_path):
    net, x = started()
    x = net.quant(conv(net, x, (2, 2, 2, 2)), 0.25, 4)
    vector = net.quant(conv(net, x, (2, 2, 2, 2)), 0.5, 4)  # one window is the whole image
    pixel = net.node("MaxPool", x, kernel_shape=[2, 2])
    x = net.quant(net.node("Add", pixel, vector), 0.25, 5)
    check_exact(net.save(tmp_path / "n.onnx", (1, 2, 3, 3), x), frames((2, 3, 3), 8))


def test_two_sums_with_one_pending_pool(tmp_path):
    net, x = started()
    wide = net.node("HardSigmoid", conv(net, x, (2, 2, 1, 1)), alpha=0.125)
    pool = net.node("MaxPool", wide, kernel_shape=[2, 2], strides=[2, 2])
    parts = [net.quant(conv(net, x, (2, 2, 2, 2), strides=[2, 2]), 0.5, 3) for _ in range(2)]
    left, right = (net.node("Add", pool, part) for part in parts)
    turned = net.node("Flatten", net.node("Transpose", left, perm=[0, 1, 3, 2]))
    x = net.quant(net.node("Add", turned, net.node("Flatten", right)), 0.25, 4)
    path = net.save(tmp_path / "n.onnx", (1, 2, 4, 4), x)
    with pytest.raises(UnsupportedError, match="come in different orders"):
        lower(path)


def test_sum_of_three_and_a_sum_at_the_end(tmp_path):
    net, x = started()
    parts = [net.quant(conv(net, x, (3, 3, 1, 1)), 0.25, 4) for _ in range(2)]
    both = net.quant(net.node("Sum", *parts, x), 0.5, 4)
    x = net.node("Add", conv(net, both, (2, 3, 1, 1)), conv(net, both, (2, 3, 1, 1)))
    check_exact(net.save(tmp_path / "n.onnx", (1, 3, 6, 6), x), frames((3, 6, 6), 4))


def test_sum_of_a_flat_pending_pool_and_a_vector(tmp_path):
    net, x = started()
    wide = net.node("HardSigmoid", conv(net, x, (1, 1, 1, 1)), alpha=0.125)
    pool = net.node("MaxPool", wide, kernel_shape=[2, 2], strides=[2, 2])
    vector = net.quant(net.dense(net.node("Flatten", x), (16, 4)), 0.5, 4)
    x = net.quant(net.node("Add", net.node("Flatten", pool), vector), 0.25, 5)
    check_exact(net.save(tmp_path / "n.onnx", (1, 1, 4, 4), x), frames((1, 4, 4), 8))


def test_concat_upsample_and_slices(tmp_path):
    """A small U: down, up, joined by channels; halves of channels swapped on the way."""
    net, x = started()
    wide = act(net, conv(net, x, (4, 3, 3, 3), pads=[1, 1, 1, 1]))
    deep = act(net, conv(net, wide, (4, 4, 3, 3), pads=[1, 1, 1, 1], strides=[2, 2]), scale=0.5)
    up = net.node(
        "Resize",
        deep,
        "",
        net.const([1.0, 1.0, 2.0, 2.0]),
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )
    both = net.node("Concat", wide, up, axis=1)
    half = net.node("Slice", both, net.ints(2), net.ints(6), net.ints(1))
    x = act(net, conv(net, half, (4, 4, 1, 1)))
    x = conv(net, net.node("Concat", x, both, axis=1), (2, 12, 1, 1))
    network = check_exact(net.save(tmp_path / "n.onnx", (1, 3, 6, 6), x), frames((3, 6, 6), 4))
    assert {"Concat", "Upsample", "Slice"} <= set(kinds(network))


@pytest.mark.parametrize("pixels", [(), (3, 2)])
def test_halves_of_one_tensor_join(tmp_path, pixels):
    net, x = started()
    sizes = net.ints(2, 2)
    second = net.node("Split", x, sizes, outputs=2, axis=1)
    first = second.removesuffix("_1")
    y = net.quant(net.node("Sub", first, second), 0.25, 4)
    z = net.quant(net.node("Relu", first), 0.25, 4)
    joined = net.quant(net.node("Concat", y, second, z, axis=1), 0.25, 5)
    x = net.quant(net.node("Add", net.node("Concat", first, second, y, axis=1), joined), 0.25, 5)
    path = net.save(tmp_path / "n.onnx", (1, 4, *pixels), x)
    network = check_exact(path, frames((4, *pixels), 8))
    assert not any(isinstance(node.op, ops.Mvu) for node in network.graph.nodes)


def test_channels_of_an_enlarged_tensor(tmp_path):
    net, x = started()
    how = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    x = net.node("Resize", x, "", net.const([1.0, 1.0, 2.0, 1.0]), **how)
    second = net.node("Split", x, net.ints(1, 3), outputs=2, axis=1)
    x = conv(net, second, (2, 3, 3, 3))
    network = check_exact(net.save(tmp_path / "n.onnx", (1, 4, 2, 3), x), frames((4, 2, 3), 8))
    assert kinds(network)[:2] == ["Slice", "Upsample"]


def test_split_shuffle_and_pixel_shuffle(tmp_path):
    net, x = started()
    x = act(net, conv(net, x, (8, 3, 1, 1)))
    x = net.node("Reshape", x, net.ints(1, 2, 4, 4, 4))  # channel shuffle
    x = net.node("Transpose", x, perm=[0, 2, 1, 3, 4])
    x = act(net, conv(net, net.node("Reshape", x, net.ints(1, 8, 4, 4)), (8, 8, 1, 1)))
    x = net.node("DepthToSpace", x, blocksize=2, mode="CRD")
    x = net.node(
        "SpaceToDepth", act(net, conv(net, x, (2, 2, 3, 3), pads=[1, 1, 1, 1])), blocksize=2
    )
    x = conv(net, x, (2, 8, 1, 1))
    network = check_exact(net.save(tmp_path / "n.onnx", (1, 3, 4, 4), x), frames((3, 4, 4), 4))
    assert "DepthToSpace" in kinds(network)
