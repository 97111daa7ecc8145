"""Where a design first goes wrong: the same run again, with every layer watched."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwgen.dataflow import Dataflow, Stream, Words, unpack, words_of
from hwgen.emit import Design
from hwgen.ir import Graph
from hwgen.ir.ops import IntArray
from hwgen.verify.engine import Engine, Stalls


@dataclass(frozen=True)
class Divergence:
    """The first integer that differs from the reference.

    layer : graph node (tensor) in whose codes it stands
    unit : the unit that gave it
    source : the layer of the model file
    pixel : position without the channel, empty for a vector
    """

    frame: int
    layer: str
    unit: str
    source: str
    pixel: tuple[int, ...]
    channel: int
    expected: int
    got: int

    def __str__(self) -> str:
        origin = f" ({self.source})" if self.source and self.source != self.layer else ""
        pixel = f", pixel {self.pixel}" if self.pixel else ""
        return (
            f"frame {self.frame}, layer {self.layer}{origin}{pixel}, channel {self.channel}: "
            f"expected {self.expected}, got {self.got}"
        )


@dataclass(frozen=True)
class Progress:
    """How far a stream came before a design hung.

    layer, reader : graph nodes that give and take it; ``output`` takes the last one
    transfers, expected : up to the end, of how many
    waiting : it offers a transfer that its reader does not take
    """

    layer: str
    reader: str
    transfers: int
    expected: int
    waiting: bool


def blame(progress: tuple[Progress, ...]) -> str:
    """Say which layer stopped: the last that does not take, or the first that does not give."""
    for one in reversed(progress):
        if one.waiting:
            return (
                f"layer {one.reader} stopped taking after {one.transfers} of {one.expected} "
                f"transfers from {one.layer}"
            )
    short = next((one for one in progress if one.transfers < one.expected), progress[-1])
    return f"layer {short.layer} gave {short.transfers} of {short.expected} transfers"


def first_difference(
    graph: Graph, dataflow: Dataflow, stream: Stream, expected: IntArray, got: IntArray
) -> Divergence | None:
    """Compare frames of one stream; ``got`` may hold fewer frames than ``expected``."""
    wanted = expected.reshape(len(expected), *stream.type.shape)[: len(got)]
    different = np.argwhere(wanted != got)
    if not len(different):
        return None
    frame, *pixel, channel = (int(number) for number in different[0])
    place = (frame, *pixel, channel)
    unit = dataflow.source[stream.name].name if stream.name in dataflow.source else "input"
    source = graph[stream.tensor].source if stream.tensor in graph else ""
    return Divergence(
        frame,
        stream.tensor,
        unit,
        source,
        tuple(pixel),
        channel,
        int(wanted[place]),
        int(got[place]),
    )


def locate(
    design: Design,
    graph: Graph,
    codes: IntArray,
    words: Words,
    *,
    engine: Engine,
    folder: Path,
    stalls: Stalls | None,
    cycles: int,
) -> tuple[Divergence | None, tuple[Progress, ...]]:
    """Run ``words`` again for ``cycles`` and watch every tensor.

    Returns the divergence in the first layer, in graph order, that differs, and how far each
    watched stream came.
    """
    flow = design.dataflow
    watched = design.watched(flow.observable())
    model = engine.build(watched, folder, cycles=cycles)
    outputs = len(codes) * flow.streams[flow.output].transfers
    run = model.run(words, outputs, stalls=stalls, patience=cycles, limit=cycles, taps=True)
    reference = graph.run_all(codes)
    progress: list[Progress] = []
    found: Divergence | None = None
    for name, payloads, waiting in _split(run.taps, flow, watched.taps):
        stream = flow.streams[name]
        layer = flow.source[name].node
        reader = flow.sink[name].node if name in flow.sink else "output"
        asked = len(codes) * stream.transfers
        progress.append(Progress(layer, reader, len(payloads), asked, waiting))
        if found is None:
            frames = len(payloads) // stream.transfers
            whole = unpack(payloads[: frames * stream.transfers], stream)
            found = first_difference(graph, flow, stream, reference[stream.tensor], whole)
    return found, tuple(progress)


def _split(taps: Words, flow: Dataflow, names: tuple[str, ...]) -> list[tuple[str, Words, bool]]:
    """Return each watched stream's transferred payloads and whether it waits in the last cycle.

    ``Top.taps`` gives the layout.
    """
    octets = np.ascontiguousarray(taps, "<u4").view(np.uint8)
    found: list[tuple[str, Words, bool]] = []
    at = 0
    for name in names:
        bits = flow.streams[name].bits
        valid = (octets[:, at // 8] >> (at % 8)) & 1
        ready = (octets[:, (at + 1) // 8] >> ((at + 1) % 8)) & 1
        moved = octets[np.flatnonzero(valid & ready)]
        waiting = bool(len(valid)) and bool(valid[-1] and not ready[-1])
        found.append((name, _cut(moved, at + 2, bits), waiting))
        at += 2 + bits
    return found


def _cut(octets: np.ndarray, first: int, bits: int) -> Words:
    """Return bits ``first .. first + bits - 1`` of each row as 32-bit words."""
    start, stop = first // 8, -(-(first + bits) // 8)
    flags = np.unpackbits(octets[:, start:stop], axis=1, bitorder="little")
    flags = flags[:, first % 8 : first % 8 + bits]
    packed = np.zeros((len(octets), words_of(bits) * 4), np.uint8)
    filled = np.packbits(flags, axis=1, bitorder="little")
    packed[:, : filled.shape[1]] = filled
    return packed.view("<u4").astype(np.uint32)
