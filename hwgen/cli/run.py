"""``hwgen sim`` and ``hwgen evaluate``: run what was built."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from hwgen import flow
from hwgen.cli import console
from hwgen.cli import options as o
from hwgen.cli.application import app
from hwgen.flow.progress import Progress
from hwgen.report.figures import count


@app.command()
def sim(
    folder: o.FolderArgument,
    inputs: o.InputsOption = None,
    frames: Annotated[
        int | None, typer.Option("--frames", help="At most so many; default: all given, or 16.")
    ] = None,
    engine: o.EngineOption = "auto",
    stall: Annotated[
        float, typer.Option("--stall", help="Probability of a stalled cycle on either side.")
    ] = 0.0,
    outputs: Annotated[
        Path | None, typer.Option("--outputs", help="Write the network's outputs (.npy).")
    ] = None,
    vcd: Annotated[
        Path | None,
        typer.Option("--vcd", help="Write a waveform, with view files for GTKWave and Surfer."),
    ] = None,
    *,
    json: o.JsonOption = False,
    quiet: o.QuietOption = False,
    verbose: o.VerboseOption = False,
) -> None:
    """Simulate a built design on any inputs and compare it with the reference."""
    many = 16 if inputs is None else 2**31
    trial = flow.Trial(many if frames is None else frames, inputs, engine, stall)
    with console.running(quiet, verbose) as shown:
        found = flow.rerun(folder, trial, outputs=outputs, vcd=vcd, progress=Progress(shown))
    if json:
        console.emit_json(asdict(found))
        return
    console.line(
        f"{count(found.frames)} frames on {found.engine}: {count(found.mismatches)} mismatches in "
        f"{count(found.values)} values, {count(found.cycles_simulated)} cycles, as predicted "
        f"({count(found.cycles_per_second)} cycles per second)"
    )
    for path in (found.outputs, found.vcd):
        if path is not None:
            console.line(f"wrote {path}")
    if found.vcd is not None:
        views = (Path(found.vcd).with_suffix(suffix) for suffix in (".gtkw", ".sucl"))
        console.line("to look at it: gtkwave {}, or surfer -c {} {}".format(*views, found.vcd))


@app.command()
def evaluate(
    model: Annotated[
        Path,
        typer.Option("--model", help="Network file, or a folder that `hwgen build` wrote."),
    ],
    data: Annotated[
        Path, typer.Option("--data", help="Labelled set (.npz): x and y, or jpeg, offsets and y.")
    ],
    limit: Annotated[
        int | None, typer.Option("--limit", help="Use only the first so many frames.")
    ] = None,
    engine: Annotated[
        Literal["reference", "verilator", "cxxrtl", "amaranth"],
        typer.Option("--engine", help="The integer reference, or simulation of a build."),
    ] = "reference",
    input_type: o.InputTypeOption = None,
    input_scale: o.InputScaleOption = None,
    input_mean: o.InputMeanOption = None,
    input_std: o.InputStdOption = None,
    *,
    json: o.JsonOption = False,
    quiet: o.QuietOption = False,
    verbose: o.VerboseOption = False,
) -> None:
    """Measure a network's accuracy on a labelled set.

    Frames are reshaped to what the network takes, images turned to channels first where it wants
    that. With --input-scale and the like the network sees (x * scale - mean) / std of the
    integers in the set.
    """
    flags = flow.InputFlags(input_type, input_scale, input_mean, input_std)
    with console.running(quiet, verbose) as shown:
        found = flow.evaluate(
            model, data, flags=flags, limit=limit, engine=engine, progress=Progress(shown)
        )
    if json:
        console.emit_json(asdict(found))
        return
    console.line(
        f"{found.model}: {100 * found.accuracy:.2f} % of {count(found.frames)} frames right "
        f"({found.engine}, {found.seconds:.1f} s)"
    )
