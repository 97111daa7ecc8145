"""The published schema of ``report.json`` and ``verification.json``.

A value that is not known, for instance synthesis that was not run, is ``null``, never a guess.
Cycles are cycles of the core's clock; ``bram36`` counts 36 Kbit blocks in halves.
"""

from __future__ import annotations

from collections.abc import Mapping

from hwgen.report.schema_base import Section
from hwgen.report.schema_proof import (
    Compared,
    Divergence,
    Run,
    Ties,
    Verification,
    VerificationFile,
)
from hwgen.report.schema_time import FrontPoint, LayerTime, Span, Timeline

__all__ = [
    "FORMAT",
    "Compared",
    "Counts",
    "Divergence",
    "FrontPoint",
    "Layer",
    "LayerTime",
    "Model",
    "Performance",
    "Report",
    "Resources",
    "Run",
    "Section",
    "Span",
    "Step",
    "Stream",
    "Tensor",
    "Ties",
    "Timeline",
    "Verification",
    "VerificationFile",
]

FORMAT = 1


class Model(Section):
    """The network as the file describes it.

    sha256 : of the file's bytes
    macs : multiplications of a frame
    weight_bits : bits that hold all weights as the hardware stores them
    """

    name: str
    sha256: str
    macs: int
    weight_bits: int


class Tensor(Section):
    """What a frame holds at an end of the core: codes ``low..high`` of ``bits`` on the wire.

    transfers : transfers of a frame, each of ``lanes`` codes
    """

    shape: tuple[int, ...]
    low: int
    high: int
    bits: int
    lanes: int
    transfers: int


class Performance(Section):
    """Exact cycles of the core, and what the board's link makes of them.

    latency_cycles : first input accepted to last output of that frame, on an idle design
    ii_cycles : steady interval between frames; not whole where the pattern spans several
    io_cycles : interval that the board's link alone would allow; null without such a link
    fps_with_io : frames per second that the link and the core sustain together
    """

    fps: float
    latency_cycles: int
    latency_us: float
    ii_cycles: int | float
    bottleneck: str
    fps_with_io: float | None
    io_cycles: int | None = None


class Counts(Section):
    """Cells, in the units of the board's family."""

    lut: int
    ff: int
    bram36: float
    dsp: int


class Routed(Section):
    """What place and route gave for the whole chip, shell included.

    clock_mhz : asked for
    fmax_mhz : reached
    critical : layers on the slowest path, ``shell`` for what is around the core
    seed : of the placement
    bitstream : file in the build's folder
    """

    tool: str
    clock_mhz: float
    fmax_mhz: float
    critical: tuple[str, ...]
    resources: Counts
    seed: int
    bitstream: str
    seconds: float


class Resources(Section):
    """What the design is estimated to need, what synthesis counted, and what there is.

    lut_error : relative error to expect of the estimated LUTs, as measured on synthesised parts
    logic_ns : longest path between registers through cells alone, by Yosys; wires are not counted,
        so it is no clock period. None where synthesis was not run or knows no delays of the family
    """

    estimate: Counts
    synth: Counts | None
    available: Counts
    budget: float
    lut_error: float | None = None
    logic_ns: float | None = None


class Layer(Section):
    """One layer of hardware.

    source : the layer of the model file it came from
    cycles : busy cycles per frame
    acc_bits, acc_low, acc_high : width and range of the exact sums, for layers with a matrix
    weights : numbers in the matrix
    thresholds : levels per channel, for layers that have them
    fifo_depth : of the stream that leaves it; 0 where it is joined to its reader directly
    synth : counts of this layer alone
    ties : channels on which an exact tie decides a code
    """

    name: str
    op: str
    source: str = ""
    pe: int = 1
    simd: int = 1
    m: int = 1
    style: str | None = None
    memory: str | None = None
    cycles: int
    lut: int
    ff: int
    bram36: float
    dsp: int
    weight_bits: int | None = None
    input_bits: int
    output_bits: int
    acc_bits: int | None = None
    acc_low: int | None = None
    acc_high: int | None = None
    weights: int = 0
    thresholds: int | None = None
    macs: int = 0
    fifo_depth: int
    synth: Counts | None = None
    ties: int = 0


class Stream(Section):
    """A stream between layers: ``lanes`` codes of ``bits`` through a FIFO of ``depth`` transfers.

    peak : largest occupancy at the steady interval
    """

    source: str
    target: str
    lanes: int
    bits: int
    depth: int
    peak: int | None = None


class Step(Section):
    """A step of the build and its wall time."""

    name: str
    seconds: float


class Report(Section):
    """All figures of a build, as ``report.json`` holds them.

    timelines : of the first frame and of one in steady flow
    front : cheapest foldings from slow to fast, none where the folding was given
    versions : of the programs that took part
    """

    format: int = FORMAT
    hwgen: str
    command: str
    model: Model
    board: str
    part: str
    clock_mhz: float
    performance: Performance
    resources: Resources
    layers: tuple[Layer, ...]
    streams: tuple[Stream, ...]
    input: Tensor
    output: Tensor
    verification: Verification | None
    steps: tuple[Step, ...] = ()
    timelines: tuple[Timeline, ...] = ()
    front: tuple[FrontPoint, ...] = ()
    versions: Mapping[str, str] = {}
    routed: Routed | None = None

    @property
    def verified(self) -> bool:
        """Whether simulation and ONNX execution agree with the reference in every integer."""
        found = self.verification
        return (
            found is not None
            and found.values > 0
            and found.mismatches == 0
            and found.cycles_predicted == found.cycles_simulated
            and not found.onnx_unexplained
        )
