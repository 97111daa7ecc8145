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
from rich.markup import escape
from rich.progress import (
    BarColumn,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar

from hwgen.errors import HwgenError
from hwgen.report.schema import Step

out = Console(highlight=False, soft_wrap=False)
err = Console(stderr=True, highlight=False)


@dataclass
class Terminal:
    """Shows the running step; one line that changes on a terminal, a line each elsewhere.

    quiet : show nothing but notes
    verbose : keep a line for each step with its time
    """

    quiet: bool = False
    verbose: bool = False
    _bar: Bar | None = field(default=None, init=False)
    _task: TaskID | None = field(default=None, init=False)
    _started: float = field(default_factory=time.perf_counter, init=False)

    def step(self, name: str) -> None:
        """Show that a step begins."""
        if self.quiet:
            return
        if not err.is_terminal:
            err.print(f"{time.perf_counter() - self._started:6.1f} s  {name}", markup=False)
            return
        if self._bar is None:
            self._bar = _bar()
            self._bar.start()
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._task = self._bar.add_task(escape(name), total=None)

    def part(self, done: int, total: int) -> None:
        """Show how much of the step is done, and how long the rest will take."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, total=total)

    def finished(self, step: Step) -> None:
        """Keep a line of the step and its time, where asked for."""
        if self.verbose and not self.quiet:
            err.print(f"{step.seconds:6.1f} s for {step.name}", markup=False)

    def note(self, text: str) -> None:
        """Show a sentence that stays."""
        err.print(text, markup=False)

    def close(self) -> None:
        """Remove the running step's line."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def _bar() -> Bar:
    """Return a line with the step, its time so far and, once its size is known, what is left."""
    return Bar(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TimeElapsedColumn(),
        TimeRemainingColumn(compact=True),
        console=err,
        transient=True,
    )


@contextmanager
def running(quiet: bool, verbose: bool = False) -> Generator[Terminal]:
    """Show progress on stderr while the block runs."""
    terminal = Terminal(quiet, verbose)
    try:
        yield terminal
    finally:
        terminal.close()


@contextmanager
def ending() -> Generator[None]:
    """Make of an ``HwgenError`` in the block one paragraph on stderr and its exit code."""
    try:
        yield
    except HwgenError as error:
        complain(str(error))
        sys.exit(error.exit_code)


def emit_json(content: BaseModel | Mapping[str, object]) -> None:
    """Write one JSON document to stdout."""
    if isinstance(content, BaseModel):
        text = content.model_dump_json(indent=2)
    else:
        text = json.dumps(content, indent=2)
    sys.stdout.write(text + "\n")


def line(text: str = "") -> None:
    """Write one line of a result to stdout: wrapped at words on a terminal, elsewhere as it is."""
    out.print(text, markup=False, soft_wrap=not out.is_terminal)


def complain(message: str) -> None:
    """Write an error to stderr as one paragraph; the entries of a list begin lines of their own."""
    lines = [" ".join(line.split()) for line in message.splitlines()]
    text = "hwgen: " + "\n".join(lines)
    err.print(text, markup=False, soft_wrap=not err.is_terminal)
