"""The ``hwgen`` command: argument parsing that calls the flow."""

from hwgen.cli import board, build, inspect, quantize, report, run, train
from hwgen.cli.application import app
from hwgen.cli.application import run as main

__all__ = ["app", "board", "build", "inspect", "main", "quantize", "report", "run", "train"]
