"""``hwgen quantize``: a trained float network becomes low-bit without training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.table import Table

from hwgen import boards, flow
from hwgen.cli import console
from hwgen.cli import options as o
from hwgen.cli.application import app
from hwgen.errors import BudgetError, InputError
from hwgen.flow.progress import Progress

if TYPE_CHECKING:
    from hwgen.ptq import Data, Quantized
    from hwgen.ptq.config import Config

_TRIES = 5  # designs that a LUT budget may need


@app.command()
def quantize(
    model: Annotated[str, typer.Argument(help="Float .onnx, or package.module:factory.")],
    calib: Annotated[Path, typer.Option("--calib", help="Samples: .npy, or .npz with x, maybe y.")],
    method: Annotated[Literal["gpfq", "qmse", "tsq"], typer.Option("--method")] = "gpfq",
    state: Annotated[Path | None, typer.Option("--state", help="Weights of the factory.")] = None,
    weight_bits: Annotated[int, typer.Option("--weight-bits", help="2 to 8.")] = 4,
    act_bits: Annotated[int, typer.Option("--act-bits", help="2 to 8.")] = 8,
    input_bits: Annotated[int, typer.Option("--input-bits", help="2 to 8.")] = 8,
    edge_bits: Annotated[
        int | None, typer.Option("--edge-bits", help="First and last layer's weights.")
    ] = None,
    layer_bits: Annotated[
        list[str] | None, typer.Option("--layer-bits", help="LAYER=BITS (repeatable).")
    ] = None,
    variant: Annotated[
        Literal["nearest", "stochastic", "soft", "hard"], typer.Option("--variant", help="GPFQ's.")
    ] = "nearest",
    levels: Annotated[
        Literal["hardware", "published"], typer.Option("--levels", help="GPFQ's alphabet.")
    ] = "hardware",
    samples: Annotated[
        int, typer.Option("--samples", help="Of the calibration set.", min=1)
    ] = 1024,
    test: Annotated[
        Path | None, typer.Option("--test", help="Labelled samples to measure accuracy on.")
    ] = None,
    out: Annotated[Path, typer.Option("--out", help="QONNX file to write.")] = Path("model.onnx"),
    budget_luts: Annotated[
        int | None, typer.Option("--budget-luts", help="Choose each layer's bits within these.")
    ] = None,
    budget_bits: Annotated[
        int | None, typer.Option("--budget-bits", help="The same for the bits of all weights.")
    ] = None,
    board: Annotated[str, typer.Option("--board", help="Of the LUT budget.")] = "pynq-z2",
    target_fps: Annotated[
        float, typer.Option("--target-fps", help="Speed at which LUTs count.", min=1e-3)
    ] = 1000.0,
    input_type: o.InputTypeOption = None,
    input_scale: o.InputScaleOption = None,
    input_mean: o.InputMeanOption = None,
    input_std: o.InputStdOption = None,
    *,
    usp: Annotated[bool, typer.Option(help="Take BatchNorm statistics anew.")] = True,
    json: o.JsonOption = False,
    quiet: o.QuietOption = False,
) -> None:
    """Quantize a float network without training and write QONNX for `hwgen build`."""
    from hwgen import ptq  # loads torch, which few commands need

    given: dict[str, Any] = {
        "weight_bits": weight_bits,
        "act_bits": act_bits,
        "input_bits": input_bits,
        "edge_bits": edge_bits,
        "layer_bits": _layer_bits(layer_bits or []),
        "usp": usp,
    }
    if method == "gpfq":
        config: Config = ptq.GPFQConfig(**given, variant=variant, levels=levels)
    else:
        config = (ptq.QMSEConfig if method == "qmse" else ptq.TSQConfig)(**given)
    texts = input_type, input_scale, input_mean, input_std
    data = ptq.read_data(calib, test, samples, convention=_convention(*texts))
    with console.running(quiet) as shown:
        shown.step("reading the network")
        network = ptq.load_network(model, state)
        ptq.check_exportable(config)
        job = _Job(network, config, data, out, shown)
        if budget_luts is not None:
            found = job.within_luts(budget_luts, board, target_fps)
        elif budget_bits is not None:
            shown.step("choosing bits")
            found = job.run(ptq.allocated(network, config, data, ptq.Budget(budget_bits, "bits")))
        else:
            found = job.run(config)
        shown.step("measuring accuracy")
        after = None
        if data.test is not None:
            after = ptq.reference_accuracy(out, data, data.test)
    _tell(found, after, out, json)


class _Job:
    """Quantizes one network, as often as a budget needs."""

    def __init__(
        self, network: Any, config: Config, data: Data, out: Path, shown: console.Terminal
    ) -> None:
        self.network = network
        self.config = config
        self.data = data
        self.out = out
        self.shown = shown

    def run(self, config: Config) -> Quantized:
        """Quantize and export."""
        from hwgen import ptq

        def told(row: ptq.LayerRow) -> None:
            self.shown.step(f"{row.name}: {row.bits} bit, relative error {row.error:.3g}")

        found = ptq.quantize(self.network, config, self.data, told)
        self.shown.step("exporting")
        found.export(self.out)
        return found

    def within_luts(self, luts: int, board: str, target_fps: float) -> Quantized:
        """Lower the budget of the weights until the whole design fits.

        The design holds more than matrix units: what it takes beyond them is known once one is
        estimated.
        """
        from hwgen import ptq

        clock_mhz = boards.load(board).clock.core_mhz
        family = boards.load(board).family
        limit, whole = float(luts), 0.0
        request = flow.Request(self.out, board, target_fps=target_fps, budget=1.0)
        for _ in range(_TRIES):
            self.shown.step(f"choosing bits for {limit:,.0f} LUTs of matrix units")
            budget = ptq.Budget(limit, "luts", family, int(clock_mhz * 1e6 / target_fps))
            chosen = ptq.allocation(self.network, self.config, self.data, budget)
            found = self.run(replace(self.config, layer_bits=chosen.bits))
            self.shown.step("estimating the design")
            whole = flow.estimate(request, command="", progress=Progress()).resources.estimate.lut
            if whole <= luts:
                return found
            limit = min(limit, chosen.cost) - (whole - luts)
        raise BudgetError(
            f"--budget-luts {luts:,}: the smallest design found takes {whole:,.0f} LUTs at "
            f"{target_fps:g} frames a second on {board}; give that, or lower --target-fps"
        )


def _layer_bits(texts: list[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for text in texts:
        name, _, bits = text.rpartition("=")
        if not name or not bits.isdigit():
            raise InputError(f"--layer-bits {text!r} is not LAYER=BITS, such as body.0.conv=3")
        found[name] = int(bits)
    return found


def _convention(
    kind: str | None, scale: str | None, mean: str | None, std: str | None
) -> Any | None:
    """Return what raw samples mean, None where the samples are the network's input."""
    from hwgen.train import InputConvention

    if kind is None and scale is None and mean is None and std is None:
        return None
    plain = InputConvention()
    return replace(
        plain,
        type=kind or plain.type,
        scale=scale or "1",
        mean=tuple(mean.split(",")) if mean else plain.mean,
        std=tuple(std.split(",")) if std else plain.std,
    )


def _tell(found: Quantized, after: float | None, out: Path, json: bool) -> None:
    if json:
        console.emit_json(
            {
                "model": str(out),
                "output_error": found.error,
                "accuracy_before": found.before,
                "accuracy": after,
                "layers": [
                    {"name": row.name, "bits": row.bits, "error": row.error} for row in found.rows
                ],
            }
        )
        return
    table = Table(box=None, pad_edge=False)
    for head in ("Layer", "Bits", "Relative error"):
        table.add_column(head, justify="left" if head == "Layer" else "right")
    for row in found.rows:
        table.add_row(row.name, str(row.bits), f"{row.error:.4f}")
    console.out.print(table)
    if after is not None:
        console.line(f"accuracy {found.before:.2%} float, {after:.2%} as integers")
    console.line(f"relative error of the output {found.error:.4f}; wrote {out}")
