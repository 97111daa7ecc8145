"""The wheel holds all that an installed hwgen needs."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.flow.networks import tiny_mlp

ROOT = Path(__file__).resolve().parents[2]


def sh(*command: str | Path, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    sh(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, cwd=ROOT)
    (path,) = out.glob("*.whl")
    return path


def test_the_wheel_holds_boards_data_files_and_licence(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())

    boards = {path.name for path in (ROOT / "boards").glob("*.toml")}
    assert {f"hwgen/_boards/{name}" for name in boards} <= names
    for path in (ROOT / "hwgen").rglob("*"):
        if path.suffix in {".py", ".css", ".js", ".cpp"}:
            assert str(path.relative_to(ROOT)) in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if name.startswith(("tests/", "sim/", "designs/"))]


def test_boards_are_found_where_the_wheel_puts_them(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path)
    code = (
        "import hwgen, hwgen.boards as b; "
        "print(hwgen.__file__, *b.known(), b.load('pynq-z2').device.part)"
    )

    found = sh(sys.executable, "-c", code, cwd=tmp_path, PYTHONPATH=str(tmp_path)).split()

    assert Path(found[0]).is_relative_to(tmp_path)
    assert found[1:-1] == sorted(path.stem for path in (ROOT / "boards").glob("*.toml"))
    assert found[-1] == "xc7z020clg400-1"


@pytest.mark.slow
def test_an_installed_wheel_builds_a_network(wheel, tmp_path):
    sh(sys.executable, "-m", "venv", tmp_path / "venv", cwd=tmp_path)
    bin_folder = tmp_path / "venv" / "bin"
    constraints = ROOT / "constraints.txt"
    sh(bin_folder / "python", "-m", "pip", "install", "-q", "-c", constraints, wheel, cwd=tmp_path)
    model = tiny_mlp(tmp_path / "tiny.onnx")

    assert "pynq-z2" in sh(bin_folder / "hwgen", "boards", cwd=tmp_path)
    last = sh(
        bin_folder / "hwgen",
        "build",
        "--model",
        model,
        "--board",
        "pynq-z2",
        "--out",
        "out",
        "--frames",
        "4",
        cwd=tmp_path,
    ).splitlines()[-1]

    assert "0 mismatches in" in last
    assert (tmp_path / "out" / "report.html").exists()
    assert list((tmp_path / "out" / "rtl").glob("*.v"))
