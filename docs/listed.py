"""Lists of fields in docstrings, written ``name : meaning``, as lists in the API reference."""

from __future__ import annotations

import re
from typing import Any

import griffe

_FIELD = re.compile(r"^(\w[\w.]*(?:, \w[\w.]*)*) : (.+)$")


class Listed(griffe.Extension):
    """Turns each paragraph of ``name : meaning`` lines into a Markdown list."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite the docstring of an object as it is loaded."""
        if obj.docstring is not None:
            obj.docstring.value = listed(obj.docstring.value)


def listed(text: str) -> str:
    """Return a docstring with its lists of fields as Markdown lists, all else as it was.

    A field begins at the margin; indented lines below it continue it.
    """
    if re.search(r"^-{3,}$", text, re.M):
        return text  # numpy's sections are read as such
    lines: list[str] = []
    for line in text.splitlines():
        found = _FIELD.match(line)
        if found is None:
            if lines and lines[-1].startswith(("- ", "  ")) and line.strip() and line[0] != " ":
                lines.append("")
            lines.append(line)
            continue
        if lines and lines[-1].strip() and not lines[-1].startswith(("- ", " ")):
            lines.append("")
        names = ", ".join(f"`{name}`" for name in found[1].split(", "))
        lines.append(f"- {names}: {found[2]}")
    return "\n".join(lines)
