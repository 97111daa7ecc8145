"""The command line's frame: one application, one place that turns errors into exit codes."""

from __future__ import annotations

import signal
import sys
import warnings
from types import FrameType

import typer

from hwgen.cli import console

app = typer.Typer(
    name="hwgen",
    help="Low-bit quantized neural networks to proven FPGA dataflow hardware.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["--help", "-h"]},
)

_INTERRUPTED = (128 + signal.SIGINT, 128 + signal.SIGTERM)


def run() -> None:
    """Run the command line; ``HwgenError`` becomes one paragraph and its exit code."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        with console.ending():
            app()
    except SystemExit as stop:
        if stop.code in _INTERRUPTED:
            warnings.simplefilter("ignore")  # half-made hardware complains that it is unused
        raise


def _terminate(number: int, frame: FrameType | None) -> None:
    del frame
    console.complain(f"ended by signal {number}")
    sys.exit(128 + number)
