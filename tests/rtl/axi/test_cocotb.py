"""The shell and its DMAs between models that others wrote: cocotbext-axi, on Verilator."""

from __future__ import annotations

import pytest

from hwgen import tools
from hwgen.emit.rtlil import convert

pytest.importorskip("cocotbext.axi")

from sim.cocotb_run import run_cocotb
from tests.rtl.axi.cocotb_bench import Bench


def test_axi_models_of_others_find_no_fault(tmp_path):
    if tools.find("verilator") is None or tools.find("perl") is None:
        pytest.skip("Verilator or perl is not installed")
    dut = Bench()
    modules = [convert(dut, "bench_dut")]

    ran, failed = run_cocotb(
        dut, modules, ("gp", "hp", "cp"), "tests.rtl.axi.cocotb_axi3", tmp_path / "sim"
    )

    assert not failed, (tmp_path / "sim" / "sim.log").read_text()[-5000:]
    assert ran == 25
