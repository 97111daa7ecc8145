"""Time without hardware: schedules of components, and the model that solves networks of them."""

from hwgen.timing.dense import (
    argmax,
    argmax_latency,
    elementwise,
    fork,
    mvu,
    threshold,
    threshold_latency,
)
from hwgen.timing.model import Times, deadlock_free, solve
from hwgen.timing.network import Edge, Network, chain, single
from hwgen.timing.schedule import BoolArray, Buffer, IntArray, Pipe, Queue, Schedule
from hwgen.timing.steady import Steady, steady
from hwgen.timing.streams import fifo, fifo_style, replay, width_converter, width_steps

__all__ = [
    "BoolArray",
    "Buffer",
    "Edge",
    "IntArray",
    "Network",
    "Pipe",
    "Queue",
    "Schedule",
    "Steady",
    "Times",
    "argmax",
    "argmax_latency",
    "chain",
    "deadlock_free",
    "elementwise",
    "fifo",
    "fifo_style",
    "fork",
    "mvu",
    "replay",
    "single",
    "solve",
    "steady",
    "threshold",
    "threshold_latency",
    "width_converter",
    "width_steps",
]
