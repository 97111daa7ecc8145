"""Folding files: hwgen's own TOML, and FINN's JSON, to ``Folding``; and back to TOML."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import cast, get_args

from hwgen.errors import FoldingError, OutputError, suggest
from hwgen.ir.finn_folding import finn_folding
from hwgen.ir.folding import Fold, Foldable, Folding, Memory, Style, check_folding

_NUMBERS = ("pe", "simd", "m")
_WORDS = {"style": get_args(Style), "memory": get_args(Memory)}
_TABLES = ("defaults", "layers")


def read_folding(path: str | Path, known_layers: Mapping[str, Foldable]) -> Folding:
    """Return the folding that a ``.toml`` (hwgen) or ``.json`` (FINN) file asks for.

    known_layers : bounds by layer name, in graph order, from ``foldable_layers``

    ``[layers.NAME]`` holds ``pe`` (outputs at once), ``simd`` (inputs of each, or taps of a pool),
    ``m`` (pixels of a row), ``style``, ``memory``; ``[defaults]`` the same keys for all layers,
    where a factor larger than a layer is cut to it. A layer that neither names has no entry in the
    result. Raises ``FoldingError`` for anything unknown or out of bounds.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text file"
        raise FoldingError(f"folding file {path} cannot be read: {reason}") from None
    where = path.name
    if path.suffix == ".json":
        try:
            content = json.loads(text)
        except json.JSONDecodeError as error:
            raise FoldingError(f"folding file {where} is not JSON: {error}") from None
        folding = finn_folding(content, known_layers, where)
    else:
        try:
            content = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise FoldingError(f"folding file {where} is not TOML: {error}") from None
        folding = _from_toml(content, known_layers, where)
    check_folding(folding, known_layers, where)
    return folding


def folding_text(folding: Folding) -> str:
    """Return ``folding`` as TOML that ``read_folding`` reads back; defaults are left out."""
    lines: list[str] = []
    plain = Fold()
    for name in folding:
        fold = folding[name]
        lines.append(f"[layers.{_key(name)}]")
        for entry in fields(Fold):
            value = getattr(fold, entry.name)
            if entry.name in ("pe", "simd") or value != getattr(plain, entry.name):
                lines.append(f"{entry.name} = {json.dumps(value)}")
        lines.append("")
    return "\n".join(lines)


def write_folding(folding: Folding, path: str | Path) -> None:
    """Write ``folding`` as TOML; raise ``OutputError`` where the file cannot be written."""
    try:
        Path(path).write_text(folding_text(folding), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"folding file {path} cannot be written: {error.strerror}") from None


def _key(name: str) -> str:
    bare = name.replace("_", "").replace("-", "")
    return name if bare.isascii() and bare.isalnum() else json.dumps(name)


def _from_toml(
    content: Mapping[str, object], known_layers: Mapping[str, Foldable], where: str
) -> Folding:
    for key in content:
        if key not in _TABLES:
            raise FoldingError(f"{where}: table {key!r} is unknown{suggest(key, _TABLES)}")
    layers: dict[str, Fold] = {}
    if "defaults" in content:
        common = _fold(content["defaults"], Fold(), f"{where}: defaults")
        for name, bounds in known_layers.items():
            cut = replace(common, pe=min(common.pe, bounds.height))
            cut = replace(cut, simd=min(common.simd, bounds.width), m=min(common.m, bounds.pixels))
            layers[name] = cut
    for name, entry in _table(content.get("layers", {}), f"{where}: layers").items():
        if name not in known_layers:
            raise FoldingError(f"{where}: layer {name!r} is unknown{suggest(name, known_layers)}")
        layers[name] = _fold(entry, layers.get(name, Fold()), f"{where}: {name}")
    return Folding({name: layers[name] for name in known_layers if name in layers})


def _table(value: object, where: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise FoldingError(f"{where} is {value!r}, must be a table of keys, one line each")
    return cast("Mapping[str, object]", value)


def _fold(value: object, base: Fold, where: str) -> Fold:
    known = [entry.name for entry in fields(Fold)]
    fold = base
    for key, entry in _table(value, where).items():
        if key not in known:
            raise FoldingError(f"{where}: key {key!r} is unknown{suggest(key, known)}")
        if key in _NUMBERS and (not isinstance(entry, int) or isinstance(entry, bool) or entry < 1):
            raise FoldingError(f"{where}: {key} = {entry!r} must be a whole number from 1 up")
        if key in _WORDS and entry not in _WORDS[key]:
            allowed = ", ".join(_WORDS[key])
            raise FoldingError(f"{where}: {key} = {entry!r} is unknown; it is one of {allowed}")
        fold = replace(fold, **{key: entry})  # pyright: ignore[reportArgumentType]
    return fold
