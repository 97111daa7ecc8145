"""What was trained, what was exported and the integers the hardware computes are one function."""

import numpy as np
import pytest
import torch

from hwgen import passes
from hwgen.dataflow import size_fifos
from hwgen.emit import emit
from hwgen.frontend import certify, lower
from hwgen.train.export import finalize_export
from hwgen.verify import engines, verify
from tests.flow.random_nets import planned
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

    graph = passes.run(network.graph)
    given = network.input.encode(x.numpy())
    codes = graph.run(given)

    got = network.output.decode(codes)
    with torch.no_grad():
        expected = model.eval()(x).numpy()
    certificate = certify(network, x.numpy())
    assert not certificate.unexplained
    apart = np.abs(got - expected).max(axis=1) > 1e-4 * np.abs(expected).max()
    assert apart.sum() <= certificate.differing
    assert (got.argmax(1) == expected.argmax(1))[~apart].all()
    design = emit(size_fifos(planned(graph, bits)))
    found = verify(design, graph, given, engine=engines()["amaranth"], folder=tmp_path)
    found.require()
    assert found.values == 2 * codes.size  # free and with stalls
