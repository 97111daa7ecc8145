"""``hwgen build`` and ``hwgen estimate``: decide on a design, and make it."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from hwgen import flow
from hwgen.cli import console
from hwgen.cli import options as o
from hwgen.cli.application import app
from hwgen.flow.progress import Progress
from hwgen.report import terminal


@app.command()
def build(
    model: o.ModelOption,
    board: o.BoardOption,
    out: Annotated[
        Path | None, typer.Option("--out", help="Output folder (default: out/NAME-BOARD).")
    ] = None,
    clock_mhz: o.ClockOption = None,
    target_fps: o.TargetOption = None,
    maximize: o.MaximizeOption = None,
    folding: o.FoldingOption = None,
    budget: o.BudgetOption = "70%",
    pin: o.PinOption = None,
    front: o.FrontOption = 5,
    input_type: o.InputTypeOption = None,
    input_scale: o.InputScaleOption = None,
    input_mean: o.InputMeanOption = None,
    input_std: o.InputStdOption = None,
    frames: o.FramesOption = 16,
    inputs: o.InputsOption = None,
    engine: o.EngineOption = "auto",
    stall: o.StallOption = 0.3,
    shell: o.ShellOption = None,
    synth: Annotated[
        bool, typer.Option("--synth", help="Also synthesise with Yosys and count cells.")
    ] = False,
    reports: Annotated[
        Literal["finn"] | None,
        typer.Option("--reports", help="Also write report/ with FINN's file names and keys."),
    ] = None,
    bitstream: Annotated[
        bool, typer.Option("--bitstream", help="Place and route; make the file a board loads.")
    ] = False,
    seeds: Annotated[
        int, typer.Option("--seeds", help="Placements to try until the clock is met.", min=1)
    ] = 1,
    json: o.JsonOption = False,
    quiet: o.QuietOption = False,
    verbose: o.VerboseOption = False,
) -> None:
    """Turn a network into Verilog, prove it by simulation and report what it costs."""
    request = flow.Request(
        model=model,
        board=board,
        clock_mhz=clock_mhz,
        folding=folding,
        maximize=maximize,
        target_fps=target_fps,
        budget=o.share(budget),
        pins=tuple(pin or ()),
        input=flow.InputFlags(input_type, input_scale, input_mean, input_std),
        front=front,
        shell=shell,
    )
    trial = flow.Trial(frames=frames, inputs=inputs, engine=engine, stall=stall)
    target = out or Path("out") / f"{flow.network_name(model)}-{Path(board).stem}"
    with console.running(quiet, verbose) as shown:
        built = flow.build(
            request,
            trial,
            target,
            synth=synth,
            finn=reports == "finn",
            seeds=seeds if bitstream else 0,
            command=_command(),
            progress=Progress(shown),
        )
    report = built.report
    if json:
        console.emit_json(report)
    else:
        console.out.print(terminal.layers(report))
        console.out.print(terminal.fit(report))
        if report.routed is not None:
            console.line(terminal.routed(report))
        console.line(terminal.closing(report, target / "report.html"))
    built.require()


@app.command()
def estimate(
    model: o.ModelOption,
    board: o.BoardOption,
    clock_mhz: o.ClockOption = None,
    target_fps: o.TargetOption = None,
    maximize: o.MaximizeOption = None,
    folding: o.FoldingOption = None,
    budget: o.BudgetOption = "70%",
    pin: o.PinOption = None,
    front: o.FrontOption = 5,
    input_type: o.InputTypeOption = None,
    input_scale: o.InputScaleOption = None,
    input_mean: o.InputMeanOption = None,
    input_std: o.InputStdOption = None,
    json: o.JsonOption = False,
    quiet: o.QuietOption = False,
    verbose: o.VerboseOption = False,
) -> None:
    """Make the same decisions as build and print the same figures, without hardware."""
    request = flow.Request(
        model=model,
        board=board,
        clock_mhz=clock_mhz,
        folding=folding,
        maximize=maximize,
        target_fps=target_fps,
        budget=o.share(budget),
        pins=tuple(pin or ()),
        input=flow.InputFlags(input_type, input_scale, input_mean, input_std),
        front=front,
    )
    with console.running(quiet, verbose) as shown:
        report = flow.estimate(request, command=_command(), progress=Progress(shown))
    if json:
        console.emit_json(report)
        return
    console.out.print(terminal.layers(report))
    console.out.print(terminal.fit(report))
    console.line(terminal.speed(report))


def _command() -> str:
    return shlex.join(["hwgen", *sys.argv[1:]])
