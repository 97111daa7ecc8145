"""A build's own driver, registers, DMA and core between AXI models that others wrote."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwgen import flow, tools
from hwgen.emit.system import zynq_system
from hwgen.flow.progress import Progress
from hwgen.flow.reopen import reopen
from tests.flow.networks import tiny_mlp

pytest.importorskip("cocotbext.axi")

from sim.cocotb_run import run_cocotb


def simulate(folder, request, x, *, fast):
    """Build, write what the simulation needs, run it; raise where a test in it fails."""
    if tools.find("verilator") is None or tools.find("perl") is None:
        pytest.skip("Verilator or perl is not installed")
    flow.build(request, flow.Trial(frames=1, engine="amaranth"), folder / "out").require()
    decision, design = reopen(folder / "out", Progress())
    network = decision.network
    y = network.output.decode(decision.graph.run(network.input.encode(x)))
    (folder / "sim").mkdir()
    bitstream = f"{design.name.removesuffix('_core')}.bit"
    driver = str(folder / "out" / "driver")
    np.savez(folder / "sim" / "job.npz", x=x, y=y, driver=driver, bitstream=bitstream, fast=fast)
    system = zynq_system(design)
    name = f"{system.name.removesuffix('_top')}_system"
    modules = [*design.modules, *system.modules[:-1]]

    ran, failed = run_cocotb(
        system.parts[name], modules, ("gp", "hp"), "tests.flow.cocotb_driver", folder / "sim"
    )

    assert not failed, (folder / "sim" / "sim.log").read_text()[-5000:]
    assert ran == 4
    return decision


def test_a_small_network(tmp_path):
    model = tiny_mlp(tmp_path / "tiny.onnx")
    x = np.random.default_rng(1).normal(0, 2, (25, 8)).astype(np.float32)
    simulate(tmp_path, flow.Request(model, "pynq-z2", target_fps=1.0), x, fast=False)


@pytest.mark.slow
def test_mnist_on_a_core_as_fast_as_the_bus(tmp_path, shared):
    model = Path(__file__).parents[2] / "designs" / "tfc_w2a2" / "model.onnx"
    x = np.load(shared / "data" / "mnist_test.npz")["x"][:32].reshape(32, 1, 28, 28)
    decision = simulate(tmp_path, flow.Request(model, "pynq-z2", maximize="fps"), x, fast=True)
    frame = decision.dataflow.streams[decision.dataflow.input]
    assert decision.performance.ii_cycles <= frame.transfers * frame.bits / 64
