"""Runs the real command, in its own process, the way a user does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.flow.networks import tiny_mlp


@pytest.fixture
def hwgen(tmp_path):
    """Run ``hwgen`` with arguments in an empty folder; return the finished process."""
    folder = tmp_path / "work"
    folder.mkdir()

    def run(*arguments: object, columns: int = 80) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", "from hwgen.cli import main; main()", *map(str, arguments)],
            cwd=folder,
            env={**os.environ, "COLUMNS": str(columns), "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            check=False,
        )

    run.folder = folder
    return run


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    """A small quantized network file."""
    return tiny_mlp(tmp_path_factory.mktemp("tiny") / "tiny.onnx")


@pytest.fixture(scope="session")
def built(tmp_path_factory, tiny) -> Path:
    """The folder of a small network's build."""
    out = tmp_path_factory.mktemp("built") / "tiny"
    command = ["build", "--model", tiny, "--board", "pynq-z2", "--out", out, "--frames", 8]
    subprocess.run(
        [sys.executable, "-c", "from hwgen.cli import main; main()", *map(str, command)],
        check=True,
        capture_output=True,
    )
    return out
