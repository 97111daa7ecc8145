"""The options that several commands share, each defined once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from hwgen.errors import InputError

ModelOption = Annotated[
    Path, typer.Option("--model", help="Network file: QONNX, FINN-ONNX or QDQ.", show_default=False)
]
BoardOption = Annotated[
    str,
    typer.Option(
        "--board", help="Board name (see `hwgen boards`) or .toml file.", show_default=False
    ),
]
ClockOption = Annotated[
    float | None, typer.Option("--clock-mhz", help="Core clock; default: the board's.")
]
TargetOption = Annotated[
    float | None, typer.Option("--target-fps", help="Reach this with the least resources.")
]
MaximizeOption = Annotated[
    Literal["fps", "latency"] | None,
    typer.Option("--maximize", help="Best speed within the budget (default: fps)."),
]
FoldingOption = Annotated[
    Path | None, typer.Option("--folding", help="Take the folding from a file instead.")
]
BudgetOption = Annotated[
    str, typer.Option("--budget", help="Share of the board's resources to use.")
]
PinOption = Annotated[
    list[str] | None,
    typer.Option("--pin", help="Keep a layer's choice: LAYER:pe=4,simd=8,m=2 (repeatable)."),
]
FrontOption = Annotated[
    int, typer.Option("--front", help="Foldings from slow to fast to report beside the chosen one.")
]
InputTypeOption = Annotated[
    str | None,
    typer.Option("--input-type", help="The chip takes raw numbers of this type, such as uint8."),
]
InputScaleOption = Annotated[
    str | None, typer.Option("--input-scale", help="Factor on raw inputs, such as 1/255.")
]
InputMeanOption = Annotated[
    str | None, typer.Option("--input-mean", help="Subtracted after scaling; one or per channel.")
]
InputStdOption = Annotated[
    str | None, typer.Option("--input-std", help="Divides after that; one or per channel.")
]
ShellOption = Annotated[
    Literal["zynq", "uart", "axi-stream", "stream"] | None,
    typer.Option("--shell", help="What stands around the core; default: the board's."),
]
FramesOption = Annotated[
    int, typer.Option("--frames", help="Frames to simulate, with and without stalls each.")
]
InputsOption = Annotated[
    Path | None,
    typer.Option("--inputs", help="Frames (.npy) as the file takes them; default: random codes."),
]
EngineOption = Annotated[
    Literal["auto", "verilator", "cxxrtl", "amaranth"],
    typer.Option("--engine", help="Simulator; auto takes the fastest one here."),
]
StallOption = Annotated[
    float, typer.Option("--stall", help="Probability of a stalled cycle in the stalled run.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Machine-readable output on stdout.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")]
VerboseOption = Annotated[
    bool, typer.Option("--verbose", "-v", help="Keep a line for each step with its time.")
]
FolderArgument = Annotated[
    Path, typer.Argument(metavar="DIR", help="Folder that `hwgen build` wrote.")
]


def share(text: str) -> float:
    """Return ``70%`` or ``0.7`` as a number; raise ``InputError`` for anything else."""
    number = text.strip()
    try:
        return float(number[:-1]) / 100 if number.endswith("%") else float(number)
    except ValueError:
        raise InputError(f"--budget {text!r} is not a share; write 70% or 0.7") from None
