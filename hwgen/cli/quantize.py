"""``hwgen quantize``: a trained float network becomes low-bit without training."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

import typer
from rich.table import Table

from hwgen import boards, flow
from hwgen.cli import console
from hwgen.cli import options as o
from hwgen.cli.application import app
from hwgen.errors import BudgetError, InputError, OutputError, suggest
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
    weight_bits: Annotated[
        int | None, typer.Option("--weight-bits", help="2 to 8; default 4, tsq 2.")
    ] = None,
    act_bits: Annotated[
        int | None, typer.Option("--act-bits", help="2 to 8; default 8, tsq 2.")
    ] = None,
    input_bits: Annotated[int, typer.Option("--input-bits", help="2 to 8.")] = 8,
    edge_bits: Annotated[
        int | None, typer.Option("--edge-bits", help="First and last layer's weights; tsq 8.")
    ] = None,
    layer_bits: Annotated[
        list[str] | None, typer.Option("--layer-bits", help="LAYER=BITS (repeatable).")
    ] = None,
    variant: Annotated[
        Literal["nearest", "stochastic", "soft", "hard"] | None,
        typer.Option("--variant", help="GPFQ's rounding; default nearest."),
    ] = None,
    levels: Annotated[
        Literal["hardware", "published"] | None,
        typer.Option("--levels", help="GPFQ's alphabet; default hardware."),
    ] = None,
    options: Annotated[
        list[str] | None,
        typer.Option("--set", help="NAME=VALUE of the method's configuration (repeatable)."),
    ] = None,
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
        "variant": variant,
        "levels": levels,
    }
    config = _config(method, {k: v for k, v in given.items() if v is not None}, options or [])
    if budget_luts is not None and budget_bits is not None:
        raise InputError("--budget-luts and --budget-bits exclude each other; give one")
    ptq.check_exportable(config)
    _check_out(out)
    texts = input_type, input_scale, input_mean, input_std
    data = ptq.read_data(calib, test, samples, convention=_convention(*texts))
    with console.running(quiet) as shown:
        shown.step("reading the network")
        job = _Job(ptq.load_network(model, state), config, data, shown)
        if budget_luts is not None:
            found = job.within_luts(budget_luts, board, target_fps)
        elif budget_bits is not None:
            shown.step("choosing bits")
            budget = ptq.Budget(budget_bits, "bits")
            found = job.run(ptq.allocated(job.network, config, data, budget))
        else:
            found = job.run(config)
        shown.step("exporting")
        found.export(out)
        after = None
        if data.test is not None:
            shown.step("measuring accuracy")
            after = ptq.reference_accuracy(out, data, data.test)
    _tell(found, after, out, json)
    if config.exported_bits(0) and not json:
        console.line("the published alphabet has 2^b + 1 levels: b bit are exported as b + 1")


def _config(method: str, given: dict[str, Any], options: list[str]) -> Config:
    """Return the method's configuration; ``options`` are further fields as ``NAME=VALUE``."""
    from pydantic import TypeAdapter, ValidationError

    from hwgen import ptq

    kind: type[Config] = {
        "gpfq": ptq.GPFQConfig,
        "qmse": ptq.QMSEConfig,
        "tsq": ptq.TSQConfig,
    }[method]
    hints = get_type_hints(kind)
    for name in given:
        if name not in hints:
            raise InputError(f"--{name} is an option of --method gpfq; leave it out for {method}")
    for text in options:
        name, _, value = text.partition("=")
        if name not in hints or name == "layer_bits":
            known = sorted(set(hints) - {"layer_bits"})
            raise InputError(f"--set {text!r}: {method} has no option {name}{suggest(name, known)}")
        try:
            given[name] = TypeAdapter(hints[name]).validate_strings(value)
        except ValidationError as error:
            told = error.errors()[0]["msg"]
            raise InputError(f"--set {text!r}: {told[0].lower()}{told[1:]}") from None
    return kind(**given)


def _check_out(out: Path) -> None:
    """Raise ``OutputError`` where ``out`` cannot be written, before hours are spent."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out.parent):
            pass
    except OSError as error:
        raise OutputError(f"--out {out} cannot be written: {error.strerror}") from None
    if out.is_dir():
        raise OutputError(f"--out {out} is a folder; name a file such as {out / 'model.onnx'}")


class _Job:
    """Quantizes one network, as often as a budget needs."""

    def __init__(self, network: Any, config: Config, data: Data, shown: console.Terminal) -> None:
        self.network = network
        self.config = config
        self.data = data
        self.shown = shown

    def run(self, config: Config) -> Quantized:
        """Quantize."""
        from hwgen import ptq

        def told(row: ptq.LayerRow) -> None:
            self.shown.step(f"{row.name}: {row.bits} bit, relative error {row.error:.3g}")

        return ptq.quantize(self.network, config, self.data, told)

    def within_luts(self, luts: int, board: str, target_fps: float) -> Quantized:
        """Lower the budget of the weights until the whole design fits.

        The design holds more than matrix units: what it takes beyond them is known once one is
        estimated. Where no choice fits, the narrowest weights say what the least is.
        """
        from hwgen import ptq

        clock_mhz = boards.load(board).clock.core_mhz
        family = boards.load(board).family
        self.shown.step("measuring what each layer's bits cost")
        budget = ptq.Budget(luts, "luts", family, max(1, int(clock_mhz * 1e6 / target_fps)))
        errors, costs = ptq.measured(self.network, self.config, self.data, budget)
        narrowest = {name: min(row) for name, row in costs.items()}
        limit = float(luts)
        for _ in range(_TRIES):
            try:
                chosen = ptq.choose(errors, costs, replace(budget, limit=limit))
            except BudgetError:
                break
            found, whole = self._design(chosen.bits, board, target_fps)
            if whole <= luts:
                return found
            if chosen.bits == narrowest:
                raise self._too_small(luts, whole, board, target_fps)
            limit = min(limit, chosen.cost) - (whole - luts)
        found, whole = self._design(narrowest, board, target_fps)
        if whole <= luts:
            return found
        raise self._too_small(luts, whole, board, target_fps)

    def _design(
        self, bits: Mapping[str, int], board: str, target_fps: float
    ) -> tuple[Quantized, float]:
        """Return the network of these bits and the LUTs of its whole design."""
        found = self.run(replace(self.config, layer_bits=bits))
        self.shown.step("estimating the design")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.onnx"
            found.export(path)
            request = flow.Request(path, board, target_fps=target_fps, budget=1.0)
            design = flow.estimate(request, command="", progress=Progress())
        return found, design.resources.estimate.lut

    def _too_small(self, luts: int, least: float, board: str, target_fps: float) -> BudgetError:
        return BudgetError(
            f"--budget-luts {luts:,} is too small: with the narrowest weights the whole design "
            f"takes {least:,.0f} LUTs at {target_fps:g} frames a second on {board}, the smallest "
            f"possible; give that, lower --target-fps or --act-bits"
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
    flow.InputFlags(kind, scale, mean, std).options(fed="uint8")  # refuses what is no number
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
