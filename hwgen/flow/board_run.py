"""``hwgen run``: inference on a connected board with the serial shell."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hwgen.errors import InputError, OutputError
from hwgen.flow.shells import DRIVER
from hwgen.host import read_frames
from hwgen.host.hwgen_driver import FrameError, decode
from hwgen.host.serial_link import SerialLink, open_port


@dataclass(frozen=True)
class BoardRun:
    """What a board answered.

    classes : index of each frame's largest output
    retries : requests that were sent again
    """

    folder: str
    port: str
    frames: int
    fps: float
    retries: int
    classes: tuple[int, ...]
    outputs: str | None


def run_on_board(
    folder: Path,
    inputs: Path,
    port: str,
    *,
    outputs: Path | None = None,
    answer_s: float | None = None,
    told: Callable[[int, int], None] = lambda done, frames: None,
) -> BoardRun:
    """Send frames to the board at ``port`` and gather its outputs.

    outputs : gets them as ``.npy``
    answer_s : time after which a frame's answer counts as lost; by the line's rate without it
    told : is told the number of finished frames, and of all
    Raises ``InputError`` for what does not fit, ``LinkError`` where the board does not answer.
    """
    meta = _meta(folder)
    x = read_frames(inputs)
    if outputs is not None and not outputs.parent.is_dir():
        raise OutputError(f"outputs {outputs} cannot be written: no folder {outputs.parent}")
    wire = open_port(port, meta["baud"])
    try:
        link = SerialLink(wire, answer_s=answer_s or _patience(meta))
        link.check(meta["build"])
        started = time.perf_counter()
        codes = link.run(x, meta, lambda done: told(done, len(x)))
        seconds = time.perf_counter() - started
    except FrameError as error:
        raise InputError(f"inputs {inputs}: {error}") from None
    finally:
        wire.close()
    values = decode(codes, meta["output"])
    flat = values.reshape(len(values), -1)
    classes = flat[:, 0] if flat.shape[1] == 1 else flat.argmax(axis=1)
    if outputs is not None:
        _save(values, outputs)
    return BoardRun(
        str(folder),
        port,
        len(x),
        round(len(x) / seconds, 2),
        link.retries,
        tuple(int(value) for value in classes),
        None if outputs is None else str(outputs),
    )


def _meta(folder: Path) -> dict[str, Any]:
    path = folder / DRIVER / "meta.json"
    try:
        meta = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        raise InputError(f"{folder} is no build for a board: no readable {path}") from None
    if not isinstance(meta, dict) or "shell" not in meta:
        raise InputError(f"{path} is not what a build wrote; build {folder} again")
    if meta.get("shell") != "uart":
        raise InputError(
            f"{folder} has the shell {meta.get('shell')}; `hwgen run` reaches boards with the "
            f"shell uart, on a PYNQ board {DRIVER}/hwgen_driver.py does this"
        )
    return meta


def _patience(meta: dict[str, Any]) -> float:
    """Return the seconds after which an answer is lost: ten times the line's own time, and some."""
    octets = 2 * (meta["input"]["bytes"] + meta["output"]["bytes"]) + 32
    return 0.5 + 10 * octets * 10 / meta["baud"]


def _save(values: np.ndarray[Any, Any], path: Path) -> None:
    try:
        with path.open("wb") as file:
            np.save(file, values)
    except OSError as error:
        raise OutputError(f"outputs {path} cannot be written: {error.strerror}") from None
