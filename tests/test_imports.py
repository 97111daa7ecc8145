"""Packages of ``hwgen`` import only the packages below them."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1] / "hwgen"

ALLOWED: dict[str, set[str]] = {
    "errors": set(),
    "ir": set(),
    "frontend": {"ir"},
    "boards": set(),
    "arith": set(),
    "timing": set(),
    "link": set(),
    "dataflow": {"ir", "arith", "timing"},
    "estimate": {"ir", "boards", "arith", "timing", "dataflow"},
    "search": {"ir", "boards", "timing", "estimate", "dataflow"},
    "passes": {"ir", "timing", "estimate", "dataflow"},
    "rtl": {"arith", "timing", "link"},
    "emit": {"ir", "rtl", "boards", "dataflow", "link"},
    "tools": set(),
    "verify": {"ir", "emit", "timing", "tools", "dataflow"},
    "backend": {"boards", "tools"},
    "host": {"ir", "frontend", "dataflow", "link"},
    "report": {"ir", "timing", "estimate", "dataflow"},
    "train": {"ir", "frontend"},
    "ptq": {"ir", "frontend", "train", "estimate"},
}
EVERYTHING = {"flow", "cli"}


def imported(source: str, package: list[str]) -> set[str]:
    """Return every module a source file imports, as dotted names; ``package`` is its own."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            names.update(f"{module}.{alias.name}" for alias in node.names)
    return names


def violations(owner: str, source: str, package: list[str]) -> list[str]:
    """Return what ``source``, a file of ``owner``, must not import."""
    found: list[str] = []
    for name in sorted(imported(source, package)):
        top, _, rest = name.partition(".")
        part = rest.split(".")[0]
        if top == "torch" and owner not in {"train", "ptq"}:
            found.append(f"{owner} imports {name}: only train and ptq may load torch")
        if top in {"tests", "sim"}:
            found.append(f"{owner} imports {name}: the package stands alone")
        if top != "hwgen" or part in {owner, "errors", "__version__", ""}:
            continue
        if owner not in EVERYTHING and part not in ALLOWED[owner]:
            found.append(f"{owner} imports {name}: allowed are {sorted(ALLOWED[owner])}")
    return found


def sources() -> list[Path]:
    return sorted(path for path in ROOT.rglob("*.py") if path.parent != ROOT or path.stem[0] != "_")


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_only_what_the_map_allows(path):
    relative = path.relative_to(ROOT)
    owner = relative.parts[0].removesuffix(".py")
    assert owner in ALLOWED or owner in EVERYTHING, f"{owner} is not on the map"
    package = ["hwgen", *relative.parts[:-1]]

    assert violations(owner, path.read_text(), package) == []


@pytest.mark.parametrize(
    ("owner", "source"),
    [
        ("rtl", "from hwgen.ir import Graph"),
        ("rtl", "from hwgen import ir"),
        ("rtl", "from ..ir import Graph"),
        ("ir", "import hwgen.frontend"),
        ("frontend", "def f():\n    import torch"),
        ("ir", "import tests.conftest"),
    ],
)
def test_a_forbidden_import_is_found(owner, source):
    assert violations(owner, source, ["hwgen", owner])


def test_importing_hwgen_and_its_command_line_never_loads_torch():
    code = "import sys, hwgen, hwgen.cli, hwgen.flow; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT.parent)
