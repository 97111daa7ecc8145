"""The output folder: written whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from hwgen.errors import OutputError

MARK = "report.json"


def check_target(target: Path) -> None:
    """Raise ``OutputError`` where ``target`` is something other than an earlier build.

    An empty folder and a folder that an earlier build wrote may be replaced; nothing else.
    """
    if not target.exists() and not target.is_symlink():
        return
    if not target.is_dir() or target.is_symlink():
        raise OutputError(
            f"output {target} exists and is not a plain folder; choose another with --out"
        )
    try:
        entries = {entry.name for entry in target.iterdir()}
    except OSError as error:
        raise OutputError(f"output folder {target} cannot be read: {error.strerror}") from None
    if entries and not {MARK, "model.onnx", "rtl"} <= entries:
        raise OutputError(
            f"output folder {target} holds files that are not an earlier hwgen build, and they "
            f"would be lost; choose another with --out or remove it first"
        )


@contextmanager
def whole_folder(target: Path) -> Generator[Path]:
    """Yield an empty folder that takes ``target``'s place when the block ends without an error.

    On an error it vanishes with the parents it needed, and what stood at ``target`` stays.
    Raises ``OutputError`` where the folder cannot be made.
    """
    target = Path(os.path.abspath(target))
    check_target(target)
    made = _make_parents(target)
    try:
        try:
            fresh = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        except OSError as error:
            raise _cannot(target, error) from None
        try:
            yield fresh
            _put(fresh, target)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    except BaseException:
        for parent in made:
            _remove_empty(parent)
        raise


def _make_parents(target: Path) -> list[Path]:
    missing = [parent for parent in target.parents if not parent.exists()]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        for parent in missing:
            _remove_empty(parent)
        raise _cannot(target, error) from None
    return missing


def _remove_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:  # somebody else uses it by now, or it was never made
        return


def _put(fresh: Path, target: Path) -> None:
    umask = os.umask(0)
    os.umask(umask)
    fresh.chmod(0o777 & ~umask)
    try:
        if target.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{target.name}.old.", dir=target.parent))
            target.rename(old / target.name)
            fresh.rename(target)
            shutil.rmtree(old, ignore_errors=True)
        else:
            fresh.rename(target)
    except OSError as error:
        raise _cannot(target, error) from None


def _cannot(target: Path, error: OSError) -> OutputError:
    return OutputError(
        f"output folder {target} cannot be written: {error.strerror}; choose another with --out"
    )
