"""Contents of memories, moved out of Verilog into files that ``$readmemh`` reads.

Yosys keeps a dozen objects for every assignment of an ``initial`` block: 590,000 words need more
than the 4 GiB that a WebAssembly build has, and minutes. A file is read as one constant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

_BEGIN, _END = "  initial begin\n", "  end\n"
_WORD = re.compile(r"    (\\\S+ |\w+)\[(\d+)\] = \d+'h([0-9a-fxz]+);\n")


def bring(paths: Iterable[Path], folder: Path) -> list[str]:
    """Copy Verilog to where Yosys works, contents of memories apart, and return the files' names.

    WebAssembly builds of Yosys see nothing outside their working folder. What is in ``folder``
    already stays as it is.
    """
    names: list[str] = []
    for path in paths:
        names.append(path.name)
        if path.resolve().parent == folder.resolve():
            continue
        text, contents = split_contents(path.read_text(encoding="utf-8"), path.stem)
        for name, words in contents.items():
            (folder / name).write_text(words, encoding="utf-8")
        (folder / path.name).write_text(text, encoding="utf-8")
    return names


def split_contents(text: str, stem: str) -> tuple[str, dict[str, str]]:
    """Return Verilog without the words of its memories, and the files they are in, by name.

    text : Verilog as Yosys writes it; ``initial`` blocks that hold other things stay as they are
    stem : what the files' names begin with; ``<stem>.<number>.mem``
    """
    lines: list[str] = []
    block: list[str] | None = None
    words: dict[str, list[tuple[int, str]]] = {}
    for line in text.splitlines(keepends=True):
        if line == _BEGIN:
            block = []
        elif block is None:
            lines.append(line)
        elif line != _END:
            block.append(line)
        else:
            found = [match for each in block if (match := _WORD.fullmatch(each))]
            if len(found) < len(block):  # other assignments
                lines += [_BEGIN, *block, _END]
                found = []
            for match in found:
                if match[1] not in words:
                    file = f"{stem}.{len(words)}.mem"
                    lines.append(f'  initial $readmemh("{file}", {match[1]});\n')
                words.setdefault(match[1], []).append((int(match[2]), match[3]))
            block = None
    listed = {f"{stem}.{number}.mem": _listed(each) for number, each in enumerate(words.values())}
    return "".join(lines), listed


def _listed(words: list[tuple[int, str]]) -> str:
    """Return words as ``$readmemh`` reads them, with an address where one does not follow."""
    lines: list[str] = []
    after = 0
    for address, digits in words:
        if address != after:
            lines.append(f"@{address:x}")
        lines.append(digits)
        after = address + 1
    return "\n".join(lines) + "\n"
