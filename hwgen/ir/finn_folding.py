"""FINN's folding JSON: its layer names count the layers of a kind in graph order."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, TypeVar, cast

from hwgen.errors import FoldingError, suggest
from hwgen.ir.folding import Fold, Foldable, Folding, Memory, Style

_W = TypeVar("_W")

_KINDS: dict[str, Literal["mvu", "threshold"]] = {
    "MVAU": "mvu",
    "MatrixVectorActivation": "mvu",
    "StreamingFCLayer": "mvu",
    "Thresholding": "threshold",
}
# Layers that FINN folds and hwgen gives the lanes of their neighbours.
_SELF_SIZED = (
    "AddStreams",
    "ChannelwiseOp",
    "ConvolutionInputGenerator",
    "DuplicateStreams",
    "FMPadding",
    "GlobalAccPool",
    "IODMA",
    "LabelSelect",
    "StreamingDataWidthConverter",
    "StreamingFIFO",
    "StreamingMaxPool",
)
# Keys about FINN's own memories and queues; hwgen decides or computes these itself.
_IGNORED = (
    "depth_trigger_bram",
    "depth_trigger_uram",
    "depth",
    "impl_style",
    "inFIFODepths",
    "outFIFODepths",
    "parallel_window",
    "preferred_impl_style",
    "pumpedCompute",
    "pumpedMemory",
    "ram_style_thresholds",
    "runtime_writeable_weights",
    "use_dsp",
)
_KEYS = ("PE", "SIMD", "M", "ram_style", "resType", "mem_mode")
_RAM: dict[str, Memory] = {
    "auto": "auto",
    "block": "bram",
    "ultra": "bram",
    "distributed": "lutram",
}
_RES: dict[str, Style] = {"auto": "auto", "lut": "lut", "dsp": "dsp"}


def finn_folding(
    content: object, known_layers: Mapping[str, Foldable], where: str = "folding"
) -> Folding:
    """Return FINN's folding for the layers of a graph.

    content : the parsed JSON, ``{"Defaults": {}, "MVAU_0": {"PE": 1, "SIMD": 1, ...}, ...}``;
        any back-end spelling (``MVAU_hls_0``, ``MatrixVectorActivation_0``) is read
    known_layers : bounds by name in graph order; ``MVAU_n`` is the n-th matrix unit of them.
        ``Thresholding_0`` is the threshold layer that reads the input, where there is one; all
        other thresholds work on the lanes of the layer in front of them

    Raises ``FoldingError`` for a layer or key that is unknown.
    """
    table = _table(content, where)
    layers: dict[str, Fold] = {}
    for name, entry in table.items():
        if name == "Defaults":
            continue
        kind, number = _kind(name, where)
        if kind is None:
            continue
        mine = [key for key, at in known_layers.items() if at.kind == kind]
        if kind == "threshold" and number >= len(mine):
            continue
        if number >= len(mine):
            raise FoldingError(
                f"{where}: layer {name!r} is unknown; the network has {len(mine)} of its kind "
                f"({', '.join(mine) or 'none'}), counted from 0"
            )
        common = _defaults(table.get("Defaults", {}), name, f"{where}: Defaults")
        wanted = common | dict(_table(entry, f"{where}: {name}"))
        layers[mine[number]] = _fold(wanted, f"{where}: {name}")
    return Folding({name: layers[name] for name in known_layers if name in layers})


def _table(value: object, where: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise FoldingError(f"{where} holds {value!r}, expected layers by name, keys by layer")
    return cast("Mapping[str, object]", value)


def _kind(name: str, where: str) -> tuple[Literal["mvu", "threshold"] | None, int]:
    match = re.fullmatch(r"([A-Za-z]+?)(?:_Batch)?(?:_hls|_rtl)?_(\d+)", name)
    base = match[1] if match else name
    if match and base in _KINDS:
        return _KINDS[base], int(match[2])
    if match and base in _SELF_SIZED:
        return None, 0
    raise FoldingError(
        f"{where}: layer {name!r} is not a name FINN gives{suggest(base, [*_KINDS, *_SELF_SIZED])}"
    )


def _defaults(value: object, name: str, where: str) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, entry in _table(value, where).items():
        if not isinstance(entry, list) or len(cast("list[object]", entry)) != 2:
            raise FoldingError(f"{where}: {key} = {entry!r} must be [value, [layer kinds]]")
        setting, kinds = cast("list[object]", entry)
        scope = [str(kind) for kind in cast("list[object]", kinds if kinds else [])]
        if "all" in scope or any(name.startswith(kind) for kind in scope):
            found[key] = setting
    return found


def _fold(entry: Mapping[str, object], where: str) -> Fold:
    for key in entry:
        if key not in (*_KEYS, *_IGNORED):
            raise FoldingError(f"{where}: key {key!r} is unknown{suggest(key, _KEYS)}")
    return Fold(
        pe=_factor(entry, "PE", where),
        simd=_factor(entry, "SIMD", where),
        m=_factor(entry, "M", where),
        style=_word(entry, "resType", _RES, where),
        memory="const" if entry.get("mem_mode") == "const" else _memory(entry, where),
    )


def _memory(entry: Mapping[str, object], where: str) -> Memory:
    return _word(entry, "ram_style", _RAM, where)


def _factor(entry: Mapping[str, object], key: str, where: str) -> int:
    value = entry.get(key, 1)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise FoldingError(f"{where}: {key} = {value!r} must be a whole number from 1 up")
    return value


def _word(entry: Mapping[str, object], key: str, words: Mapping[str, _W], where: str) -> _W:
    value = entry.get(key, "auto")
    if value not in words:
        raise FoldingError(
            f"{where}: {key} = {value!r} is unknown; it is one of {', '.join(words)}"
        )
    return words[str(value)]
