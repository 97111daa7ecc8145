"""Runs the command line as a user does, in this process to save its start-up."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from hwgen import cli, flow
from tests.flow.networks import tiny_mlp


@dataclass(frozen=True)
class Done:
    """A finished command."""

    returncode: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Command:
    """``hwgen``, run in the empty folder ``folder``."""

    folder: Path
    run: Callable[..., Done]

    def __call__(self, *arguments: object) -> Done:
        return self.run(*arguments)


@pytest.fixture
def hwgen(tmp_path, monkeypatch, capsys) -> Command:
    """Run ``hwgen`` with arguments; return exit status and what it wrote."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(signal, "signal", lambda *_: None)

    def run(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["hwgen", *map(str, arguments)])
        capsys.readouterr()
        try:
            cli.main()
            status = 0
        except SystemExit as stop:
            status = stop.code if isinstance(stop.code, int) else int(bool(stop.code))
        captured = capsys.readouterr()
        return Done(status, captured.out, captured.err)

    return Command(folder, run)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    """A small quantized network file."""
    return tiny_mlp(tmp_path_factory.mktemp("tiny") / "tiny.onnx")


@pytest.fixture(scope="session")
def built(tmp_path_factory, tiny) -> Path:
    """The folder of a small network's build."""
    out = tmp_path_factory.mktemp("built") / "tiny"
    request = flow.Request(model=tiny, board="pynq-z2", maximize="fps")
    flow.build(request, flow.Trial(frames=8), out, command="hwgen build ...").require()
    return out
