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

    def note(self, text: str) -> None:
        """Something a user should know, in one sentence."""
        ...


class Silent:
    """A listener that shows nothing."""

    def step(self, name: str) -> None:
        del name

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
        self.done.append(Step(name=name, seconds=round(time.perf_counter() - started, 3)))

    def note(self, text: str) -> None:
        """Pass a sentence on to the listener."""
        self.listener.note(text)
