"""FINN's report files: names, keys and figures."""

from __future__ import annotations

import json

import pytest

from hwgen.report.finn import finn_files
from hwgen.report.schema import Run, VerificationFile
from tests.report.sample import sample


def proof(*runs):
    return VerificationFile(meaning="", runs=runs, ties=(), onnx_frames=0, onnx=())


def run(stall, frames, cycles, fault=None):
    return Run(
        engine="verilator",
        layers=False,
        stall=stall,
        frames=frames,
        values=10,
        mismatches=0,
        cycles_predicted=cycles,
        cycles_simulated=cycles,
        seconds=0.1,
        divergence=None,
        fault=fault,
    )


def files(*runs):
    return {name: json.loads(text) for name, text in finn_files(sample(), proof(*runs)).items()}


def test_estimates_carry_finns_names_and_keys():
    found = files()

    assert found["estimate_layer_cycles.json"] == {"MVAU_0": 784, "MVAU_1": 256, "MVAU_2": 64}
    resources = found["estimate_layer_resources.json"]
    assert resources["MVAU_1"] == {"BRAM_18K": 1, "LUT": 1200, "URAM": 0, "DSP": 0}
    assert resources["total"] == {"BRAM_18K": 3, "LUT": 4900, "URAM": 0, "DSP": 0}
    assert found["estimate_network_performance.json"] == {
        "critical_path_cycles": 1200,
        "max_cycles": 784,
        "max_cycles_node_name": "MVAU_0",
        "estimated_throughput_fps": 127551.02,
        "estimated_latency_ns": 12000.0,
    }
    assert found["layer_names.json"] == {"MVAU_0": "fc0", "MVAU_1": "fc1", "MVAU_2": "fc2"}


def test_simulation_is_that_of_the_run_without_stalls():
    found = files(run(0.3, 9, 9999), run(0.0, 4, 4000))["rtlsim_performance.json"]

    assert (found["N"], found["cycles"], found["fclk[mhz]"]) == (4, 4000, 100.0)
    assert found["runtime[ms]"] == pytest.approx(0.04)
    assert found["throughput[images/s]"] == pytest.approx(1e5)
    assert found["DRAM_in_bandwidth[MB/s]"] == pytest.approx(98 * 8 * 2 / 8 * 0.1)
    assert found["DRAM_out_bandwidth[MB/s]"] == pytest.approx(10 * 8 / 8 * 0.1)


def test_a_failed_simulation_is_no_performance():
    assert "rtlsim_performance.json" not in files(run(0.0, 4, 4000, fault="1 mismatch"))
    assert "rtlsim_performance.json" not in files(run(0.3, 4, 4000))
