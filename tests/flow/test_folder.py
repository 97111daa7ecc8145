"""An output folder appears whole, or what was there stays."""

from __future__ import annotations

import pytest

from hwgen.errors import OutputError
from hwgen.flow.folder import whole_folder


def write_build(folder):
    (folder / "rtl").mkdir()
    (folder / "model.onnx").write_text("model")
    (folder / "report.json").write_text("report")


def interrupted(target):
    with whole_folder(target) as folder:
        write_build(folder)
        raise KeyboardInterrupt


def test_the_folder_appears_with_its_parents(tmp_path):
    with whole_folder(tmp_path / "a" / "b") as folder:
        write_build(folder)
        assert not (tmp_path / "a" / "b").exists()

    assert (tmp_path / "a" / "b" / "report.json").read_text() == "report"
    assert [entry.name for entry in (tmp_path / "a").iterdir()] == ["b"]


def test_an_error_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        interrupted(tmp_path / "a" / "b")

    assert list(tmp_path.iterdir()) == []


def test_an_earlier_build_is_replaced_whole(tmp_path):
    target = tmp_path / "out"
    with whole_folder(target) as folder:
        write_build(folder)
        (folder / "extra").write_text("old")
    with whole_folder(target) as folder:
        write_build(folder)

    assert sorted(entry.name for entry in target.iterdir()) == ["model.onnx", "report.json", "rtl"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["out"]


def test_an_earlier_build_survives_an_error(tmp_path):
    target = tmp_path / "out"
    with whole_folder(target) as folder:
        write_build(folder)
    with pytest.raises(ValueError, match="stop"), whole_folder(target) as folder:
        raise ValueError("stop")

    assert (target / "report.json").read_text() == "report"
    assert [entry.name for entry in tmp_path.iterdir()] == ["out"]


def test_other_peoples_files_are_not_overwritten(tmp_path):
    target = tmp_path / "out"
    target.mkdir()
    (target / "thesis.tex").write_text("years of work")

    with pytest.raises(OutputError, match="not an earlier hwgen build"), whole_folder(target):
        pass
    assert (target / "thesis.tex").exists()


def test_an_empty_folder_may_be_used(tmp_path):
    (tmp_path / "out").mkdir()
    with whole_folder(tmp_path / "out") as folder:
        write_build(folder)
    assert (tmp_path / "out" / "rtl").is_dir()


def test_a_file_in_the_way_is_named(tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError, match="exists and is not a plain folder"):
        whole_folder(tmp_path / "out").__enter__()
    with pytest.raises(OutputError, match="cannot be written: Not a directory"):
        whole_folder(tmp_path / "out" / "deeper" / "still").__enter__()
    assert (tmp_path / "out").read_text() == "a file"
