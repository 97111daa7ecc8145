"""Amaranth components; they know shapes and arrays, never the graph."""

from hwgen.rtl.argmax import ArgMax
from hwgen.rtl.fifo import Fifo
from hwgen.rtl.fork import Fork
from hwgen.rtl.mvu import Mvu
from hwgen.rtl.replay import Replay
from hwgen.rtl.stream_mvu import StreamMvu
from hwgen.rtl.table import Table
from hwgen.rtl.threshold import Threshold
from hwgen.rtl.width_converter import WidthConverter

__all__ = [
    "ArgMax",
    "Fifo",
    "Fork",
    "Mvu",
    "Replay",
    "StreamMvu",
    "Table",
    "Threshold",
    "WidthConverter",
]
