"""What was trained, what was exported and the integers the hardware computes are one function."""

import numpy as np
import pytest
import torch

from hwgen.frontend import certify, lower
from hwgen.train.export import finalize_export
from tests.train.networks import convolutional, dense, images

pytestmark = pytest.mark.train

KINDS = [(1, "bwn"), (2, "twn"), (2, "ternary"), (2, "int"), (3, "int"), (4, "int")]
INPUTS = 64


@pytest.mark.parametrize("norm", [True, False])
@pytest.mark.parametrize(("bits", "quantizer"), KINDS)
@pytest.mark.parametrize("make", [dense, convolutional])
def test_integers_equal_torch(tmp_path, make, bits, quantizer, norm):
    torch.manual_seed(3)
    model = make(bits, quantizer, norm=norm)
    x = images(INPUTS, seed=11)
    finalize_export(model, tmp_path / "m.onnx", x[:2], exporter="torchscript")
    network = lower(tmp_path / "m.onnx")

    codes = network.graph.run(network.input.encode(x.numpy()))

    got = network.output.decode(codes)
    with torch.no_grad():
        expected = model.eval()(x).numpy()
    certificate = certify(network, x.numpy())
    assert not certificate.unexplained
    apart = np.abs(got - expected).max(axis=1) > 1e-4 * np.abs(expected).max()
    assert apart.sum() <= certificate.differing
    assert (got.argmax(1) == expected.argmax(1))[~apart].all()
