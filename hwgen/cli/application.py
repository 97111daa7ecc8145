"""The command line's frame: one application, one place that turns errors into exit codes."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

import typer

from hwgen.cli import console
from hwgen.errors import HwgenError

app = typer.Typer(
    name="hwgen",
    help="Low-bit quantized neural networks to proven FPGA dataflow hardware.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def run() -> None:
    """Run the command line; ``HwgenError`` becomes one paragraph and its exit code."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        app()
    except HwgenError as error:
        console.complain(str(error))
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        console.complain("interrupted")
        sys.exit(130)
    except BrokenPipeError:  # the reader of stdout, for instance `head`, has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


def _terminate(number: int, frame: FrameType | None) -> None:
    del frame
    console.complain(f"ended by signal {number}")
    sys.exit(128 + number)
