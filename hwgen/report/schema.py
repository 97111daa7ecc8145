"""The published schema of ``report.json`` and ``verification.json``.

A value that is not known, for instance synthesis that was not run, is ``null``, never a guess.
Cycles are cycles of the core's clock; ``bram36`` counts 36 Kbit blocks in halves.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

FORMAT = 1


class Section(BaseModel):
    """A part of a report: immutable, and strict about its keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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


class Resources(Section):
    """What the design is estimated to need, what synthesis counted, and what there is."""

    estimate: Counts
    synth: Counts | None
    available: Counts
    budget: float


class Layer(Section):
    """One layer of hardware.

    source : the layer of the model file it came from
    cycles : busy cycles per frame
    acc_bits : bits of the exact sums, for layers with a matrix
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


class Verification(Section):
    """All simulation runs together.

    frames, values : simulated frames, and integers compared over all runs
    cycles_predicted, cycles_simulated : of the run without stalls, first input to last output
    ties : channels, over all layers, on which an exact tie decides a code
    onnx_unexplained : codes that differ from ONNX execution beyond its own rounding
    """

    engine: str
    frames: int
    values: int
    mismatches: int
    cycles_predicted: int
    cycles_simulated: int
    ties: int
    onnx_frames: int = 0
    onnx_explained: int | None = None
    onnx_unexplained: int | None = None


class Divergence(Section):
    """The first integer that differs from the reference."""

    frame: int
    layer: str
    source: str
    pixel: tuple[int, ...]
    channel: int
    expected: int
    got: int


class Run(Section):
    """One simulation: ``frames`` back to back, with this share of stalled cycles on either side.

    layers : every layer's codes were compared, not the network's output alone; one mismatch then
        stands for at least one
    """

    engine: str
    layers: bool
    stall: float
    frames: int
    values: int
    mismatches: int
    cycles_predicted: int
    cycles_simulated: int
    seconds: float
    divergence: Divergence | None
    fault: str | None


class Ties(Section):
    """Exact ties of one layer of the file: the rounding rule alone decides these codes."""

    layer: str
    channels: tuple[int, ...]
    codes: int


class Compared(Section):
    """One layer against ONNX execution, fed with the hardware's codes.

    explained : codes that differ, but whose real value lies within float32's error of a threshold
    unexplained : codes that differ otherwise, which is an error; first : of these
    """

    layer: str
    values: int
    differing: int
    explained: int
    unexplained: int
    first: str | None


class VerificationFile(Section):
    """All of ``verification.json``.

    meaning : what "equal" claims
    onnx_frames : frames compared with ONNX execution
    """

    meaning: str
    runs: tuple[Run, ...]
    ties: tuple[Ties, ...]
    onnx_frames: int
    onnx: tuple[Compared, ...]


class Step(Section):
    """A step of the build and its wall time."""

    name: str
    seconds: float


class Report(Section):
    """All figures of a build, as ``report.json`` holds them."""

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
