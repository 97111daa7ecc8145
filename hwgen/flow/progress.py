"""Names and times the steps of a job, and tells a listener."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from hwgen.report.schema import Step


class Listener(Protocol):
    """Who is told what goes on, for instance a terminal."""

    def step(self, name: str) -> None:
        """A step begins."""
        ...

    def part(self, done: int, total: int) -> None:
        """So much of the step is done."""
        ...

    def finished(self, step: Step) -> None:
        """A step has ended."""
        ...

    def note(self, text: str) -> None:
        """Something a user should know, in one sentence."""
        ...


class Silent:
    """A listener that shows nothing."""

    def step(self, name: str) -> None:
        del name

    def part(self, done: int, total: int) -> None:
        del done, total

    def finished(self, step: Step) -> None:
        del step

    def note(self, text: str) -> None:
        del text


@dataclass
class Progress:
    """The steps of one job so far."""

    listener: Listener = field(default_factory=Silent)
    done: list[Step] = field(default_factory=list[Step])

    @contextmanager
    def step(self, name: str) -> Generator[None]:
        """Announce a step and keep its wall time."""
        self.listener.step(name)
        started = time.perf_counter()
        yield
        step = Step(name=name, seconds=round(time.perf_counter() - started, 3))
        self.done.append(step)
        self.listener.finished(step)

    def part(self, done: int, total: int) -> None:
        """Tell how much of the running step is done, so that the rest can be foretold."""
        self.listener.part(done, total)

    def note(self, text: str) -> None:
        """Pass a sentence on to the listener."""
        self.listener.note(text)
