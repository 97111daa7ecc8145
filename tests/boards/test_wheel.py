import subprocess
import sys
import venv
from pathlib import Path

import pytest

from hwgen import boards

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_boards_ship_in_the_wheel(tmp_path):
    def run(*command):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run(sys.executable, "-m", "pip", "wheel", str(ROOT), "--no-deps", "-w", str(tmp_path))
    (wheel,) = tmp_path.glob("hwgen-*.whl")
    venv.create(tmp_path / "empty", with_pip=True)
    python = str(tmp_path / "empty" / "bin" / "python")
    run(python, "-m", "pip", "install", "--no-deps", str(wheel))
    run(python, "-m", "pip", "install", "pydantic")

    found = run(
        python,
        "-c",
        "import hwgen; from hwgen import boards; print(hwgen.__file__); "
        "print(*[boards.load(name).name for name in boards.known()])",
    ).splitlines()

    assert Path(found[0]).is_relative_to(tmp_path / "empty")
    assert found[1].split() == boards.known()
