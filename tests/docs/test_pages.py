"""The documentation: generated parts are complete, links lead somewhere, the tutorial ran."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from hwgen import boards
from hwgen.cli import app
from hwgen.dataflow.plan import OPS
from hwgen.frontend.walk import HANDLERS

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
TUTORIAL = ROOT / "docs" / "tutorial" / "digits.ipynb"


def loaded(name):
    spec = importlib.util.spec_from_file_location(f"docs_{name}", ROOT / "docs" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def hooks():
    return loaded("hooks")


def test_every_part_that_a_page_asks_for_is_generated(hooks):
    for path in PAGES:
        assert "<!-- generated" not in hooks.filled(path.read_text()), path


def test_the_operator_tables_name_all_that_the_code_handles(hooks):
    text = hooks.operators() + hooks.hardware()
    for name in [*HANDLERS, *(op.__name__ for op in OPS)]:
        assert f"`{name}`" in text


def test_the_command_reference_names_every_command_and_option(hooks):
    text = hooks.commands()
    for name, command in typer.main.get_command(app).commands.items():
        section = text.split(f"## {name}\n")[1].split("\n## ")[0]
        for option in command.params:
            if option.param_type_name == "option" and option.name != "help":
                assert all(f"`{flag}`" in section for flag in option.opts)


def test_every_operator_says_what_becomes_of_it(hooks):
    for row in hooks.operators().splitlines()[2:]:
        assert row.rsplit("|", 2)[1].strip(), row


def test_the_results_are_those_of_the_benches(hooks):
    rows = [
        row
        for path in (ROOT / "docs" / "results").glob("*.json")
        for row in json.loads(path.read_text())
    ]
    compared, speeds = hooks.results(), hooks.speeds()

    assert rows
    for row in rows:
        assert row["fault"] is None
        assert f"| {row['design']} | {row['folding']} | {row['frames']:,} |" in compared
        assert f"| {row['design']}, {row['folding']} | " in speeds


def test_fields_of_a_docstring_become_a_list():
    pytest.importorskip("griffe", reason="the extra docs is not installed")
    text = "One thing.\n\na, b : meaning that\n    goes on\nc : more\nRaises nothing."
    parts = "Parameters\n----------\na : int"

    assert loaded("listed").listed(text) == (
        "One thing.\n\n- `a`, `b`: meaning that\n    goes on\n- `c`: more\n\nRaises nothing."
    )
    assert loaded("listed").listed(parts) == parts


def test_the_board_table_names_every_board(hooks):
    text = hooks.known_boards()
    assert all(f"| `{name}` |" in text for name in boards.known())


@pytest.mark.parametrize("path", [*PAGES, ROOT / "README.md"], ids=lambda path: path.name)
def test_links_and_pictures_of_a_page_exist(path):
    for target in re.findall(r"\]\(([^)#\s]+)", path.read_text()):
        if not target.startswith("http"):
            assert (path.parent / target).exists(), target


def test_every_page_is_in_the_navigation():
    navigation = (ROOT / "mkdocs.yml").read_text()
    for path in [*PAGES, TUTORIAL]:
        name = re.escape(path.relative_to(ROOT / "docs").as_posix())
        assert re.search(rf"(?m)[ ]{name}$", navigation), path
    for name in re.findall(r"(?m)[ ](\S+\.(?:md|ipynb))$", navigation):
        assert (ROOT / "docs" / name).is_file(), name


def test_the_tutorial_was_executed_to_its_end_without_an_error():
    cells = json.loads(TUTORIAL.read_text())["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]

    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    for cell in code:
        lines = "".join(cell["source"]).splitlines()
        ast.parse("\n".join(line for line in lines if not line.startswith("!")))
        shown = "".join("".join(entry.get("text", "")) for entry in cell["outputs"])
        assert all(entry["output_type"] != "error" for entry in cell["outputs"])
        assert "hwgen:" not in shown
    assert "0 mismatches in" in json.dumps(cells)


@pytest.mark.slow
@pytest.mark.train
def test_the_tutorial_runs(tmp_path):
    nbformat = pytest.importorskip("nbformat", reason="the extra docs is not installed")
    client = pytest.importorskip("nbclient", reason="the extra docs is not installed")
    notebook = nbformat.read(TUTORIAL, 4)
    place = {"metadata": {"path": str(tmp_path)}}
    client.NotebookClient(notebook, timeout=1200, resources=place).execute()

    report = json.loads((tmp_path / "small" / "report.json").read_text())
    assert report["verification"]["mismatches"] == 0


@pytest.mark.slow
def test_the_documentation_builds_strictly(tmp_path):
    pytest.importorskip("mkdocs_jupyter", reason="the extra docs is not installed")
    copy = shutil.copytree(
        ROOT, tmp_path / "copy", ignore=shutil.ignore_patterns(".git", ".venv", "out", "site")
    )
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-q", "-d", str(tmp_path / "s")]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "blocks" in (tmp_path / "s" / "guides" / "folding.html").read_text()
