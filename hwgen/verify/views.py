"""Files that open a waveform with the layers' streams in order, for GTKWave and Surfer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hwgen.emit.names import Names

_STREAM = re.compile(r"([io])(_.*)?_(valid|ready|payload)")


@dataclass(frozen=True)
class Wave:
    """A signal of a waveform: its path with dots, and its width in bits."""

    path: str
    bits: int


@dataclass(frozen=True)
class Group:
    """The streams of one unit."""

    name: str
    waves: tuple[Wave, ...]


def groups(vcd: Path, units: Sequence[str]) -> tuple[Group, ...]:
    """Return the streams of each of ``units``, in their order, that a waveform holds.

    units : names as the dataflow gives them; the design's instances are called after them
    """
    names = Names()
    wanted = [(unit, names.take(unit)) for unit in units]
    scopes = _scopes(vcd)
    found: list[Group] = []
    for unit, instance in wanted:
        waves = next((waves for scope, waves in scopes if scope[-1] == instance), ())
        streams = _streams(waves)
        if streams:
            found.append(Group(unit, tuple(streams)))
    return tuple(found)


def _streams(waves: Sequence[Wave]) -> list[Wave]:
    """Return the signals of streams, each once: ``i__valid`` may stand beside ``i_valid``."""
    named = [(wave.path.rpartition(".")[2], wave) for wave in waves]
    names = {name for name, _ in named}
    return [
        wave
        for name, wave in named
        if _STREAM.fullmatch(name) and not ("__" in name and name.replace("__", "_") in names)
    ]


def _scopes(vcd: Path) -> list[tuple[tuple[str, ...], tuple[Wave, ...]]]:
    """Return the scopes of a waveform's header, each with the signals right in it."""
    inside: list[str] = []
    found: dict[tuple[str, ...], list[Wave]] = {}
    with vcd.open(encoding="ascii", errors="replace") as file:
        for line in file:
            words = line.split()
            if words[:1] == ["$scope"]:
                inside.append(words[2])
            elif words[:1] == ["$upscope"]:
                inside.pop()
            elif words[:1] == ["$var"]:
                path = ".".join([*inside, words[4]])
                found.setdefault(tuple(inside), []).append(Wave(path, int(words[2])))
            elif words[:1] == ["$enddefinitions"]:
                break
    return [(scope, tuple(waves)) for scope, waves in found.items() if scope]


def gtkwave(vcd: Path, shown: Sequence[Group]) -> str:
    """Return a GTKWave save file."""
    lines = [f'[dumpfile] "{vcd.resolve()}"', "[timestart] 0", "[size] 1400 900"]
    for group in shown:
        lines += ["@200", f"-{group.name}"]
        for wave in group.waves:
            if wave.bits == 1:
                lines += ["@28", wave.path]
            else:
                lines += ["@22", f"{wave.path}[{wave.bits - 1}:0]"]
    return "\n".join(lines) + "\n"


def surfer(shown: Sequence[Group]) -> str:
    """Return a Surfer command file, for ``surfer -c FILE WAVEFORM``."""
    lines: list[str] = []
    for group in shown:
        lines.append(f"divider_add {group.name}")
        lines += [f"variable_add {wave.path}" for wave in group.waves]
    return "\n".join([*lines, "zoom_fit"]) + "\n"


def write_views(vcd: Path, units: Sequence[str]) -> tuple[Path, Path]:
    """Write both files beside ``vcd``; return their paths."""
    shown = groups(vcd, units)
    save, commands = vcd.with_suffix(".gtkw"), vcd.with_suffix(".sucl")
    save.write_text(gtkwave(vcd, shown), encoding="utf-8")
    commands.write_text(surfer(shown), encoding="utf-8")
    return save, commands
