"""A build's figures under FINN's file names and keys, for scripts that read those.

Layers are called as FINN calls them, ``MVAU_0``, ``Thresholding_1``: by kind, counted in stream
order, as ``--folding`` reads them; ``layer_names.json`` gives hwgen's name of each.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping

from hwgen.report.schema import Layer, Report, VerificationFile

# What FINN calls the layers that it knows; others keep their own name.
_KINDS = {
    "Mvu": "MVAU",
    "GroupedMvu": "MVAU",
    "Vvu": "VVAU",
    "Threshold": "Thresholding",
    "MaxPool": "StreamingMaxPool",
    "SumPool": "GlobalAccPool",
    "Add": "AddStreams",
    "Concat": "StreamingConcat",
    "Pad": "FMPadding",
    "Upsample": "UpsampleNearestNeighbour",
    "ArgMax": "LabelSelect",
    "Swu": "ConvolutionInputGenerator",
}


def finn_files(report: Report, proof: VerificationFile) -> dict[str, str]:
    """Return the texts of FINN's report files by file name."""
    names = _names(report)
    contents: dict[str, object] = {
        "estimate_layer_cycles.json": {names[layer.name]: layer.cycles for layer in report.layers},
        "estimate_layer_resources.json": _resources(report, names),
        "estimate_network_performance.json": _performance(report, names),
        "layer_names.json": {names[layer.name]: layer.name for layer in report.layers},
    }
    simulated = _simulated(report, proof)
    if simulated is not None:
        contents["rtlsim_performance.json"] = simulated
    return {name: json.dumps(content, indent=2) + "\n" for name, content in contents.items()}


def _names(report: Report) -> Mapping[str, str]:
    seen: Counter[str] = Counter()
    found: dict[str, str] = {}
    for layer in report.layers:
        kind = _KINDS.get(layer.op, layer.op)
        found[layer.name] = f"{kind}_{seen[kind]}"
        seen[kind] += 1
    return found


def _cells(lut: int, bram36: float, dsp: int) -> dict[str, float]:
    return {"BRAM_18K": round(2 * bram36), "LUT": lut, "URAM": 0, "DSP": dsp}


def _resources(report: Report, names: Mapping[str, str]) -> dict[str, dict[str, float]]:
    def cells(layer: Layer) -> dict[str, float]:
        return _cells(layer.lut, layer.bram36, layer.dsp)

    total = report.resources.estimate
    layers = {names[layer.name]: cells(layer) for layer in report.layers}
    return {**layers, "total": _cells(total.lut, total.bram36, total.dsp)}


def _performance(report: Report, names: Mapping[str, str]) -> dict[str, object]:
    found = report.performance
    return {
        "critical_path_cycles": found.latency_cycles,
        "max_cycles": found.ii_cycles,
        "max_cycles_node_name": names[found.bottleneck],
        "estimated_throughput_fps": found.fps,
        "estimated_latency_ns": 1000 * found.latency_us,
    }


def _simulated(report: Report, proof: VerificationFile) -> dict[str, object] | None:
    """Return what the run without stalls took, None where there was none."""
    run = next((run for run in proof.runs if not run.stall and not run.layers), None)
    if run is None or run.fault is not None:
        return None
    seconds = run.cycles_simulated / (report.clock_mhz * 1e6)
    per_frame = run.frames / seconds / 8e6
    sizes = [end.transfers * end.lanes * end.bits for end in (report.input, report.output)]
    return {
        "N": run.frames,
        "cycles": run.cycles_simulated,
        "runtime[ms]": 1000 * seconds,
        "throughput[images/s]": run.frames / seconds,
        "stable_throughput[images/s]": report.performance.fps,
        "latency_cycles": report.performance.latency_cycles,
        "fclk[mhz]": report.clock_mhz,
        "DRAM_in_bandwidth[MB/s]": sizes[0] * per_frame,
        "DRAM_out_bandwidth[MB/s]": sizes[1] * per_frame,
    }
