"""What others published for the networks of ``designs/``, to stand beside what is simulated here.

All on a Zynq-7020 at 100 MHz unless the figure says otherwise; none of it was measured here.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Peer:
    """Published figures of a network that is alike; None where nothing was published.

    source : where the figures were published
    """

    name: str
    source: str
    fps: float | None = None
    latency_us: float | None = None
    lut: int | None = None
    bram36: float | None = None
    dsp: int | None = None


_FINN = "FINN (Umuroglu et al. 2017) and its BNN-PYNQ successors, on the board"
_MLPERF = "MLPerf Tiny 0.7 and 1.0, on the board"

PEERS: dict[str, tuple[Peer, ...]] = {
    "cnv_w1a1": (Peer("FINN CNV-W1A1", _FINN, 3_020, 1_510.0, 26_072, 124, 24),),
    "cnv_w2a2": (Peer("FINN CNV-W2A2", _FINN, None, None, 37_302, 140),),
    "resnet_w2a2": (Peer("hls4ml CIFAR-10 CNN", _MLPERF, None, 7_600.0),),
    "tfc_w1a1": (Peer("FINN TFC-W1A1, bound by its input", _FINN, 837_019),),
}


_ESTIMATED = "FINN+ 1.6.1's estimate for the same file, not built"

# Beside the networks of ``sim.networks``.
NETWORKS: dict[str, tuple[Peer, ...]] = {
    "TFC W1A1": (Peer("FINN TFC-W1A1, bound by its input", _FINN, 837_019),),
    "TFC W2A2": (Peer("FINN+", _ESTIMATED, 127_551, 40.3, 2_612, 5.5),),
    "TFC W2A2, fast": (Peer("FINN+", _ESTIMATED, 1_020_408, 5.1, 10_387, 19),),
    "KWS W3A3": (
        Peer("FINN KWS MLP W3A3", _MLPERF, 247_502, 17.5),
        Peer("FINN+", _ESTIMATED, 204_082, 17.9, 31_891, 36),
    ),
    "CNV W1A1": PEERS["cnv_w1a1"],
    "CNV W2A2": PEERS["cnv_w2a2"],
    "ResNet-8 W2A2": PEERS["resnet_w2a2"],
}


def peers_of(design: str) -> tuple[Peer, ...]:
    """Return what was published for networks like this design, nothing where none is known."""
    return PEERS.get(design, ())
