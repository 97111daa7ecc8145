"""Where the command line writes: results to stdout, progress and errors to stderr."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from pydantic import BaseModel
from rich.console import Console
from rich.status import Status

out = Console(highlight=False, soft_wrap=False)
err = Console(stderr=True, highlight=False)


@dataclass
class Terminal:
    """Shows the running step; one line that changes on a terminal, a line each elsewhere.

    quiet : show nothing but notes
    """

    quiet: bool = False
    _status: Status | None = field(default=None, init=False)
    _started: float = field(default_factory=time.perf_counter, init=False)

    def step(self, name: str) -> None:
        """Show that a step begins."""
        if self.quiet:
            return
        if not err.is_terminal:
            err.print(f"{time.perf_counter() - self._started:6.1f} s  {name}", markup=False)
        elif self._status is None:
            self._status = err.status(name)
            self._status.start()
        else:
            self._status.update(name)

    def note(self, text: str) -> None:
        """Show a sentence that stays."""
        err.print(text, markup=False)

    def close(self) -> None:
        """Remove the running step's line."""
        if self._status is not None:
            self._status.stop()
            self._status = None


@contextmanager
def running(quiet: bool) -> Generator[Terminal]:
    """Show progress on stderr while the block runs."""
    terminal = Terminal(quiet)
    try:
        yield terminal
    finally:
        terminal.close()


def emit_json(content: BaseModel | Mapping[str, object]) -> None:
    """Write one JSON document to stdout."""
    if isinstance(content, BaseModel):
        text = content.model_dump_json(indent=2)
    else:
        text = json.dumps(content, indent=2)
    sys.stdout.write(text + "\n")


def line(text: str = "") -> None:
    """Write one line of a result to stdout, as it is."""
    out.print(text, markup=False, soft_wrap=True)


def complain(message: str) -> None:
    """Write an error as one paragraph to stderr."""
    err.print("hwgen: " + " ".join(message.split()), markup=False, soft_wrap=not err.is_terminal)
