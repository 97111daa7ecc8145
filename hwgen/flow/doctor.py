"""Which programs this machine has, and what each would enable."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from hwgen import tools
from hwgen.flow.progress import Progress


@dataclass(frozen=True)
class Finding:
    """One program.

    version, origin : of what was found; None where it is missing
    enables : what hwgen does with it
    install : how to get it
    """

    name: str
    version: str | None
    origin: str | None
    enables: str
    install: str

    @property
    def found(self) -> bool:
        """Whether the machine has it."""
        return self.version is not None


def examine() -> list[Finding]:
    """Return what is known of every program hwgen can call."""
    findings: list[Finding] = []
    for name, program in tools.PROGRAMS.items():
        tool = tools.find(name)
        version, origin = (tool.version, tool.origin) if tool else (None, None)
        findings.append(Finding(name, version, origin, program.enables, program.install))
    return findings


def warm(progress: Progress) -> list[str]:
    """Run every WebAssembly tool once, so that it is compiled for this machine; return their names.

    Later calls of these tools then start at once.
    """
    warmed: list[str] = []
    for name in tools.PROGRAMS:
        tool = tools.find(name)
        if tool is None or not tool.wasm:
            continue
        with progress.step(f"starting {tool.origin} {tool.version} once"):
            with tempfile.TemporaryDirectory() as folder:
                tools.run(tool, ["--version"], folder=Path(folder), check=False)
            warmed.append(name)
    return warmed
