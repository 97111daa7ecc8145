"""What was compared with what: a report's part, and all of ``verification.json``."""

from __future__ import annotations

from hwgen.report.schema_base import Section


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
