"""From graph and folding to units and streams: the design as pure data."""

from hwgen.dataflow.dataflow import Dataflow, writable_units
from hwgen.dataflow.plan import plan
from hwgen.dataflow.sizing import size_fifos
from hwgen.dataflow.speed import Performance, layer_cycles, performance
from hwgen.dataflow.streams import Element, Stream
from hwgen.dataflow.timeline import Timeline, timeline
from hwgen.dataflow.wire import Words, pack, unpack, words_of

__all__ = [
    "Dataflow",
    "Element",
    "Performance",
    "Stream",
    "Timeline",
    "Words",
    "layer_cycles",
    "pack",
    "performance",
    "plan",
    "size_fifos",
    "timeline",
    "unpack",
    "words_of",
    "writable_units",
]
