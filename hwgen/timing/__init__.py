"""Time without hardware: schedules of components, and the model that solves networks of them."""

from hwgen.timing.dense import argmax, elementwise, fork, mvu
from hwgen.timing.model import Times, deadlock_free, solve
from hwgen.timing.network import Edge, Network, chain, single
from hwgen.timing.schedule import BoolArray, Buffer, IntArray, Pipe, Queue, Schedule
from hwgen.timing.steady import Steady, steady
from hwgen.timing.streams import replay, width_converter, width_steps

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
    "chain",
    "deadlock_free",
    "elementwise",
    "fork",
    "mvu",
    "replay",
    "single",
    "solve",
    "steady",
    "width_converter",
    "width_steps",
]
